"""Documents of ``tether env``, compared with kept ones."""

import json
from typing import Any

import pytest

from tests.unit.cli.test_summary import OUTPUTS
from tests.unit.output.golden import compare
from tether.cli import environment_documents as documents
from tether.cli import pausing
from tether.cli.reaping import Case
from tether.cli.summary import Outcome
from tether.environments import registry
from tether.environments.registry import Entry
from tether.verify import run as proof

ENTRY: dict[str, Any] = {
    "name": "pr-1", "phase": "standing", "user": "me", "host": "here", "process": None, "processStart": "",
    "worker": None, "workerStart": "", "created": "2026-11-28T12:00:00+00:00", "expires": None, "clusters": 2,
    "folder": "/state/pr-1", "checkout": "/checkout",
}  # fmt: skip


@pytest.fixture
def entry() -> Entry:
    return registry.read(ENTRY)


def test_an_environment_that_was_made(entry: Entry) -> None:
    outcome = Outcome(outputs=OUTPUTS, changes=7, seconds=41.5, kubeconfigs="kubeconfigs")
    compare("environment", documents.of_run(entry, outcome).text())


def test_an_environment_that_goes_on_says_since_when_it_is_healthy(entry: Entry) -> None:
    seen = proof.Report(
        requests=20,
        rounds=1,
        answers={"a": {"a": 5, "b": 5}},
        identities=["spiffe://b"],
        seconds=6.0,
        verified_at="now",
    )
    made = documents.of_resume(pausing.Resumed(entry=entry, seconds=27.04, healthy_seconds=20.96, proof=seen))
    told = json.loads(made.text())
    assert (told["healthySeconds"], told["seconds"], told["verification"]["requests"]) == (21.0, 27.0, 20)


def test_an_environment_of_which_little_is_known(entry: Entry) -> None:
    compare("environment-alone", documents.of_entry(entry).text())


def test_every_environment(entry: Entry) -> None:
    compare("environments", documents.EnvironmentsDocument(environments=(documents.part(entry),)).text())


def test_a_kubeconfig() -> None:
    made = documents.KubeconfigDocument(kubeconfig="/state/pr-1/kubeconfig", contexts=("cluster1", "cluster2"))
    compare("environment-kubeconfig", made.text())


def test_a_removal() -> None:
    made = documents.EnvironmentRemovalDocument(dry_run=True, name="pr-1", things=("container node", "folder /x"))
    compare("environment-removal", made.text())


def test_what_was_over(entry: Entry) -> None:
    told = [(Case(entry=entry, why="expired an hour ago", found_by="label"), "removed")]
    compare("reaping", documents.reaping(told, dry_run=False).text())


def test_a_timer() -> None:
    made = documents.TimerDocument(systemd={"tether-env-reap.timer": "[Timer]"}, cron="*/5 * * * * tether env reap")
    compare("timer", made.text())
