import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tether import versions
from tether.parts import PartsMissingError
from toolchain import __main__ as command
from toolchain import bootstrap, build, node, runtime, schedule, sources, status
from toolchain.places import Cache
from toolchain.store import Artefact, Store, Workshop

ROOT = Path(command.__file__).parents[1]


def call(*arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "toolchain", *arguments],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, **environment},
        check=False,
    )


def test_help_names_every_command():
    shown = call("--help").stdout
    for name in ("bootstrap", "clouds", "build", "status", "clean", "env", "bin"):
        assert name in shown


def test_the_folder_of_programs_is_a_result_and_goes_to_standard_output():
    done = call("bin")
    assert (done.returncode, done.stdout) == (0, f"{ROOT}/.tether/bin\n")


def test_a_mistyped_source_is_a_usage_error_in_one_line(tmp_path: Path):
    done = call("build", TETHER_SOURCE="pakages", XDG_CACHE_HOME=str(tmp_path))
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith("TETHER_SOURCE=pakages — no such source")
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (bootstrap.BootstrapError("x"), 3),
        (runtime.NoRuntimeError("x"), 3),
        (sources.SourceError("x"), 2),
        (PartsMissingError("x"), 2),
        (schedule.BuildError("kind", ValueError("x")), 1),
        (OSError("disk full"), 1),
    ],
)
def test_the_exit_code_names_the_kind_of_error(error: Exception, code: int):
    assert command._code(error) == code  # pyright: ignore[reportPrivateUsage]


BUILDER = """
import sys
from pathlib import Path
from toolchain import __main__, build
from toolchain.places import Cache
from toolchain.schedule import realise
from toolchain.progress import listener
from toolchain.store import Artefact, Store, Workshop

def slow(workshop):
    workshop.run("sh", "-c", "echo $$ > %s/pid; sleep 600" % sys.argv[1])

def ensure(container_runtime):
    with listener() as shown:
        realise([Artefact(name="slow", make=slow)], Store(Cache(Path(sys.argv[1]))), shown)

build.ensure = ensure
sys.exit(__main__.main(["build"]))
"""


def listen_to_interrupts() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_stop_ends_the_running_builder_and_leaves_no_half(tmp_path: Path, number: int, code: int):
    child = subprocess.Popen(
        [sys.executable, "-c", BUILDER, str(tmp_path)],
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        # A shell starts background jobs with SIGINT ignored, and that would be inherited.
        preexec_fn=listen_to_interrupts,
    )
    deadline = time.monotonic() + 60
    while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text().strip():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    builder = int((tmp_path / "pid").read_text())
    child.send_signal(number)
    child.communicate(timeout=60)
    assert child.returncode == code
    assert not Path(f"/proc/{builder}").exists()
    assert list((tmp_path / "artefacts").iterdir()) == []


def fill(workshop: Workshop) -> None:
    (workshop.draft / "content").write_text("x")


def test_cleaning_keeps_what_this_checkout_uses_and_everything_else_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("TETHER_SOURCE", "packages")
    monkeypatch.setattr(runtime, "images_of", lambda *_: [])  # pyright: ignore[reportUnknownLambdaType, reportUnknownArgumentType]
    cache = Cache(tmp_path / "tether")
    used = Artefact(name="used", make=fill)
    old = Artefact(name="old", make=fill)
    for artefact in (used, old):
        Store(cache).obtain(artefact)
    monkeypatch.setattr(build, "mesh_artefacts", lambda _: (used,))  # pyright: ignore[reportUnknownLambdaType, reportUnknownArgumentType]
    assert f"removed {old.folder_name}" in status.clean(everything=False)
    assert [path.name for path in cache.artefacts.iterdir()] == [used.folder_name]


def test_a_node_image_that_the_runtime_has_is_not_loaded_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "podman").write_text(
        f'#!/bin/sh\necho "$@" >> {tmp_path}/calls\n[ "$4" != "" ] && [ -f {tmp_path}/there ]\n'
    )
    (programs / "podman").chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:/usr/bin:/bin")
    cache = Cache(tmp_path / "cache")
    reference = node.reference(versions.DEFAULT_LINE)
    assert not runtime.has_image(cache, "podman", reference)
    (tmp_path / "there").touch()
    assert runtime.has_image(cache, "podman", reference)
    assert reference in (tmp_path / "calls").read_text()
