"""A request's own mesh: the jobs that make and remove it, one after the other, as a forge starts them."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.environment import things_of
from tests.forge import Job, clone, run_on_github, run_on_gitlab

Run = Callable[[str, str], Job]


@pytest.fixture(scope="module")
def github(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("environments")
    checkout = clone(folder / "checkout")
    known = {"github.event.pull_request.number": "12"}

    def run(file: str, job: str) -> Job:
        return run_on_github(file, job, folder=checkout, home=folder / "home", known=known, variables={})

    return run


def nodes_of(made: Job) -> list[str]:
    """Containers of the environment that a job made; others come and go beside it."""
    found = re.search(r"-([0-9a-f]{8})-control-plane", made.said)
    assert found, made.said
    return [thing for thing in things_of(found[1]) if thing.startswith("container ")]


@pytest.mark.timeout(900)
def test_a_request_has_a_mesh_from_its_first_push_to_its_end_and_nothing_is_left(github: Run):
    try:
        made = github("tether-environment.yml", "up")
        assert not made.failed, made.said
        assert made.steps[-1].said.count(" Ready ") >= 1, made.said
        assert len(nodes_of(made)) == 2
        again = github("tether-environment.yml", "up")
        assert not again.failed, again.said
        young = github("tether-reap.yml", "reap")
        assert not young.failed, young.said
        assert len(nodes_of(made)) == 2, "its time is not over yet"
    finally:
        removed = github("tether-environment.yml", "down")
    assert not removed.failed, removed.said
    assert nodes_of(made) == []
    nothing = github("tether-environment.yml", "down")
    assert not nothing.failed, nothing.said


@pytest.mark.timeout(300)
def test_gitlab_s_jobs_remove_nothing_where_nothing_is(tmp_path: Path):
    checkout = clone(tmp_path / "checkout")
    variables = {"CI_MERGE_REQUEST_IID": "12"}
    for job in ("tether-environment-down", "tether-environment-reap"):
        done = run_on_gitlab("environment.yml", job, folder=checkout, home=tmp_path / "home", variables=variables)
        assert not done.failed, done.said
