"""Whole runs with a stand-in for the engine: what is called, what is left, which exit code."""

import datetime
import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from tests.unit.authority.making import chain
from tests.unit.cli.test_summary import OUTPUTS
from tests.unit.cli.workbench import (
    STACK_YAML,
    SUFFIX,
    calls,
    checkout,
    cluster,
    exported,
    install_pulumi,
    random_id,
    resource,
    stack,
    write_state,
)  # fmt: skip
from tests.unit.compatibility.making import RELEASED, write_charts
from tests.unit.preflight.test_checks import GOOD
from tether import parts, preflight
from tether.cli import down as down_module
from tether.cli import locks, main, project, records
from tether.cli import up as up_module
from tether.cli.project import Project
from tether.cli.remnants import Machine
from tether.parts import PartsMissingError

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
        self.parts = RELEASED
        environment = install_pulumi(self.bin, ENGINE.replace("STATE", repr(str(self.place.state))))
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

    def _gather(self, *_: object) -> preflight.Facts:
        return self.facts

    def _build(self, _: Project) -> None:
        self.built += 1
        parts.write(self.parts, self.place.root / parts.FILE)
        write_charts(self.place.root, RELEASED.istio_version)

    def _runtime(self, command: list[str]) -> subprocess.CompletedProcess[str]:
        verb, named = command[1], command[2:]
        if verb in {"kill", "rm"}:
            self.things["ps"] = [name for name in self.things["ps"] if name not in named]
        elif command[2] == "rm":
            self.things[verb] = [name for name in self.things[verb] if name.partition("|")[0] not in named]
        else:
            return subprocess.CompletedProcess(command, 0, "".join(f"{line}\n" for line in self.things[verb]), "")
        return subprocess.CompletedProcess(command, 0, "", "")


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    return Bench(tmp_path, monkeypatch)


def tether(monkeypatch: pytest.MonkeyPatch, arguments: Sequence[str]) -> int:
    monkeypatch.setattr(sys, "argv", ["tether", *arguments])
    with pytest.raises(SystemExit) as ended:
        main.main()
    return int(ended.value.code or 0)


def test_up_makes_the_stack_runs_the_engine_and_shows_the_endpoints(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    assert tether(monkeypatch, ["up"]) == 0
    assert bench.calls() == ["stack export", "stack init", "up", "stack output"]
    assert bench.built == 1
    assert "Mesh mesh1 is up: 2 clusters, 5 resources changed" in capfd.readouterr().out
    assert records.read(bench.place) == records.Record(frozenset({SUFFIX}), 2)


def test_up_writes_kubeconfigs_that_only_the_owner_reads(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.place.kubeconfigs.mkdir(parents=True)
    (bench.place.kubeconfigs / "gone").touch()
    assert tether(monkeypatch, ["up"]) == 0
    files = {path.name: path for path in bench.place.kubeconfigs.iterdir()}
    assert set(files) == {"cluster1", "cluster2"}
    assert files["cluster2"].read_text() == "token: two"
    assert {path.stat().st_mode & 0o777 for path in files.values()} == {0o600}


def test_up_again_asks_the_engine_for_nothing_but_the_update(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    tether(monkeypatch, ["up"])
    (bench.bin / "calls").unlink()
    capfd.readouterr()
    assert tether(monkeypatch, ["up", "--output", "json"]) == 0
    assert bench.calls() == ["up"]
    document = json.loads(capfd.readouterr().out)
    assert document["changes"] == 0
    assert document["endpoints"] == OUTPUTS["endpoints"]


def test_a_refresh_is_asked_of_the_engine_only_when_it_is_wanted(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    assert tether(monkeypatch, ["up"]) == tether(monkeypatch, ["up", "--refresh"]) == 0

    assert ["--refresh" in line for line in calls(bench.bin) if line.startswith("up ")] == [False, True]


def test_up_with_bad_settings_ends_with_2_before_anything_is_built(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    bench.place.stack_file.write_text(STACK_YAML.replace("network2", "network1"))
    assert tether(monkeypatch, ["up"]) == 2
    captured = capfd.readouterr()
    assert "tether:clusters[1].network" in captured.err
    assert captured.out == ""
    assert bench.calls() == []
    assert bench.built == 0


def hand_out(bench: Bench, file: str) -> None:
    bench.place.stack_file.write_text(
        f"{STACK_YAML}  tether:certificateAuthority:\n    source: generated\n    rootKeyFile: {file}\n"
    )


@pytest.mark.parametrize(("file", "says"), [("key.pem", "exists already"), ("none/key.pem", "mkdir -p -m 700")])
def test_up_that_could_not_hand_out_the_root_s_key_ends_with_2_before_the_engine_runs(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], file: str, says: str
) -> None:
    hand_out(bench, file)
    (bench.place.root / "key.pem").write_text("of another root")
    assert tether(monkeypatch, ["up"]) == 2
    assert says in " ".join(capsys.readouterr().err.split())
    assert "up" not in bench.calls()


def test_a_root_that_is_there_already_has_its_file_and_that_is_right(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = resource("tether:index:CertificateChain", "mesh")
    bench.after_up(exported(stack(**OUTPUTS), random_id(), cluster("cluster1"), cluster("cluster2"), root))
    hand_out(bench, "key.pem")
    assert tether(monkeypatch, ["up"]) == 0
    (bench.place.root / "key.pem").write_text("of this root")
    assert tether(monkeypatch, ["up"]) == 0


def test_up_with_an_authority_that_istiod_could_not_use_ends_with_2_before_anything_is_built(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    made = chain(2, days=-1, since=-2)
    for name, text in (("c.pem", made[0].pem), ("k.pem", made[1].key_pem), ("r.pem", made[1].pem)):
        (bench.place.root / name).write_text(text)
    bench.place.stack_file.write_text(
        f"{STACK_YAML}  tether:certificateAuthority:\n    source: provided\n    caCert: c.pem\n    caKey: k.pem\n"
        "    rootCert: r.pem\n"
    )
    assert tether(monkeypatch, ["up"]) == 2
    said = capsys.readouterr().err
    assert "2 problems in the settings; nothing was created." in said
    assert "pulumi config set --secret --path 'tether:certificateAuthority.caKey' < FILE" in said
    assert (bench.built, bench.calls()) == (0, [])


@pytest.mark.parametrize("is_made", [False, True], ids=["no stack yet", "a stack"])
def test_settings_that_are_refused_before_there_is_a_stack_say_how_pulumi_comes_to_set_them(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], is_made: bool
) -> None:
    """Observed: ``pulumi config set``, typed as shown, ended with "no stack selected"."""
    if is_made:
        write_state(bench.place, exported(stack()))
    bench.place.stack_file.write_text(STACK_YAML.replace("role: primary", "role: remote"))
    assert tether(monkeypatch, ["up"]) == 2
    said = capsys.readouterr().err
    assert "Fix: pulumi config set" in said
    assert ("pulumi stack select --create kind" in said) is not is_made


@pytest.mark.parametrize("is_encrypted", [True, False])
def test_up_warns_of_a_signing_key_that_lies_open_in_the_stack_file(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], is_encrypted: bool
) -> None:
    made = chain(2, now=datetime.datetime.now(datetime.UTC))
    document = yaml.safe_load(STACK_YAML)
    document["config"]["tether:certificateAuthority"] = {
        "source": "provided", "caCert": made[0].pem, "rootCert": made[1].pem,
        "caKey": {"secure": "v1:abc"} if is_encrypted else made[0].key_pem,
    }  # fmt: skip
    bench.place.stack_file.write_text(yaml.safe_dump(document))
    assert tether(monkeypatch, ["up"]) == 0
    said = capfd.readouterr().err
    assert ("lies unencrypted in stacks/Pulumi.kind.yaml" in said) is not is_encrypted
    assert made[0].key_pem.splitlines()[1] not in said


def test_up_on_a_machine_that_is_too_small_ends_with_3_before_anything_is_built(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    bench.facts = replace(GOOD, memory_available=1, runtimes={}, inotify_watches=1)
    assert tether(monkeypatch, ["up"]) == 3
    error = capfd.readouterr().err
    assert "2 findings; nothing was created" in error
    assert "memory" in error
    assert "container runtime" in error
    assert "warning: fs.inotify.max_user_watches" in error
    assert bench.calls() == []
    assert bench.built == 0


def test_up_beside_another_run_ends_with_4(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    with locks.alone(bench.place):
        assert tether(monkeypatch, ["up"]) == 4
    assert bench.calls() == []


def test_up_without_a_project_ends_with_6(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert tether(monkeypatch, ["up"]) == 6


def test_up_that_fails_half_way_ends_with_1_and_keeps_a_record(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    (bench.bin / "fail").touch()
    bench.after_up(exported(stack(), random_id(), cluster("cluster1")))
    assert tether(monkeypatch, ["up"]) == 1
    assert records.read(bench.place) == records.Record(frozenset({SUFFIX}), 1)


def test_unknown_options_end_with_2(monkeypatch: pytest.MonkeyPatch) -> None:
    assert tether(monkeypatch, ["up", "--nope"]) == 2


def test_up_goes_on_after_a_killed_run(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    node = f"cluster1-{SUFFIX}-control-plane"
    bench.things["ps"] = [node, "web"]
    write_state(bench.place, exported(stack(), random_id(), pending=[("creating", cluster("cluster1"))]))
    assert tether(monkeypatch, ["up"]) == 0
    assert bench.calls() == ["stack import", "up", "stack output"]


def test_down_destroys_removes_the_stack_and_leaves_no_file(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    tether(monkeypatch, ["up"])
    (bench.bin / "calls").unlink()
    assert tether(monkeypatch, ["down", "--yes"]) == 0
    assert bench.calls() == ["destroy", "stack rm"]
    assert "is gone" in capfd.readouterr().err
    left = sorted(
        str(path.relative_to(bench.place.private)) for path in bench.place.private.rglob("*") if path.is_file()
    )
    assert left == ["locks/kind.lock", "parts.json"]
    assert bench.place.stack_file.is_file()


def test_down_removes_what_the_state_does_not_know_and_nothing_of_others(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    records.add(bench.place, {SUFFIX}, 1)
    bench.things = {
        "ps": [f"cluster1-{SUFFIX}-control-plane", "cluster1-99998888-control-plane"],
        "network": [f"tether-{SUFFIX}", "podman"],
        "volume": [f"aaa|map[cluster1-{SUFFIX}-control-plane:]", "data|map[]"],
    }
    assert tether(monkeypatch, ["down", "--yes"]) == 0
    assert bench.things == {
        "ps": ["cluster1-99998888-control-plane"],
        "network": ["podman"],
        "volume": ["data|map[]"],
    }


def test_down_twice_is_fine(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    tether(monkeypatch, ["up"])
    assert tether(monkeypatch, ["down", "--yes"]) == 0
    assert tether(monkeypatch, ["down", "--yes"]) == 0


def test_down_in_a_fresh_checkout_has_nothing_to_do(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def missing(_: Project) -> None:
        raise PartsMissingError("parts.json is missing")

    monkeypatch.setattr(project, "full_environment", missing)
    assert tether(monkeypatch, ["down", "--yes"]) == 0
    assert "Nothing to remove" in capfd.readouterr().err


@pytest.mark.parametrize("options", [["--yes"], ["--dry-run"]], ids=" ".join)
def test_down_of_a_stack_that_never_was_says_so_and_names_those_that_are(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], options: list[str]
) -> None:
    tether(monkeypatch, ["up"])
    capfd.readouterr()
    assert tether(monkeypatch, ["down", "--stack", "nonsense", *options]) == 0
    said = capfd.readouterr().err
    assert "Nothing to remove: this checkout has nothing of a stack nonsense. It has: kind." in said
    assert "is gone" not in said


def test_a_dry_run_lists_everything_and_removes_nothing(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    tether(monkeypatch, ["up"])
    bench.things["ps"] = [f"cluster1-{SUFFIX}-control-plane"]
    (bench.bin / "calls").unlink()
    capfd.readouterr()
    assert tether(monkeypatch, ["down", "--dry-run"]) == 0
    listed = capfd.readouterr().out.splitlines()
    assert cluster("cluster2")["urn"] in listed
    assert f"container cluster1-{SUFFIX}-control-plane" in listed
    assert bench.calls() == []
    assert bench.things["ps"]


def test_down_that_cannot_ask_removes_nothing(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    tether(monkeypatch, ["up"])
    with Path(os.devnull).open() as nobody:
        monkeypatch.setattr(sys, "stdin", nobody)
        assert tether(monkeypatch, ["down"]) == 2
    assert "destroy" not in bench.calls()


def test_an_engine_that_cannot_destroy_does_not_keep_the_clusters(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    tether(monkeypatch, ["up"])
    (bench.bin / "fail").touch()
    bench.things["ps"] = [f"cluster1-{SUFFIX}-control-plane"]
    assert tether(monkeypatch, ["down", "--yes"]) == 0
    assert bench.things["ps"] == []
    assert "could not remove everything in good order" in capfd.readouterr().err


@pytest.mark.parametrize(("options", "code"), [([], 1), (["--force"], 0)])
def test_objects_in_clusters_of_others_are_given_up_only_by_force(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, options: list[str], code: int
) -> None:
    bench.after_up(exported(stack(**OUTPUTS), random_id(), resource("kubernetes:core/v1:Namespace", "istio-system")))
    tether(monkeypatch, ["up"])
    (bench.bin / "fail").touch()
    assert tether(monkeypatch, ["down", "--yes", *options]) == code
    assert ("stack rm" in bench.calls()) is (code == 0)


def test_env_prints_lines_for_a_shell(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(project, "environment", always({"PULUMI_STACK": "kind", "PATH": "/a b:/c"}))
    assert tether(monkeypatch, ["env"]) == 0
    assert capfd.readouterr().out == "export PULUMI_STACK=kind\nexport PATH='/a b:/c'\n"


def test_make_help_names_every_target() -> None:
    root = Path(__file__).parents[3]
    shown = subprocess.run(["make", "-C", str(root), "help"], capture_output=True, text=True, check=True).stdout
    phony = next(line for line in (root / "Makefile").read_text().splitlines() if line.startswith(".PHONY:"))
    for target in phony.split()[1:]:
        assert f" {target}" in shown.replace("\033[1m", "")
