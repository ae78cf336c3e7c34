"""The doctor names the one cause of each breakage of a real mesh, and the fix that it prints mends it."""

import json
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from tests.e2e.breakages import BREAKAGES, NOT_ON_KIND, PRIMARY, REMOTE, Breakage, Lab, Way
from tests.e2e.conftest import Mesh
from tests.e2e.environment import PROJECT, TETHER, Environment
from tether import mesh as meshes
from tether.cli import project, target
from tether.doctor.document import ExaminationDocument, of_examination
from tether.doctor.examination import examine
from tether.doctor.registry import CHECKS
from tether.errors import ExitCode

SECONDS = 240
"""For istiod, kubelet and the doctor to take notice; most need a few."""
HEALTHY_SECONDS = 10
MISSED_SECONDS = 40
"""After which istiod will not take notice of a remote secret any more; it gives a remote thirty.

One that goes or comes back while istiod still exchanges the cluster is sometimes never seen by it again
(istio/istio#58047, release-1.31 too).
"""
HISTORY = ("D30", "D39")
"""Warnings that tell for a while of what has been mended, here by the test before."""
Found = dict[str, Any]


@dataclass
class Ward:
    """The mesh, and whether it is known to be well."""

    environment: Environment
    contexts: Path
    """Kubeconfig with a context for each cluster, named like it."""
    is_well: bool = False

    def options(self, way: Way) -> list[str]:
        """How the doctor is told which mesh is meant."""
        if way is Way.STACK:
            return []
        return ["--primary", PRIMARY, "--remote", REMOTE, "--kubeconfig", str(self.contexts)]

    def examine(self, way: Way) -> Found:
        """Ask the doctor once, as a user does; its exit code must fit what it says."""
        ran = self.environment.run(TETHER, "doctor", "--output", "json", *self.options(way))
        assert '"kind": "examination"' in ran.stdout, ran.talk
        ExaminationDocument.model_validate_json(ran.stdout)
        found: Found = json.loads(ran.stdout)
        assert ran.code == (ExitCode.OK if found["healthy"] else ExitCode.UNHEALTHY)
        return found

    def look(self, way: Way) -> Found:
        """The same without a process of its own, whose start is half of what asking takes."""
        blueprint = (
            target.of_stack(project.find(PROJECT, self.environment.stack))
            if way is Way.STACK
            else target.resolve(target.Target(primary=PRIMARY, remotes=(REMOTE,), kubeconfig=self.contexts))
        )
        with meshes.connect(blueprint) as opened:
            return of_examination(opened, examine(opened, CHECKS), 0).plain()

    def until(self, wanted: Callable[[Found], bool], what: str, ask: Callable[[Way], Found], way: Way) -> Found:
        """Ask again until it is so."""
        deadline = time.monotonic() + SECONDS
        while not wanted(found := ask(way)):
            if time.monotonic() > deadline:
                said = [*found["wrong"], *unknown(found)]
                pytest.fail(f"not {what} in {SECONDS} s: " + json.dumps(said, indent=1))
            time.sleep(1)
        return found

    def named(self, breakage: Breakage) -> Found:
        """Ask until the breakage is what the doctor names first; what the command itself says of it then.

        Where istiod missed the change, its log tells nothing of it until it starts anew.
        """
        missed = time.monotonic() + MISSED_SECONDS
        what = f"{breakage.check} first"

        def is_first_or_missed(found: Found) -> bool:
            return is_first(breakage)(found) or (time.monotonic() > missed and is_first(breakage, evident=False)(found))

        found = self.until(is_first_or_missed, what, self.look, breakage.way)
        if not is_first(breakage)(found):
            Lab(self.environment).restart_istiod()
            self.until(is_first(breakage), what, self.look, breakage.way)
        found = self.until(is_first(breakage), what, self.examine, breakage.way)
        return told_of(breakage, found)[0]

    def recover(self, wanted: Callable[[Found], bool], what: str, way: Way) -> Found:
        """Ask until it is so, as a user who does what the doctor says when it names istiod, which may have missed it:
        D17 then, and to start istiod anew is its fix.
        """
        missed = time.monotonic() + MISSED_SECONDS

        def is_so_or_missed(found: Found) -> bool:
            return wanted(found) or (time.monotonic() > missed and is_missed(found))

        found = self.until(is_so_or_missed, what, self.look, way)
        if wanted(found):
            return found
        self.paste(found["wrong"][0]["fix"])
        return self.until(wanted, what, self.look, way)

    def be_well(self) -> None:
        """Wait for the mesh to be well, unless it is known to be."""
        if not self.is_well:
            self.recover(is_well, "well", Way.CONTEXTS)
        self.is_well = True

    def paste(self, fix: str) -> None:
        """Paste the printed fix into a shell, as a user would."""
        variables = {**self.environment.variables, "KUBECONFIG": str(self.contexts)}
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", fix], cwd=PROJECT, env=variables, stdin=subprocess.DEVNULL,
            capture_output=True, text=True, timeout=400, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{fix}\n{done.stdout}{done.stderr}"


def is_well(found: Found) -> bool:
    """No error and no open question; a warning may tell for a while of what has been mended."""
    return found["healthy"] and not unknown(found)


def unknown(found: Found) -> list[Found]:
    """What could not be asked."""
    return [one for one in found["findings"] if one["status"] == "unknown"]


def is_missed(found: Found) -> bool:
    """Whether istiod knows nothing of a remote whose secret is right, or tells of one that it once gave up."""
    return bool(found["wrong"]) and found["wrong"][0]["id"] in ("D17", "D30")


def told_of(breakage: Breakage, found: Found) -> list[Found]:
    """What is wrong now, the cause first."""
    return [one for one in found["wrong"] if one["id"] == breakage.check or one["id"] not in HISTORY]


def is_first(breakage: Breakage, *, evident: bool = True) -> Callable[[Found], bool]:
    """Whether the doctor names the breakage first and nothing else as an error; if evident, with what the logs tell."""

    def wanted(found: Found) -> bool:
        told = told_of(breakage, found)
        if not told:
            return False
        first = told[0]
        errors = {one["id"] for one in told if one["severity"] == "error"}
        return (
            (first["id"], first["subject"]) == (breakage.check, breakage.subject)
            and errors <= {breakage.check}
            and (not evident or not breakage.evidence or any(breakage.evidence in line for line in first["evidence"]))
        )

    return wanted


def is_mended(breakage: Breakage) -> Callable[[Found], bool]:
    """Whether the mesh is well and the breakage's own check right."""
    return lambda found: is_well(found) and breakage.check not in {one["id"] for one in found["wrong"]}


@pytest.fixture(scope="module")
def ward(mesh: Mesh) -> Iterator[Ward]:
    environment = mesh.environment
    file = PROJECT / ".tether" / f"doctor-{environment.stack}.kubeconfig"
    environment.write_contexts(file, (PRIMARY, REMOTE))
    found = Ward(environment, file)
    try:
        yield found
        # It counts what it gave up since it started; a mesh that is left as it was has an istiod that counts nothing.
        for one in found.look(Way.CONTEXTS)["wrong"]:
            if one["id"] == "D30":
                found.paste(one["fix"])
    finally:
        file.unlink()
    # Tokens and objects that were made anew are taken into the state, and nothing is left that differs from it.
    again = environment.run(TETHER, "up", "--refresh")
    assert again.code == 0, again.talk
    ran = environment.pulumi("preview", "--refresh", "--expect-no-changes")
    assert ran.code == 0, ran.talk


@pytest.mark.parametrize("breakage", BREAKAGES, ids=str)
def test_the_doctor_names_the_cause_first_and_its_fix_mends_it(ward: Ward, breakage: Breakage) -> None:
    ward.be_well()
    ward.is_well = False
    lab = Lab(ward.environment)
    try:
        breakage.do(lab)
        first = ward.named(breakage)
        assert breakage.cause in first["cause"]
        if breakage.mends:
            ward.paste(first["fix"])
            ward.recover(is_mended(breakage), "mended by the fix", breakage.way)
    finally:
        changed = lab.restore()
    if changed or not breakage.mends:
        ward.recover(is_mended(breakage), "well after all was put back", Way.CONTEXTS)
    ward.is_well = True


def test_every_check_is_broken_on_a_real_mesh_or_it_is_said_why_not() -> None:
    broken = {breakage.check for breakage in BREAKAGES}
    assert broken.isdisjoint(NOT_ON_KIND)
    assert broken | set(NOT_ON_KIND) == {check.id for check in CHECKS}


def test_a_healthy_mesh_is_examined_in_ten_seconds(ward: Ward) -> None:
    ward.recover(lambda found: not found["wrong"], "without a warning", Way.CONTEXTS)
    found = ward.examine(Way.CONTEXTS)
    assert found["seconds"] < HEALTHY_SECONDS
    assert {one["status"] for one in found["findings"]} == {"ok"}


def test_what_the_doctor_is_asked_and_how_it_answers_can_be_chosen(ward: Ward) -> None:
    environment = ward.environment
    ward.be_well()
    ran = environment.run(TETHER, "doctor", "--fail-on", "warning", "--output", "junit")
    (suite,) = ElementTree.fromstring(ran.stdout)  # noqa: S314 - our own
    assert suite.get("tests") == str(len(list(suite)))
    assert ran.code == (ExitCode.OK if suite.get("failures") == "0" else ExitCode.UNHEALTHY), ran.talk
    ran = environment.run(TETHER, "doctor", "--stack", environment.stack, "--only", "D13")
    assert ran.code == 0, ran.talk


def test_an_istiod_that_has_just_started_is_no_fault_of_the_mesh(ward: Ward) -> None:
    ward.be_well()
    Lab(ward.environment).restart_istiod()
    found: list[Found] = []
    ward.until(lambda one: not found.append(one) and is_well(one), "well", ward.look, Way.CONTEXTS)
    assert [finding for one in found for finding in one["wrong"] if finding["severity"] == "error"] == []


def test_the_doctor_goes_on_watching_after_its_first_look(ward: Ward) -> None:
    ward.be_well()
    watching = ward.environment.start(TETHER, "doctor", "--watch")
    try:
        assert watching.stdout
        said: list[str] = []
        while not said or (said[-1] and not said[-1].startswith("Watching, every")):
            said.append(watching.stdout.readline())
        assert "Healthy" in "".join(said)
        assert watching.poll() is None
    finally:
        watching.terminate()
        watching.communicate(timeout=SECONDS)


def test_the_doctor_works_on_any_mesh_that_contexts_name(ward: Ward) -> None:
    ward.be_well()
    found = ward.examine(Way.CONTEXTS)
    assert {one["status"] for one in found["findings"] if one["severity"] == "error"} == {"ok"}
    assert found["mesh"]["stack"] == ""
