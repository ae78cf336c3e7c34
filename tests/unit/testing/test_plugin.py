"""The plugin in runs of pytest: what it costs, what it refuses, and when it makes and takes down a mesh."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.unit.testing.inner import Inner

pytest_plugins = ["pytester"]

ROOT = Path(__file__).parents[3]
LIGHT = ["tether", "tether.testing", "tether.testing.options", "tether.testing.plugin", "tether.testing.run"]
"""What a run imports of Tether that does not use it."""
TWO = """
def test_one(mesh):
    tell(f"test {mesh.name}")

def test_two(mesh):
    tell(f"test {mesh.name}")
"""
FAILING = """
def test_one(mesh_namespace):
    assert mesh_namespace.name == "another"
"""
SIX = """
@pytest.mark.parametrize("number", range(6))
def test_one(mesh_namespace, number):
    time.sleep(0.1)
    tell(f"test {mesh_namespace.mesh.name} {mesh_namespace.name} {os.environ['PYTEST_XDIST_WORKER']}")
"""


@pytest.fixture
def inner(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Inner:
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH", "")))))
    return Inner(pytester)


def test_this_very_run_has_the_plugin(pytestconfig: pytest.Config) -> None:
    assert pytestconfig.pluginmanager.hasplugin("tether"), "install it anew: python -m toolchain bootstrap"


@pytest.mark.parametrize("options", [[], ["-n", "1"]])
def test_a_run_that_does_not_use_it_imports_nothing_of_it(
    pytester: pytest.Pytester, inner: Inner, options: list[str]
) -> None:
    pytester.makeconftest("""
        import json, sys

        def pytest_unconfigure(config):
            if not hasattr(config, "workerinput"):
                with open("modules.json", "w") as file:
                    json.dump(sorted(sys.modules), file)
    """)
    pytester.makepyfile("def test_nothing(): pass")
    result = pytester.runpytest_subprocess("-p", "no:randomly", *options)
    result.assert_outcomes(passed=1)
    loaded = json.loads((pytester.path / "modules.json").read_text())
    assert [name for name in loaded if name.partition(".")[0] == "tether"] == LIGHT
    assert not {"kubernetes", "pulumi", "pydantic", "rich", "typer", "yaml"}.intersection(loaded)
    assert inner.asked == []


def test_options_that_make_no_sense_are_refused_all_at_once_before_anything_is_made(inner: Inner) -> None:
    result = inner.run(TWO, "--mesh-remotes", "0", "--mesh-reuse", "a/b", "--mesh-keep")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*--mesh-remotes = 0: *", "*--mesh-reuse = 'a/b' *", "*--mesh-keep is about *"])
    assert inner.asked == []


def test_a_mesh_is_made_once_and_taken_down_after_the_last_test(inner: Inner) -> None:
    result = inner.run(TWO, "--mesh-remotes", "2")
    result.assert_outcomes(passed=2)
    up, *tests, down = inner.asked
    name = up.split()[2]
    assert tests == [f"test {name}"] * 2
    assert up.startswith(f"env up {name} --ttl 2h --remotes 2 --owner ")
    assert down == f"env down {name} --yes"
    result.stderr.fnmatch_lines([f"making mesh {name} with 2 remotes for the tests", "working on it"])


def test_no_mesh_is_made_where_no_test_wants_one(inner: Inner) -> None:
    inner.run("def test_one(): pass").assert_outcomes(passed=1)
    assert inner.asked == []


def test_all_processes_share_one_mesh_and_each_test_has_a_namespace_of_its_own(inner: Inner) -> None:
    result = inner.run(SIX, "-n", "3")
    result.assert_outcomes(passed=6)
    up, *tests, down = inner.asked
    name = up.split()[2]
    assert up.split()[:2] == ["env", "up"]
    assert down == f"env down {name} --yes"
    assert {line.split()[1] for line in tests} == {name}
    assert len({line.split()[2] for line in tests}) == 6
    assert len({line.split()[3] for line in tests}) > 1


def test_a_process_that_dies_takes_no_mesh_along(inner: Inner) -> None:
    result = inner.run(SIX.replace("tell(", "number == 1 and os._exit(1); tell("), "-n", "2")
    result.assert_outcomes(passed=5, failed=1)
    assert len(inner.asked_to("env up")) == 1
    assert inner.asked[-1].startswith("env down")
    assert len(inner.asked_to("test ")) == 5


@pytest.mark.parametrize("options", [[], ["-n", "2"]])
def test_a_mesh_that_cannot_be_made_fails_every_test_with_the_reason_and_is_tried_once(
    inner: Inner, monkeypatch: pytest.MonkeyPatch, options: list[str]
) -> None:
    monkeypatch.setenv("REFUSED", "env up")
    result = inner.run(TWO, *options)
    result.assert_outcomes(errors=2)
    assert result.stdout.str().count("error: This machine cannot carry the mesh.") >= 2
    assert "Traceback" not in result.stdout.str()
    assert [line.split()[1] for line in inner.asked] == ["up", "down"]


def test_a_mesh_that_is_kept_is_told_with_the_commands_that_use_and_remove_it(inner: Inner) -> None:
    result = inner.run(TWO, "--mesh-keep")
    result.assert_outcomes(passed=2)
    name = inner.asked[0].split()[2]
    assert inner.asked[-1] == f"env keep {name}"
    result.stdout.fnmatch_lines([f"mesh {name} was kept:", f"*--mesh-reuse {name}*", f"*tether env down {name}*"])


@pytest.mark.parametrize("options", [[], ["-n", "2"]])
def test_a_mesh_is_kept_for_looking_where_a_test_failed(inner: Inner, options: list[str]) -> None:
    result = inner.run(FAILING, "--mesh-keep-failed", *options)
    result.assert_outcomes(failed=1)
    assert inner.asked_to("env keep")
    assert not inner.asked_to("env down")


def test_a_mesh_is_not_kept_for_looking_where_no_test_failed(inner: Inner) -> None:
    inner.run(TWO, "--mesh-keep-failed").assert_outcomes(passed=2)
    assert inner.asked[-1].startswith("env down")


def test_a_mesh_that_is_not_gone_fails_the_run(inner: Inner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REFUSED", "env down")
    result = inner.run(TWO)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["mesh pytest-* is not gone:", "error: This machine*", "Try again: tether env down *"])


@pytest.mark.parametrize("options", [[], ["-n", "2"]])
def test_a_failed_test_shows_an_archive_and_the_pods_of_its_namespace(inner: Inner, options: list[str]) -> None:
    result = inner.run(FAILING, "--junit-xml", "result.xml", *options)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["*- tether diagnose -*", "*/mesh.tar.gz", "*namespace test-one-*", "cluster1: pod stock-1 is ready"]
    )
    written = ElementTree.parse(inner.pytester.path / "result.xml").find(".//property[@name='tether-diagnosis']")  # noqa: S314 - our own
    assert written is not None
    assert Path(written.attrib["value"]).read_text() == "an archive"
    diagnose, down = inner.asked[1:]
    assert diagnose.startswith("diagnose --stack pytest-")
    assert down.startswith("env down")


def test_only_the_first_failures_get_an_archive(inner: Inner) -> None:
    many = '@pytest.mark.parametrize("number", range(5))\ndef test_one(mesh, number):\n    raise ValueError\n'
    result = inner.run(many)
    result.assert_outcomes(failed=5)
    assert len(inner.asked_to("diagnose")) == 3
    assert result.stdout.str().count("no archive more: 3 tests of this process have one") == 2


def test_a_failed_diagnosis_hides_no_failure(inner: Inner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REFUSED", "diagnose --stack")
    result = inner.run(FAILING)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*assert *'another'*", "no archive of mesh pytest-*: working on it"])


def test_an_interrupted_run_takes_its_mesh_down(inner: Inner) -> None:
    inner.pytester.makepyfile(test_inner="def test_one(mesh):\n    raise KeyboardInterrupt\n")
    result = inner.pytester.runpytest_subprocess("-p", "no:randomly")
    assert result.ret == pytest.ExitCode.INTERRUPTED
    assert inner.asked[-1].startswith("env down")


def test_a_run_that_is_interrupted_while_its_mesh_is_made_ends_that_first(inner: Inner) -> None:
    program = inner.pytester.path / "program.py"
    slow = "    try:\n        time.sleep(60)\n    except KeyboardInterrupt:\n"
    slow += "        log.open('a').write('cancelled\\n')\n        sys.exit(1)\n"
    program.write_text(program.read_text().replace("    time.sleep(0.5)\n", slow))
    inner.pytester.makepyfile(test_inner="def test_one(mesh): pass\n")
    run = subprocess.Popen(
        [sys.executable, "-m", "pytest", "-p", "no:randomly"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        # A shell has what it starts in the background ignore Ctrl-C, and this very run may be such.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
    deadline = time.monotonic() + 30
    while not inner.asked_to("env up") and time.monotonic() < deadline:
        time.sleep(0.1)
    run.send_signal(signal.SIGINT)
    assert run.wait(60) == pytest.ExitCode.INTERRUPTED
    assert [line.partition(" pytest-")[0] for line in inner.asked] == ["env up", "cancelled", "env down"]


def test_another_fixture_of_the_name_is_taken_by_tests_and_refused_by_the_namespace(inner: Inner) -> None:
    result = inner.run("""
@pytest.fixture
def mesh():
    return "mine"

def test_own(mesh):
    assert mesh == "mine"

def test_namespace(mesh_namespace):
    pass
""")
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["mesh_namespace needs the fixture mesh of tether.testing, but another*gives a str*"])
    assert inner.asked == []


def test_our_own_tests_on_real_clusters_have_their_own_mesh() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "--fixtures-per-test", "-p", "no:cacheprovider", "tests/e2e/test_up.py"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    places = {line.partition(" -- ")[2] for line in done.stdout.splitlines() if line.startswith("mesh ")}
    assert {place.partition(":")[0] for place in places} == {"tests/e2e/conftest.py"}, done.stdout + done.stderr
