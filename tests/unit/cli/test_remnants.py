import subprocess
from pathlib import Path

import pytest

from tests.unit.cli.workbench import SUFFIX, checkout
from tether import frozen
from tether.cli import records, remnants
from tether.cli.processes import Process
from tether.cli.remnants import Machine, Remnants
from tether.errors import TetherError

OWN = f"cluster1-{SUFFIX}-control-plane"


class Runtime:
    """Answers as podman and docker do, from lists."""

    def __init__(self) -> None:
        self.containers = [OWN, "cluster1-99998888-control-plane", f"x{SUFFIX}", "web"]
        self.networks = ["podman", f"tether-{SUFFIX}", "tether-99998888"]
        self.volumes = [f"aaa|map[{OWN}:]", f"bbb|io.x-k8s.kind.cluster=cluster1-{SUFFIX}", "ccc|map[]", "data|"]
        self.commands: list[list[str]] = []
        self.refusal = ""
        self.answers: dict[str, list[str]] = {}

    def __call__(self, command: list[str]) -> subprocess.CompletedProcess[str]:
        self.commands.append(command)
        answers = {"ps": self.containers, "network ls": self.networks, "volume ls": self.volumes, **self.answers}
        for verb, lines in answers.items():
            if command[1 : 1 + len(verb.split())] == verb.split():
                return subprocess.CompletedProcess(command, 0, "".join(f"{line}\n" for line in lines), "")
        return subprocess.CompletedProcess(command, bool(self.refusal), "", self.refusal)


def test_only_things_of_the_environment_are_found() -> None:
    found = Machine("podman", {}, Runtime()).of_suffixes({SUFFIX})
    assert found == Remnants(containers=(OWN,), networks=(f"tether-{SUFFIX}",), volumes=("aaa", "bbb"))
    assert list(found.lines()) == [f"container {OWN}", f"network tether-{SUFFIX}", "volume aaa", "volume bbb"]


def test_without_a_suffix_nothing_is_even_asked() -> None:
    runtime = Runtime()
    assert not Machine("podman", {}, runtime).of_suffixes(set())
    assert runtime.commands == []


def test_everything_found_is_removed_and_nothing_else() -> None:
    runtime = Runtime()
    machine = Machine("docker", {}, runtime)
    found = machine.of_suffixes({SUFFIX})
    runtime.commands.clear()
    machine.remove(found)
    assert runtime.commands == [
        ["docker", "inspect", "--format", "{{.Id}}", OWN],
        ["docker", "kill", OWN],
        ["docker", "rm", "--force", "--volumes", OWN],
        ["docker", "volume", "rm", "--force", "aaa", "bbb"],
        ["docker", "network", "rm", f"tether-{SUFFIX}"],
    ]


def test_what_is_frozen_runs_on_between_kill_and_removal_also_of_a_container_that_the_runtime_forgot(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    runtime = Runtime()
    runtime.answers["inspect"] = ["id-of-own"]

    def thaw(containers: list[str]) -> int:
        runtime.commands.append(["thaw", *containers])
        return 0

    monkeypatch.setattr(frozen, "thaw", thaw)
    monitor = Process(2**22 + 1, ("/usr/bin/conmon", "--api-version", "1", "-c", "id-of-forgotten", "-u", "x"))
    Machine("podman", {}, runtime).remove(Remnants(containers=(OWN,), processes=(monitor,)))
    assert [command[:2] for command in runtime.commands] == [
        ["podman", "inspect"], ["podman", "kill"], ["thaw", "id-of-own"], ["podman", "rm"],
    ]  # fmt: skip
    assert runtime.commands[2] == ["thaw", "id-of-own", "id-of-forgotten"]
    runtime.commands.clear()
    Machine("podman", {}, runtime).remove(Remnants(processes=(monitor,)))
    assert runtime.commands == [["thaw", "id-of-forgotten"]]


@pytest.mark.parametrize("gone", ["Error: no such volume aaa", "Error response: network x not found"])
def test_what_has_gone_in_the_meantime_is_no_error(gone: str) -> None:
    runtime = Runtime()
    runtime.refusal = gone
    Machine("podman", {}, runtime).remove(Remnants(volumes=("aaa",), networks=("x",)))


def test_a_refusal_of_the_runtime_is_told_with_the_way_on() -> None:
    runtime = Runtime()
    runtime.refusal = "network has active endpoints"
    with pytest.raises(TetherError, match=r"active endpoints(.|\n)*make down"):
        Machine("podman", {}, runtime).remove(Remnants(networks=("x",)))


def test_a_runtime_that_does_not_answer_is_an_error_not_an_empty_list() -> None:
    def silent(command: list[str]) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess(command, 1, "", "cannot connect")

    with pytest.raises(TetherError, match="cannot connect"):
        Machine("podman", {}, silent).of_suffixes({SUFFIX})


def test_a_runtime_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(TetherError, match="does not say what is there"):
        Machine(str(tmp_path / "podman"), {}).of_suffixes({SUFFIX})


def test_files_of_one_stack_are_told_from_those_of_others(tmp_path: Path) -> None:
    place = checkout(tmp_path)
    stacks = place.state / "stacks" / "tether"
    stacks.mkdir(parents=True)
    for name in ("kind.json.bak", "kind.json.bak.attrs", "kind-2.json", "kind-2.json.bak"):
        (stacks / name).touch()
    for folder in ("backups", "history"):
        for stack in ("kind", "kind-2"):
            (place.state / folder / "tether" / stack).mkdir(parents=True)
    assert {str(path.relative_to(place.state)) for path in remnants.state_files(place)} == {
        "backups/tether/kind",
        "history/tether/kind",
        "stacks/tether/kind.json.bak",
        "stacks/tether/kind.json.bak.attrs",
    }
    assert remnants.other_stacks(place) == ["kind-2"]


def test_the_record_outlives_the_state_and_grows(tmp_path: Path) -> None:
    place = checkout(tmp_path)
    assert records.read(place) == records.Record()
    records.add(place, {"11112222"}, 2)
    records.add(place, {"33334444"})
    assert records.read(place) == records.Record(frozenset({"11112222", "33334444"}), 2)
    records.forget(place)
    records.forget(place)
    assert records.read(place) == records.Record()


@pytest.mark.parametrize("content", ["{", "[]", '{"suffixes": null, "clusters": 1}'])
def test_an_unreadable_record_is_empty(tmp_path: Path, content: str) -> None:
    place = checkout(tmp_path)
    place.record.parent.mkdir(parents=True)
    place.record.write_text(content)
    assert records.read(place) == records.Record()
