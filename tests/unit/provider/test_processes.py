import os
import shutil
import sys
import threading
import time
from pathlib import Path

import pytest
from tether_provider import errors, processes

PYTHON = [sys.executable, "-S", "-c"]


def test_output_exit_code_and_input_come_through() -> None:
    program = "import sys; print(sys.stdin.read().upper()); print('talk', file=sys.stderr); sys.exit(3)"

    done = processes.run([*PYTHON, program], timeout=20, stdin="hello")

    assert (done.code, done.stdout.strip(), done.stderr.strip()) == (3, "HELLO", "talk")


def test_lines_are_told_as_they_come() -> None:
    lines: list[str] = []

    processes.run([*PYTHON, "import sys; sys.stderr.write('one\\ntwo\\n')"], timeout=20, on_line=lines.append)

    assert lines == ["one", "two"]


def test_variables_are_added_to_the_own_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEPT", "1")

    done = processes.run(
        [*PYTHON, "import os; print(os.environ['KEPT'], os.environ['ADDED'])"], timeout=20, environment={"ADDED": "2"}
    )

    assert done.stdout.split() == ["1", "2"]


def test_much_output_does_not_block_the_child() -> None:
    done = processes.run([*PYTHON, "print('x' * 1_000_000)"], timeout=20)

    assert len(done.stdout) > 1_000_000 - 1


def test_a_program_that_is_missing_says_where_it_comes_from() -> None:
    with pytest.raises(processes.ChildMissingError, match="no-such-program — not found on PATH"):
        processes.run(["no-such-program"], timeout=1)


def test_a_child_that_takes_too_long_is_ended() -> None:
    started = time.monotonic()

    with pytest.raises(processes.ChildTimeoutError, match=r"did not end within 0\.3 s"):
        processes.run(["sleep", "60"], timeout=0.3)

    assert time.monotonic() - started < 5


def test_a_child_that_ignores_the_polite_signal_and_its_children_are_ended_on_cancel(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    program = (
        "import os, signal, subprocess, sys, time\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "child = subprocess.Popen(['sleep', '60'])\n"
        f"open({str(pids)!r}, 'w').write(f'{{os.getpid()}} {{child.pid}}')\n"
        "time.sleep(60)\n"
    )
    cancel = threading.Event()

    def cancel_when_up() -> None:
        while not (pids.exists() and pids.read_text()):
            time.sleep(0.01)
        cancel.set()

    threading.Thread(target=cancel_when_up, daemon=True).start()

    with pytest.raises(errors.CancelledError):
        processes.run([*PYTHON, program], timeout=60, cancel=cancel)

    deadline = time.monotonic() + 1
    while any(runs(int(pid)) for pid in pids.read_text().split()):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (ProcessLookupError, FileNotFoundError):
        return False


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="there is no /proc to read")
@pytest.mark.parametrize(("verb", "finishes"), [("run", True), ("exec", False)])
def test_of_a_cancelled_child_only_what_podman_would_leave_half_made_is_let_finish(
    tmp_path: Path, verb: str, finishes: bool
) -> None:
    shutil.copy("/bin/sh", tmp_path / "podman")
    (tmp_path / verb).write_text("touch begun; sleep 1; touch done")
    cancel = threading.Event()

    def cancel_when_begun() -> None:
        while not (tmp_path / "begun").exists():
            time.sleep(0.01)
        cancel.set()

    threading.Thread(target=cancel_when_begun, daemon=True).start()
    with pytest.raises(errors.CancelledError):
        processes.run(["sh", "-c", f"cd {tmp_path} && ./podman {verb}; touch next"], timeout=20, cancel=cancel)

    assert (tmp_path / "done").exists() is finishes
    assert not (tmp_path / "next").exists()
