"""The doctor names the one cause of each breakage of a real mesh, and the fix that it prints mends it."""

import json
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.e2e.breakages import BREAKAGES, NOT_ON_KIND, PRIMARY, REMOTE, Breakage, Lab, Way
from tests.e2e.conftest import Mesh
from tests.e2e.environment import PROJECT, TETHER, Environment
from tether.doctor.registry import CHECKS
from tether.errors import ExitCode

SECONDS = 240
"""For istiod, kubelet and the doctor to take notice; most need a few."""
HEALTHY_SECONDS = 10
MISSED_SECONDS = 40
"""After which istiod will not take notice of a remote secret any more; it gives a remote thirty."""
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

    def examine(self, *options: str) -> Found:
        """Ask the doctor once; its exit code must fit what it says."""
        ran = self.environment.run(TETHER, "doctor", "--output", "json", *options)
        assert ran.stdout.startswith("{"), ran.talk
        found: Found = json.loads(ran.stdout)
        assert ran.code == (ExitCode.OK if found["healthy"] else ExitCode.UNHEALTHY)
        return found

    def until(self, wanted: Callable[[Found], bool], what: str, *options: str) -> Found:
        """Ask again until it is so."""
        deadline = time.monotonic() + SECONDS
        while not wanted(found := self.examine(*options)):
            if time.monotonic() > deadline:
                pytest.fail(f"not {what} in {SECONDS} s: " + json.dumps(found["wrong"], indent=1))
            time.sleep(1)
        return found

    def recover(self, wanted: Callable[[Found], bool], what: str, *options: str) -> Found:
        """Ask until it is so, as a user who does what the doctor says when it names istiod.

        A remote secret that goes and comes back while istiod still exchanges the cluster is sometimes never seen by
        it again (istio/istio#58047, release-1.31 too): D17 then, and to start istiod anew is its fix.
        """
        noticed = time.monotonic() + MISSED_SECONDS

        def wanted_or_missed(found: Found) -> bool:
            return wanted(found) or (time.monotonic() > noticed and is_missed(found))

        found = self.until(wanted_or_missed, what, *options)
        if wanted(found):
            return found
        self.paste(found["wrong"][0]["fix"])
        return self.until(wanted, what, *options)

    def be_well(self) -> None:
        """Wait for the mesh to be well, unless it is known to be."""
        if not self.is_well:
            self.recover(is_well, "well", *self.options(Way.CONTEXTS))
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
    return found["healthy"] and not [one for one in found["findings"] if one["status"] == "unknown"]


def is_missed(found: Found) -> bool:
    """Whether istiod knows nothing of a remote whose secret is right, or tells of one that it once gave up."""
    return bool(found["wrong"]) and found["wrong"][0]["id"] in ("D17", "D30")


def is_first(breakage: Breakage) -> Callable[[Found], bool]:
    """Whether the doctor names the breakage first and nothing else as an error."""

    def wanted(found: Found) -> bool:
        told = [one for one in found["wrong"] if one["id"] == breakage.check or one["id"] not in HISTORY]
        if not told:
            return False
        first: Found = told[0]
        errors = {one["id"] for one in told if one["severity"] == "error"}
        return (
            (first["id"], first["subject"]) == (breakage.check, breakage.subject)
            and errors <= {breakage.check}
            and (not breakage.evidence or any(breakage.evidence in line for line in first["evidence"]))
        )

    return wanted


def is_mended(breakage: Breakage) -> Callable[[Found], bool]:
    """Whether the mesh is well and the breakage's own check right."""
    return lambda found: is_well(found) and breakage.check not in {one["id"] for one in found["wrong"]}


@pytest.fixture(scope="module")
def ward(mesh: Mesh) -> Iterator[Ward]:
    environment = mesh.environment
    file = PROJECT / ".tether" / f"doctor-{environment.stack}.kubeconfig"
    file.touch(mode=0o600)
    file.write_text(yaml.safe_dump(merged(environment)))
    found = Ward(environment, file)
    try:
        yield found
        # It counts what it gave up since it started; a mesh that is left as it was has an istiod that counts nothing.
        for one in found.examine(*found.options(Way.CONTEXTS))["wrong"]:
            if one["id"] == "D30":
                found.paste(one["fix"])
    finally:
        file.unlink()
    # Tokens and objects that were made anew are taken into the state, and nothing is left that differs from it.
    again = environment.run(TETHER, "up", "--refresh")
    assert again.code == 0, again.talk
    ran = environment.pulumi("preview", "--refresh", "--expect-no-changes")
    assert ran.code == 0, ran.talk


def merged(environment: Environment) -> dict[str, Any]:
    """Kubeconfig of both clusters."""
    whole: dict[str, Any] = {"apiVersion": "v1", "kind": "Config", "current-context": PRIMARY,
                             "clusters": [], "users": [], "contexts": []}  # fmt: skip
    for cluster in (PRIMARY, REMOTE):
        document = yaml.safe_load(environment.kubeconfig(cluster).read_text())
        document["contexts"][0]["name"] = cluster
        for kind in ("clusters", "users", "contexts"):
            whole[kind] += document[kind]
    return whole


@pytest.mark.parametrize("breakage", BREAKAGES, ids=str)
def test_the_doctor_names_the_cause_first_and_its_fix_mends_it(ward: Ward, breakage: Breakage) -> None:
    ward.be_well()
    ward.is_well = False
    lab, options = Lab(ward.environment), ward.options(breakage.way)
    try:
        breakage.do(lab)
        first = ward.until(is_first(breakage), f"{breakage.check} first", *options)["wrong"][0]
        assert breakage.cause in first["cause"]
        if breakage.mends:
            ward.paste(first["fix"])
            ward.recover(is_mended(breakage), "mended by the fix", *options)
    finally:
        changed = lab.restore()
    if changed or not breakage.mends:
        ward.recover(is_mended(breakage), "well after all was put back", *ward.options(Way.CONTEXTS))
    ward.is_well = True


def test_every_check_is_broken_on_a_real_mesh_or_it_is_said_why_not() -> None:
    broken = {breakage.check for breakage in BREAKAGES}
    assert broken.isdisjoint(NOT_ON_KIND)
    assert broken | set(NOT_ON_KIND) == {check.id for check in CHECKS}


def test_a_healthy_mesh_is_examined_in_ten_seconds(ward: Ward) -> None:
    found = ward.recover(lambda found: not found["wrong"], "without a warning", *ward.options(Way.CONTEXTS))
    assert found["seconds"] < HEALTHY_SECONDS
    assert {one["status"] for one in found["findings"]} == {"ok"}


def test_the_doctor_works_on_any_mesh_that_contexts_name(ward: Ward) -> None:
    ward.be_well()
    found = ward.examine(*ward.options(Way.CONTEXTS))
    assert {one["status"] for one in found["findings"] if one["severity"] == "error"} == {"ok"}
    assert found["mesh"]["stack"] == ""
