"""A request's own mesh: the jobs that make and remove it, one after the other, as a forge starts them."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.environment import runtime
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


def containers() -> set[str]:
    return set(runtime("ps", "--all", "--format", "{{.Names}}"))


@pytest.mark.timeout(900)
def test_a_request_has_a_mesh_from_its_first_push_to_its_end_and_nothing_is_left(github: Run, tmp_path: Path):
    before = containers()
    try:
        made = github("tether-environment.yml", "up")
        assert not made.failed, made.said
        assert made.steps[-1].said.count(" Ready ") >= 1, made.said
        assert len(containers() - before) == 2
        again = github("tether-environment.yml", "up")
        assert not again.failed, again.said
        young = github("tether-reap.yml", "reap")
        assert not young.failed, young.said
        assert len(containers() - before) == 2, "its time is not over yet"
    finally:
        removed = github("tether-environment.yml", "down")
    assert not removed.failed, removed.said
    assert containers() == before
    nothing = github("tether-environment.yml", "down")
    assert not nothing.failed, nothing.said


@pytest.mark.timeout(300)
def test_gitlab_s_jobs_remove_nothing_where_nothing_is(tmp_path: Path):
    checkout = clone(tmp_path / "checkout")
    variables = {"CI_MERGE_REQUEST_IID": "12"}
    for job in ("tether-environment-down", "tether-environment-reap"):
        done = run_on_gitlab("environment.yml", job, folder=checkout, home=tmp_path / "home", variables=variables)
        assert not done.failed, done.said
