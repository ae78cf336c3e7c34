"""A checkout with a stand-in for the engine, in which whole commands run."""

import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from tests.unit.cli.test_summary import OUTPUTS
from tests.unit.cli.workbench import (
    calls,
    checkout,
    cluster,
    exported,
    install_pulumi,
    random_id,
    stack,
)  # fmt: skip
from tests.unit.compatibility.making import RELEASED, write_charts
from tests.unit.preflight.test_checks import GOOD
from tether import parts, preflight
from tether.cli import down as down_module
from tether.cli import main, project
from tether.cli import up as up_module
from tether.cli.project import Project
from tether.cli.remnants import Machine
from tether.settings import ContainerRuntime

HISTORY: dict[str, object] = {
    "kind": "update", "startTime": "2026-11-28T15:00:00.000Z", "message": "", "environment": {}, "config": {},
    "result": "succeeded",
}  # fmt: skip
"""What the engine tells of a run."""
ENGINE = """
    state = pathlib.Path(STATE)
    file = state / "stacks" / "tether" / (os.environ["PULUMI_STACK"] + ".json")
    if arguments[:2] == ["stack", "init"]:
        file.parent.mkdir(parents=True)
        file.write_text(json.dumps({"version": 3, "checkpoint": {"stack": "s", "latest": {}}}))
    elif arguments[0] == "up":
        (notes / "permission").write_text(os.environ.get("TETHER_ALLOW_UNSUPPORTED", ""))
        again = "resources" in json.loads(file.read_text())["checkpoint"]["latest"]
        file.write_text((notes / "after-up.json").read_text())
        history = state / "history" / "tether" / "kind"
        history.mkdir(parents=True, exist_ok=True)
        number = len(list(history.iterdir()))
        changes = {"same": 5} if again else {"create": 5}
        (history / f"kind-{number}.history.json").write_text(json.dumps({"resourceChanges": changes}))
        if (notes / "fail").exists():
            sys.exit(1)
    elif arguments[:2] == ["stack", "output"]:
        print(json.dumps({"cluster1": "token: one", "cluster2": "token: two"}))
    elif arguments[:2] == ["stack", "history"]:
        print(json.dumps([HISTORY]))
    elif arguments[:2] == ["stack", "export"] and file.is_file():
        print(json.dumps({"version": 3, "deployment": json.loads(file.read_text())["checkpoint"]["latest"]}))
    elif arguments[:2] == ["stack", "export"]:
        print("error: no stack named 'kind' found", file=sys.stderr)
        sys.exit(6)
    elif arguments[0] == "destroy" and (notes / "fail").exists():
        sys.exit(1)
    elif arguments[:2] == ["stack", "rm"]:
        file.unlink()
    """


def always(value: object) -> Callable[[object], object]:
    return lambda _: value


class Bench:
    """A checkout, its engine and its runtime."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.place: Project = checkout(folder)
        self.bin = folder / "bin"
        self.things: dict[str, list[str]] = {"ps": [], "network": [], "volume": []}
        self.facts = GOOD
        self.built = 0
        self.runtime_asked_for = ContainerRuntime.AUTO
        self.parts = RELEASED
        environment = install_pulumi(
            self.bin, ENGINE.replace("STATE", repr(str(self.place.state))).replace("HISTORY", repr(HISTORY))
        )
        self.after_up(exported(stack(**OUTPUTS), random_id(), cluster("cluster1"), cluster("cluster2")))
        monkeypatch.chdir(folder)
        monkeypatch.setenv("PULUMI_STACK", "kind")
        monkeypatch.setattr(project, "full_environment", always(environment))
        machine = Machine("podman", {}, self._runtime)
        monkeypatch.setattr(up_module, "machine_of", always(machine))
        monkeypatch.setattr(down_module, "machine_of", always(machine))
        monkeypatch.setattr(up_module, "build_tools", self._build)
        monkeypatch.setattr(preflight, "gather", self._gather)

    def after_up(self, document: dict[str, object]) -> None:
        latest = {"version": 3, "checkpoint": {"stack": "s", "latest": document["deployment"]}}
        (self.bin / "after-up.json").write_text(json.dumps(latest))

    def calls(self) -> list[str]:
        return [" ".join(call.split()[:2]) if call.startswith("stack") else call.split()[0] for call in calls(self.bin)]

    def _gather(self, *_: object, inotify: int = 0) -> preflight.Facts:
        return self.facts

    def _build(self, _: Project, runtime: ContainerRuntime = ContainerRuntime.AUTO) -> None:
        self.runtime_asked_for = runtime
        self.built += 1
        parts.write(self.parts, self.place.root / parts.FILE)
        write_charts(self.place.root, RELEASED.istio_version)

    def _runtime(self, command: list[str]) -> subprocess.CompletedProcess[str]:
        verb, named = command[1], command[2:]
        if verb == "inspect":
            return subprocess.CompletedProcess(command, 0, "", "")
        if verb in {"kill", "rm"}:
            self.things["ps"] = [name for name in self.things["ps"] if name not in named]
        elif command[2] == "rm":
            self.things[verb] = [name for name in self.things[verb] if name.partition("|")[0] not in named]
        else:
            return subprocess.CompletedProcess(command, 0, "".join(f"{line}\n" for line in self.things[verb]), "")
        return subprocess.CompletedProcess(command, 0, "", "")


def tether(monkeypatch: pytest.MonkeyPatch, arguments: Sequence[str]) -> int:
    monkeypatch.setattr(sys, "argv", ["tether", *arguments])
    with pytest.raises(SystemExit) as ended:
        main.main()
    return int(ended.value.code or 0)
