"""Pipelines as they stand: what checkers say of their files, and jobs without clusters, run with the real engine."""

import datetime
import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.forge import (
    LEVELS,
    PIPELINES,
    PROJECT,
    Comments,
    Job,
    clean,
    clone,
    run_on_github,
    run_on_gitlab,
    write_levels,
)
from toolchain import places

WORKFLOWS = sorted((PIPELINES / "github").glob("*.yml"))
GITLAB_FILES = sorted((PIPELINES / "gitlab").glob("*.yml"))
PROGRAMS = PROJECT / ".venv" / "bin"
STACK = "kind"
PASSPHRASE = "passphrase-of-the-store"
NOW = datetime.datetime.now(datetime.UTC)


def checked(*command: str | Path) -> str:
    path = os.pathsep.join([str(PROGRAMS), os.environ["PATH"]])
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, env={**os.environ, "PATH": path})
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_actionlint_and_shellcheck_find_nothing_in_the_workflows():
    program = places.checkout().programs / "actionlint"
    assert program.is_file(), "actionlint is missing. Build it with: .venv/bin/python -m toolchain test-tools"
    # "tether" is the label of a runner of yours.
    checked(program, "-shellcheck", PROGRAMS / "shellcheck", "-ignore", 'label "tether" is unknown', *WORKFLOWS)


def test_actionlint_would_find_an_expression_that_a_stranger_fills(tmp_path: Path):
    text = (PIPELINES / "github" / "tether-up.yml").read_text()
    bad = tmp_path / "bad.yml"
    bad.write_text(text.replace("run: pipelines/ready.sh", "run: echo ${{ github.event.pull_request.title }}"))
    program = places.checkout().programs / "actionlint"
    done = subprocess.run([str(program), str(bad)], capture_output=True, text=True)
    assert done.returncode == 1
    assert "potentially untrusted" in done.stdout


def test_zizmor_finds_nothing_even_when_it_is_pedantic():
    said = checked(PROGRAMS / "zizmor", "--offline", "--no-progress", "--persona=pedantic", *WORKFLOWS)
    assert "No findings" in said


def test_gitlab_s_own_schema_holds_for_every_file():
    for file in GITLAB_FILES:
        checked(
            PROGRAMS / "check-jsonschema", "--builtin-schema", "vendor.gitlab-ci", "--data-transform", "gitlab-ci", file
        )


def test_github_s_schema_holds_for_every_workflow():
    checked(PROGRAMS / "check-jsonschema", "--builtin-schema", "vendor.github-workflows", *WORKFLOWS)


def test_shellcheck_finds_nothing_in_the_script():
    checked(PROGRAMS / "shellcheck", PIPELINES / "ready.sh")


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = clone(tmp_path_factory.mktemp("checkout"))
    write_levels(folder)
    return folder


class Runner:
    """A checkout, a home, and a state elsewhere, as both forges have them."""

    def __init__(self, checkout: Path, folder: Path) -> None:
        self.checkout, self.home, self.state = checkout, folder / "home", folder / "state"
        self.state.mkdir()

    @property
    def variables(self) -> dict[str, str]:
        return {
            "TETHER_STACK": STACK, "TETHER_BACKEND_URL": self.state.as_uri(), "TETHER_POLICY_PACK_CONFIG": LEVELS,
        }  # fmt: skip

    def github(self, file: str, job: str, known: Mapping[str, str] | None = None, **variables: str) -> Job:
        store = {"secrets.PULUMI_CONFIG_PASSPHRASE": PASSPHRASE}
        settings = {f"vars.{name}": value for name, value in self.variables.items()}
        return run_on_github(
            file, job, folder=self.checkout, home=self.home, known={**store, **settings, **(known or {})},
            variables=variables,
        )  # fmt: skip

    def gitlab(self, file: str, job: str, **variables: str) -> Job:
        own = {**self.variables, "PULUMI_CONFIG_PASSPHRASE": PASSPHRASE, **variables}
        return run_on_gitlab(file, job, folder=self.checkout, home=self.home, variables=own)

    def pulumi(self, *arguments: str, stdin: str = "") -> None:
        """Call the engine on the state that the jobs share."""
        from toolchain.environment import variables

        environment = {
            **clean(self.home), **variables(self.checkout), "PULUMI_BACKEND_URL": self.state.as_uri(),
            "PULUMI_CONFIG_PASSPHRASE": PASSPHRASE,
        }  # fmt: skip
        command = ["pulumi", *arguments, "--stack", STACK, "--non-interactive"]
        done = subprocess.run(command, cwd=self.checkout, env=environment, input=stdin, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr


@pytest.fixture
def runner(checkout: Path, tmp_path: Path) -> Runner:
    return Runner(checkout, tmp_path)


def in_days(days: float) -> str:
    return (NOW + datetime.timedelta(days=days)).isoformat(timespec="seconds")


def recorded(runner: Runner, **outputs: Any) -> None:
    """Have the engine keep a state with these outputs."""
    runner.pulumi("stack", "init")
    stack = {
        "urn": f"urn:pulumi:{STACK}::tether::pulumi:pulumi:Stack::tether-{STACK}", "custom": False,
        "type": "pulumi:pulumi:Stack", "outputs": outputs,
    }  # fmt: skip
    deployment = {
        "manifest": {"time": NOW.isoformat(), "magic": "", "version": ""},
        "secrets_providers": None,
        "resources": [stack],
    }
    runner.pulumi("stack", "import", stdin=json.dumps({"version": 3, "deployment": deployment}))


@pytest.mark.parametrize("forge", ["github", "gitlab"])
def test_what_a_runner_lacks_is_said_at_once_and_before_anything_is_made(runner: Runner, forge: str):
    known = {"vars.TETHER_STACK": "", "vars.TETHER_BACKEND_URL": ""}
    empty = {"TETHER_STACK": "", "TETHER_BACKEND_URL": ""}
    job = (
        runner.github("tether-expiry.yml", "expiry", known)
        if forge == "github"
        else runner.gitlab("expiry.yml", "tether-expiry", **empty)
    )
    assert "not set: PULUMI_STACK TETHER_BACKEND_URL" in job.said
    assert [step.code for step in job.failed] == [2]


@pytest.mark.timeout(600)
@pytest.mark.parametrize("forge", ["github", "gitlab"])
def test_the_expiry_job_is_green_while_nothing_ends_and_red_with_the_way_out_once_it_does(runner: Runner, forge: str):
    def run() -> tuple[Job, str]:
        job = (
            runner.github("tether-expiry.yml", "expiry")
            if forge == "github"
            else runner.gitlab("expiry.yml", "tether-expiry")
        )
        return job, (runner.checkout / "expiry.md").read_text()

    runner.github("tether-expiry.yml", "expiry")  # the tools, which the engine below is one of
    far = {"certificateAuthority": "generated", "rootCertificateExpiry": in_days(3000)}
    recorded(runner, mesh={**far, "intermediateCertificateExpiry": in_days(900)}, credentials=[])
    job, page = run()
    assert not job.failed, job.said
    assert "Nothing of 2 needs anybody." in page
    runner.pulumi("stack", "rm", "--yes", "--force", "--preserve-config")
    recorded(runner, mesh={**far, "intermediateCertificateExpiry": in_days(12)}, credentials=[])
    job, page = run()
    assert [step.code for step in job.failed] == [7], job.said
    assert "1 of 2 need somebody." in page
    assert "| ❗ | certificate that istiod signs with | ends in 12 days |" in page
    assert "intermediateDays" in page
    if forge == "github":
        assert page in job.summary


@pytest.mark.timeout(600)
@pytest.mark.parametrize("forge", ["github", "gitlab"])
def test_the_preview_job_says_under_the_request_what_would_be_made(runner: Runner, forge: str):
    if forge == "github":
        job = runner.github("tether-preview.yml", "preview")
        text = job.outputs["summary.comment"]
    else:
        job = runner.gitlab("preview.yml", "tether-preview")
        text = (runner.checkout / "preview.md").read_text()
    assert not job.failed, job.said
    assert "### Preview of stack `kind`" in text
    assert "| create | `cluster2` | `tether:index:Cluster` |" in text
    assert "| `gateway-source-ranges` | advisory |" in text
    assert PASSPHRASE not in job.said + text
    with Comments() as server:
        if forge == "github":
            known = {
                "needs.preview.outputs.comment": text, "github.token": server.token,
                "github.event.pull_request.number": "12",
            }  # fmt: skip
            comment = runner.github(
                "tether-preview.yml", "comment", known, GITHUB_API_URL=server.address, GITHUB_REPOSITORY="ours/mesh"
            )
        else:
            comment = runner.gitlab(
                "preview.yml", "tether-comment", CI_API_V4_URL=server.address, CI_MERGE_REQUEST_IID="12",
                CI_MERGE_REQUEST_PROJECT_ID="7", TETHER_COMMENT_TOKEN=server.token,
            )  # fmt: skip
        assert not comment.failed, comment.said
        assert [body.rstrip() for body in server.bodies.values()] == [f"<!-- tether: preview -->\n{text}".rstrip()]


@pytest.mark.timeout(600)
def test_a_request_whose_settings_are_wrong_is_red_and_its_comment_says_where_to_look(
    runner: Runner,
):
    file = runner.checkout / "stacks" / "Pulumi.kind.yaml"
    good = file.read_text()
    (runner.checkout / "preview.md").unlink(missing_ok=True)
    try:
        file.write_text("config:\n  tether:trustDomain: 'no domain'\n")
        job = runner.github("tether-preview.yml", "preview")
    finally:
        file.write_text(good)
    assert [step.code for step in job.failed] == [2], job.said
    assert "tether:trustDomain" in job.said
    assert job.outputs["summary.comment"] == "There is no preview: the log of this job says why."
