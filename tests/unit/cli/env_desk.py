"""Environments of a machine that has a podman of its own making."""

import dataclasses
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.unit.cli.engine_bench import Bench, tether
from tests.unit.cli.test_summary import OUTPUTS
from tests.unit.cli.workbench import cluster, exported, random_id, stack
from tether.cli import environments, lost, project
from tether.cli.project import Project
from tether.environments import registry
from tether.environments.registry import Registry

NAME = "pr-1"
KUBECONFIG = """\
apiVersion: v1
kind: Config
current-context: kind-x
clusters: [{name: kind-x, cluster: {server: "https://127.0.0.1:1"}}]
users: [{name: kind-x, user: {client-key-data: a2V5}}]
contexts: [{name: kind-x, context: {cluster: kind-x, user: kind-x}}]
"""


class Desk:
    """Environments of a machine that has a podman of its own making."""

    def __init__(self, bench: Bench, known: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
        self.bench = bench
        self.known = known
        self.things = bench.bin / "things"
        self._monkeypatch = monkeypatch

    def type(self, *words: str) -> int:
        return tether(self._monkeypatch, ["env", *words])

    def change(self, **changes: Any) -> None:
        self.known.write(dataclasses.replace(environments.find(self.known, NAME), **changes))

    def put(self, kind: str, name: str, marks: Mapping[str, str]) -> None:
        folder = self.things / kind
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(json.dumps(dict(marks)))

    def there(self) -> list[str]:
        return sorted(path.name for path in self.things.rglob("*") if path.is_file())


PODMAN = """\
#!/usr/bin/env python3
import json, pathlib, sys
things = pathlib.Path(THINGS)
words = sys.argv[1:]
kind = words.pop(0) if words[0] in ("network", "volume") else "container"
verb, folder = words[0], things / kind
names = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []
if (things / "silent").exists():
    sys.exit("cannot connect")
if verb in ("ps", "ls"):
    marked = "label=tether-env.name" in words
    print("\\n".join(name for name in names if not marked or "tether-env.name" in (folder / name).read_text()))
elif verb == "inspect":
    print((folder / words[-1]).read_text())
elif verb == "rm" and not (things / "stuck").exists():
    for name in words[1:]:
        (folder / name).unlink(missing_ok=True)
"""


def desk_of(bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """Put a runtime beside the bench's engine, and a registry of its own."""
    state = tmp_path / "xdg"
    monkeypatch.setenv("XDG_STATE_HOME", str(state))
    monkeypatch.delenv("PULUMI_STACK")
    bench.place.private.mkdir(exist_ok=True)
    bench._build(bench.place)  # pyright: ignore[reportPrivateUsage]
    made = Desk(bench, registry.of_user(), monkeypatch)
    program = bench.bin / "podman"
    program.write_text(PODMAN.replace("THINGS", repr(str(made.things))))
    program.chmod(0o755)
    made.things.mkdir()
    engine = (bench.bin / "pulumi").read_text()
    home = "os.environ['PULUMI_BACKEND_URL'].removeprefix('file://') + '/.pulumi'"
    engine = engine.replace(repr(str(bench.place.state)), home)
    engine = engine.replace("token: one", "ONE").replace("token: two", "TWO")
    engine = engine.replace('"ONE"', repr(KUBECONFIG)).replace('"TWO"', repr(KUBECONFIG))
    (bench.bin / "pulumi").write_text(engine)

    def variables(place: Project) -> dict[str, str]:
        return {
            **os.environ,
            "PATH": f"{bench.bin}{os.pathsep}/usr/bin{os.pathsep}/bin",
            "PULUMI_STACK": place.stack,
            "PULUMI_BACKEND_URL": (place.private / "state").as_uri(),
        }

    monkeypatch.setattr(project, "full_environment", variables)
    monkeypatch.setattr(lost, "RUNTIMES", ("podman",))
    monkeypatch.setattr(environments, "of_machine", lambda: variables(bench.place))
    bench.after_up(exported(stack(**OUTPUTS), random_id(), cluster("cluster1"), cluster("cluster2")))
    return made


def entry_of(desk: Desk) -> registry.Entry:
    return environments.find(desk.known, NAME)
