"""Pipelines on a mesh that stands: their own steps, in another checkout, on the state that both share."""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.e2e.conftest import Mesh
from tests.e2e.environment import PROJECT, TETHER
from tests.forge import LEVELS, Job, clone, run_on_github, run_on_gitlab, write_levels

ISTIOD_ROUTE = ("-n", "istio-system", "virtualservices.networking.istio.io", "istiod-vs")


@dataclass(frozen=True, kw_only=True)
class Runner:
    """A checkout of its own, with a home that was never used."""

    checkout: Path
    home: Path
    store: Mapping[str, str]
    """Variables and secrets of the project at the forge."""

    def github(self, file: str, job: str) -> Job:
        known = {
            f"{kind}.{name}": value for name, value in self.store.items() for kind in ("vars", "secrets")
        }  # fmt: skip
        return run_on_github(file, job, folder=self.checkout, home=self.home, known=known, variables={})

    def gitlab(self, file: str, job: str) -> Job:
        return run_on_gitlab(file, job, folder=self.checkout, home=self.home, variables=self.store)


@pytest.fixture(scope="session")
def runner(mesh: Mesh, tmp_path_factory: pytest.TempPathFactory) -> Runner:
    folder = tmp_path_factory.mktemp("pipelines")
    checkout = clone(folder / "checkout")
    # A stack that is shared is committed.
    shutil.copy2(mesh.environment.stack_file, checkout / "stacks")
    write_levels(checkout)
    private = PROJECT / ".tether"
    store = {
        "TETHER_STACK": mesh.environment.stack,
        "TETHER_BACKEND_URL": (private / "state").as_uri(),
        "TETHER_POLICY_PACK_CONFIG": LEVELS,
        "PULUMI_CONFIG_PASSPHRASE": (private / "passphrase").read_text(),
    }
    return Runner(checkout=checkout, home=folder / "home", store=store)


@pytest.mark.parametrize("forge", ["github", "gitlab"])
def test_the_drift_job_is_green_on_a_mesh_that_nobody_touched(runner: Runner, forge: str):
    job = (
        runner.github("tether-drift.yml", "drift") if forge == "github" else runner.gitlab("drift.yml", "tether-drift")
    )
    assert not job.failed, job.said
    assert "**Nothing has drifted" in (runner.checkout / "drift.md").read_text()


def test_the_drift_job_is_red_and_names_what_somebody_removed_by_hand(mesh: Mesh, runner: Runner):
    removed = mesh.environment.kubectl("cluster1", "-n", "istio-system", "delete", *ISTIOD_ROUTE[2:])
    assert removed.code == 0, removed.talk
    try:
        job = runner.github("tether-drift.yml", "drift")
    finally:
        mended = mesh.environment.run(TETHER, "up", "--refresh")
    assert mended.code == 0, mended.talk
    assert [step.code for step in job.failed] == [7], job.said
    assert "**Drifted: 1 to create" in job.summary
    assert "| create | `cluster1-istiod-vs` | `kubernetes:networking.istio.io/v1:VirtualService` |" in job.summary
    assert mesh.environment.get("cluster1", *ISTIOD_ROUTE)


def test_the_expiry_job_knows_every_end_in_the_mesh(runner: Runner):
    job = runner.github("tether-expiry.yml", "expiry")
    assert not job.failed, job.said
    for subject in (
        "root certificate",
        "certificate that istiod signs with",
        "access to cluster1",
        "access to cluster2",
    ):
        assert f"| {subject} |" in job.summary


@pytest.mark.parametrize("forge", ["github", "gitlab"])
def test_the_job_on_merge_brings_the_mesh_up_and_examines_it(runner: Runner, forge: str):
    if forge == "github":
        job = runner.github("tether-up.yml", "up")
        assert "## Healthy." in job.summary, job.said
    else:
        job = runner.gitlab("up.yml", "tether-up")
        assert 'failures="0"' in (runner.checkout / "doctor.xml").read_text()
    assert not job.failed, job.said
    assert "nothing to change" in job.said
