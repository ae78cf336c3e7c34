"""The program that kind takes for the container runtime."""

import os
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from tether_provider import kind_runtime

from tether.environments import labels

MARKS = {"tether-env.name": "it's", "tether-env.folder": '/a b/$HOME "x"'}
ROLE = 'inspect --format {{ index .Config.Labels "io.x-k8s.kind.role"}}'
PROCESS = ["inspect", "--format", "{{.State.Pid}}"]


def put(folder: Path, name: str, text: str) -> None:
    (folder / name).write_text(f"#!/bin/sh\n{text}\n")
    (folder / name).chmod(0o755)


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A Podman that prints its arguments, one a line, counts its calls and fails; a root without an nsenter."""
    folder = tmp_path / "real ones"
    folder.mkdir()
    put(folder, "podman", f'printf "%s\\n" "$@"\necho "$*" >> "{tmp_path}/calls"\nexit 3')
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}/usr/bin{os.pathsep}/bin")
    monkeypatch.setenv(labels.VARIABLE, labels.encode(MARKS))
    for variable in ("CONTAINER_HOST", "CONTAINER_CONNECTION"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    return folder


class Runtime:
    """What kind calls."""

    def __init__(self, tmp_path: Path, name: str = "podman") -> None:
        private = tmp_path / "private"
        private.mkdir()
        self.variables = kind_runtime.environment(name, private)
        self._name = name
        self._log = tmp_path / "calls"

    def __call__(self, *arguments: str, code: int = 3) -> list[str]:
        done = subprocess.run(
            [self._name, *arguments],
            env={**os.environ, **self.variables},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, done.stderr) == (code, "")
        return done.stdout.splitlines()

    @property
    def calls(self) -> list[str]:
        """Of the runtime itself."""
        return self._log.read_text().splitlines() if self._log.exists() else []


@pytest.mark.parametrize("command", [["run"], ["create"], ["volume", "create"]])
def test_what_is_made_is_labelled_and_the_rest_of_the_command_stays(
    programs: Path, tmp_path: Path, command: list[str]
) -> None:
    rest = ["--name", "node 1", "", "--label", "of=kind", "image"]
    marks = [part for key, value in sorted(MARKS.items()) for part in ("--label", f"{key}={value}")]
    assert Runtime(tmp_path)(*command, *rest) == [*command, *marks, *rest]


@pytest.mark.parametrize("command", [["exec", "node", "run", "x"], ["ps", "-a"], ["running"], ["volume", "rm", "run"]])
def test_what_makes_nothing_is_passed_on_as_it_is(programs: Path, tmp_path: Path, command: list[str]) -> None:
    assert Runtime(tmp_path)(*command) == command


def test_what_is_made_stays_as_it_is_where_no_labels_are_wanted(
    programs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(labels.VARIABLE)
    assert Runtime(tmp_path)("run", "--name", "x") == ["run", "--name", "x"]


def test_kind_is_told_nothing_of_a_runtime_that_is_not_there(programs: Path, tmp_path: Path) -> None:
    assert Runtime(tmp_path, "nerdctl").variables == {}


@pytest.mark.parametrize("question", ["info --format json", "--version"])
def test_what_cannot_change_is_asked_once(programs: Path, tmp_path: Path, question: str) -> None:
    put(programs, "podman", f'echo "answer to $*"; echo "$*" >> "{tmp_path}/calls"')
    runtime = Runtime(tmp_path)
    for _ in range(3):
        assert runtime(*question.split(), code=0) == [f"answer to {question}"]
    assert runtime.calls == [question]


def test_each_node_s_role_is_asked_once(programs: Path, tmp_path: Path) -> None:
    put(programs, "podman", f'echo "$4"; echo "$*" >> "{tmp_path}/calls"')
    runtime = Runtime(tmp_path)
    question = [*ROLE.split(maxsplit=2)]
    for node in ("one", "two", "one", "two"):
        assert runtime(*question, node, code=0) == [node]
    assert runtime.calls == [f"{ROLE} one", f"{ROLE} two"]


def test_an_answer_that_failed_is_asked_for_anew(programs: Path, tmp_path: Path) -> None:
    runtime = Runtime(tmp_path)
    for _ in range(2):
        assert runtime("info", "--format", "json") == ["info", "--format", "json"]
    assert runtime.calls == ["info --format json"] * 2


@pytest.fixture
def node(programs: Path, tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A process for that of a node, and an nsenter that does what is asked after the last of its own arguments."""
    variables = {"OF": "a node", "PATH": "/usr/bin:/bin", "STAR": "*"}
    with subprocess.Popen(["sleep", "60"], env=variables, text=True) as process:
        put(programs, "podman", f'echo "$*" >> "{tmp_path}/calls"; echo {process.pid}')
        note = f'printf "%s " "$@" > "{tmp_path}/entered"'
        put(programs, "nsenter", f'{note}\nwhile [ "$1" != -- ]; do shift; done\nshift\nexec "$@"')
        yield process
        process.kill()


@pytest.mark.parametrize("options", [["--privileged"], ["--privileged", "-i"]])
def test_a_command_runs_in_a_node_by_its_namespaces_with_the_variables_of_its_container(
    node: subprocess.Popen[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: Sequence[str]
) -> None:
    runtime = Runtime(tmp_path)
    monkeypatch.setenv("TETHER_TEST", "of this machine")
    for _ in range(2):
        words = ["sh", "-c", 'echo "$OF" "$STAR" "$1" "$TETHER_TEST"', "sh", "a  b"]
        assert runtime("exec", *options, "node-1", *words, code=0) == ["a node * a  b "]
    entered = (tmp_path / "entered").read_text()
    namespaces = ("--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup")
    assert all(f" {namespace} " in entered for namespace in namespaces)
    assert f"--target {node.pid} " in entered
    assert runtime.calls == [" ".join([*PROCESS, "node-1"])], "its process is asked for once"


def test_a_command_s_exit_code_and_input_are_its_own(node: subprocess.Popen[str], tmp_path: Path) -> None:
    runtime = Runtime(tmp_path)
    assert runtime("exec", "--privileged", "node-1", "false", code=1) == []
    done = subprocess.run(
        ["podman", "exec", "--privileged", "-i", "node-1", "cat"],
        env={**os.environ, **runtime.variables},
        input="through",
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "through"


@pytest.mark.parametrize(
    "command",
    [
        ["exec", "--privileged", "-t", "node-1", "ls"],
        ["exec", "--privileged", "-e", "A=b", "node-1", "ls"],
        ["exec", "node-1", "--privileged"],
    ],
)
def test_options_that_kind_does_not_use_today_are_left_to_podman(
    programs: Path, node: subprocess.Popen[str], tmp_path: Path, command: list[str]
) -> None:
    put(programs, "podman", 'printf "%s\\n" "$@"')
    assert Runtime(tmp_path)(*command, code=0) == command
    assert not (tmp_path / "entered").exists()


@pytest.mark.parametrize("reason", ["not root", "elsewhere", "no nsenter", "docker"])
def test_nodes_that_we_may_not_enter_are_left_to_the_runtime(
    programs: Path, node: subprocess.Popen[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reason: str
) -> None:
    name = "docker" if reason == "docker" else "podman"
    put(programs, name, 'printf "%s\\n" "$@"')
    if reason == "not root":
        monkeypatch.setattr(os, "geteuid", lambda: 1000)
    elif reason == "elsewhere":
        monkeypatch.setenv("CONTAINER_HOST", "ssh://there")
    elif reason == "no nsenter":
        (programs / "nsenter").unlink()
        monkeypatch.setenv("PATH", str(programs))
    command = ["exec", "--privileged", "node-1", "ls"]
    assert Runtime(tmp_path, name)(*command, code=0) == command
    assert not (tmp_path / "entered").exists()
