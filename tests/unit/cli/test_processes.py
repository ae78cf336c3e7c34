"""Real processes of this machine; Linux only, as is what is tested."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tether.cli import processes

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="there is no /proc to read")
SCRIPT = "import time; time.sleep(60)"
Start = Callable[..., subprocess.Popen[bytes]]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    running: list[subprocess.Popen[bytes]] = []

    def begin(name: str, *arguments: str, **environment: str) -> subprocess.Popen[bytes]:
        program = tmp_path / name
        if not program.exists():
            shutil.copy("/bin/sh", program)
        # The trailing command keeps the shell from giving its place to sleep.
        command = [program, "-c", "sleep 60; true", *arguments]
        running.append(subprocess.Popen(command, env={**os.environ, **environment}, start_new_session=True))
        return running[-1]

    yield begin
    for process in running:
        process.kill()
        process.wait()


def eventually(found: Callable[[], bool]) -> bool:
    until = time.monotonic() + 10
    while not found():
        if time.monotonic() > until:
            return False
        time.sleep(0.02)
    return True


def test_a_kind_at_work_on_a_cluster_is_found_and_ended(start: Start) -> None:
    process = start("kind", "create", "cluster", "--name", "cluster1-feedbeef")
    other = start("kind", "create", "cluster", "--name", "cluster1-99998888")
    assert eventually(lambda: [one.number for one in processes.working_on(["-feedbeef"])] == [process.pid])
    processes.end(processes.working_on(["-feedbeef"]))
    assert process.wait(timeout=10) != 0
    assert other.poll() is None


def test_a_podman_that_makes_a_node_is_let_finish(tmp_path: Path) -> None:
    shutil.copy("/bin/sh", tmp_path / "podman")
    (tmp_path / "run").write_text("sleep 1; touch done")
    running = subprocess.Popen(["./podman", "run", "--name", "cluster1-feedabba"], cwd=tmp_path)
    assert eventually(lambda: [one.number for one in processes.working_on(["-feedabba"])] == [running.pid])
    processes.end(processes.working_on(["-feedabba"]))
    assert running.wait(timeout=10) == 0
    assert (tmp_path / "done").exists()


def test_other_programs_that_only_name_a_cluster_are_left_alone(start: Start) -> None:
    start("editor", "cluster1-feedf00d.log")
    time.sleep(0.2)
    assert processes.working_on(["-feedf00d"]) == []


def test_a_plugin_is_orphaned_only_without_an_engine_above_it(start: Start, tmp_path: Path) -> None:
    home = tmp_path / "home"
    alone = start("pulumi-resource-alone", PULUMI_HOME=str(home))
    assert eventually(lambda: [one.number for one in processes.orphaned_plugins(home)] == [alone.pid])
    assert processes.orphaned_plugins(tmp_path / "other") == []


def test_a_plugin_that_an_interpreter_runs_is_known_and_an_editor_is_not(tmp_path: Path, start: Start) -> None:
    folder = tmp_path / "providers" / "tether"
    folder.mkdir(parents=True)
    (folder / "__main__.py").write_text(SCRIPT)
    home = tmp_path / "home"
    start("editor", str(folder), PULUMI_HOME=str(home))
    environment = {**os.environ, "PULUMI_HOME": str(home)}
    plugin = subprocess.Popen([sys.executable, "providers/tether"], cwd=tmp_path, env=environment)
    try:
        assert eventually(lambda: [one.number for one in processes.orphaned_plugins(home)] == [plugin.pid])
    finally:
        plugin.kill()
        plugin.wait()


def test_a_plugin_of_a_living_engine_is_left_alone(start: Start, tmp_path: Path) -> None:
    home, plugin = tmp_path / "home", tmp_path / "pulumi-resource-busy"
    shutil.copy("/bin/sleep", plugin)
    engine = tmp_path / "pulumi"
    shutil.copy("/bin/sh", engine)
    parent = subprocess.Popen(
        [engine, "-c", f"{plugin} 60; true"], env={**os.environ, "PULUMI_HOME": str(home)}, start_new_session=True
    )
    try:
        children = Path(f"/proc/{parent.pid}/task/{parent.pid}/children")
        assert eventually(lambda: bool(children.read_text().strip()))
        assert processes.orphaned_plugins(home) == []
    finally:
        os.killpg(parent.pid, 9)
        parent.wait()


def test_a_process_lives_until_it_has_ended() -> None:
    process = subprocess.Popen([sys.executable, "-c", SCRIPT])
    assert processes.is_alive(process.pid)
    process.kill()
    # Not yet waited for: a zombie has ended all the same.
    assert eventually(lambda: not processes.is_alive(process.pid))
    process.wait()
    assert not processes.is_alive(process.pid)


def test_a_process_that_does_not_listen_is_ended_by_force(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "_GRACE_SECONDS", 0.2)
    deaf = subprocess.Popen(
        [sys.executable, "-c", "import signal; signal.signal(15, signal.SIG_IGN); print(flush=True);" + SCRIPT],
        stdout=subprocess.PIPE,
    )
    assert deaf.stdout is not None
    deaf.stdout.readline()
    processes.end([processes.Process(deaf.pid, ("deaf",))])
    assert deaf.wait(timeout=10) == -9
    deaf.stdout.close()
