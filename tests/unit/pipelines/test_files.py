"""What holds for every pipeline, read from its file."""

import re
from typing import Any

import pytest

from tests.forge import PIPELINES, PROJECT, github, gitlab, gitlab_job

WORKFLOWS = sorted(path.name for path in (PIPELINES / "github").glob("*.yml"))
JOBS = [(file, name) for file in WORKFLOWS for name in github(file)["jobs"]]
GITLAB_JOBS = [
    (path.name, name)
    for path in sorted((PIPELINES / "gitlab").glob("*.yml"))
    for name in gitlab(path.name)
    if name.startswith("tether-")
]
WRITES = {("tether-preview.yml", "comment"): {"pull-requests"}}
"""Jobs that may change something at the forge; every other may only read."""
SECRET = re.compile(r"\$\{\{ (secrets\.[A-Z_]+|github\.token) \}\}")
PINNED = re.compile(r"actions/checkout@[0-9a-f]{40}")


@pytest.fixture(params=JOBS, ids="/".join)
def job(request: pytest.FixtureRequest) -> dict[str, Any]:
    file, name = request.param
    return github(file)["jobs"][name]


@pytest.mark.parametrize("file", WORKFLOWS)
def test_a_workflow_itself_may_do_nothing_and_never_runs_twice_at_once(file: str):
    workflow = github(file)
    assert workflow["permissions"] == {}
    assert workflow["concurrency"]["group"].startswith("tether-")


def test_no_workflow_is_started_with_the_rights_of_the_branch_that_a_stranger_s_request_is_merged_into():
    assert not [file for file in WORKFLOWS if "pull_request_target" in github(file)["on"]]


@pytest.mark.parametrize(("file", "name"), JOBS)
def test_a_job_may_read_and_write_no_more_than_it_needs(file: str, name: str):
    permissions = github(file)["jobs"][name]["permissions"]
    assert {right for right, how in permissions.items() if how != "read"} == WRITES.get((file, name), set())


def test_the_job_that_may_comment_runs_the_code_of_the_branch_that_is_merged_into():
    job = github("tether-preview.yml")["jobs"]["comment"]
    assert job["steps"][0]["with"]["ref"] == "${{ github.event.pull_request.base.sha }}"


def test_no_script_has_an_expression_in_it(job: dict[str, Any]):
    """What a stranger writes into a title or a branch's name would be run otherwise."""
    assert not [step["run"] for step in job["steps"] if "${{" in step.get("run", "")]


def test_the_one_action_is_pinned_by_its_digest_and_keeps_no_token(job: dict[str, Any]):
    uses = [step for step in job["steps"] if "uses" in step]
    assert len(uses) == 1
    assert PINNED.fullmatch(uses[0]["uses"])
    assert uses[0]["with"]["persist-credentials"] == "false"


def test_every_workflow_has_the_same_action():
    assert (
        len({step["uses"] for file, name in JOBS for step in github(file)["jobs"][name]["steps"] if "uses" in step})
        == 1
    )


def test_secrets_come_from_the_store_and_reach_only_the_steps_that_need_them(job: dict[str, Any]):
    assert not [name for name, text in job.get("env", {}).items() if "secrets." in text]
    for step in job["steps"]:
        for name, text in step.get("env", {}).items():
            if any(word in name for word in ("TOKEN", "PASSPHRASE", "KEY", "PASSWORD")):
                assert SECRET.fullmatch(text), name


def test_every_job_ends_some_time(job: dict[str, Any]):
    assert 0 < int(job["timeout-minutes"]) <= 120


@pytest.mark.parametrize(("file", "name"), JOBS)
def test_nothing_of_a_fork_runs_where_secrets_or_machines_of_yours_are(file: str, name: str):
    workflow = github(file)
    if "pull_request" in workflow["on"] and "needs" not in workflow["jobs"][name]:
        condition = workflow["jobs"][name]["if"]
        assert "github.event.pull_request.head.repo.full_name == github.repository" in condition


@pytest.mark.parametrize(("file", "name"), GITLAB_JOBS)
def test_gitlab_s_jobs_have_a_runner_a_time_limit_rules_and_no_image(file: str, name: str):
    job = gitlab_job(file, name)
    assert {"tags", "timeout", "rules", "script", "stage"} <= set(job)
    assert "image" not in job
    assert job["stage"] in gitlab(file)["stages"]


@pytest.mark.parametrize(("file", "name"), GITLAB_JOBS)
def test_gitlab_s_jobs_name_no_secret_of_their_own(file: str, name: str):
    variables = gitlab_job(file, name).get("variables", {})
    assert not [key for key in variables if any(word in key for word in ("TOKEN", "PASSPHRASE", "KEY"))]


@pytest.mark.parametrize(("file", "name"), GITLAB_JOBS)
def test_on_gitlab_too_nothing_of_a_fork_runs(file: str, name: str):
    for rule in gitlab_job(file, name)["rules"]:
        if "merge_request_event" in rule["if"]:
            assert "$CI_MERGE_REQUEST_SOURCE_PROJECT_ID == $CI_PROJECT_ID" in rule["if"]


def test_both_systems_have_the_same_jobs():
    of_gitlab = {name.removeprefix("tether-") for _, name in GITLAB_JOBS}
    assert of_gitlab == {
        "preview", "comment", "up", "drift", "expiry", "environment-up", "environment-down", "environment-reap",
    }  # fmt: skip
    assert {(file.removeprefix("tether-").removesuffix(".yml"), name) for file, name in JOBS} == {
        ("preview", "preview"), ("preview", "comment"), ("up", "up"), ("drift", "drift"), ("expiry", "expiry"),
        ("environment", "up"), ("environment", "down"), ("reap", "reap"),
    }  # fmt: skip


@pytest.mark.parametrize("path", sorted(PIPELINES.rglob("*.yml")), ids=lambda path: f"{path.parent.name}/{path.name}")
def test_every_page_that_a_pipeline_names_is_there(path: Any):
    pages = re.findall(r"docs/[\w/-]+\.md", path.read_text())
    assert pages or path.name == "common.yml"
    assert all((PROJECT / page).is_file() for page in pages)
