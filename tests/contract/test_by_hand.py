"""What users type that needs the engine, or nothing at all, and no cluster."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.environment import PROJECT, TETHER, Environment
from tether.doctor.registry import CHECKS
from tether.verify.matrix import Proof

SECRET = "only-istiod-knows"


@pytest.fixture
def stack() -> Iterator[Environment]:
    """A stack with nothing in it."""
    made = Environment()
    ran = made.pulumi("stack", "init", made.stack)
    assert ran.code == 0, ran.talk
    try:
        yield made
    finally:
        ran = made.pulumi("stack", "rm", made.stack, "--yes", "--force")
        made.stack_file.unlink(missing_ok=True)
    assert ran.code == 0, ran.talk


def test_what_pulumi_config_sets_is_in_force_and_in_the_preview(stack: Environment) -> None:
    for words in (
        ("tether:ingressGateway", "true"),
        ("--path", "tether:labels.team", "platform"),
        ("--path", 'tether:labels["example.com/cost-center"]', "4711", "--type", "string"),
    ):
        ran = stack.pulumi("config", "set", *words)
        assert ran.code == 0, ran.talk
    path = "tether:helmValues.istiod.env.OUR_TOKEN"
    ran = stack.run("pulumi", "config", "set", "--secret", "--path", path, stdin=SECRET)
    assert ran.code == 0, ran.talk
    assert SECRET not in stack.stack_file.read_text()

    shown = stack.run(TETHER, "settings", "show", "--output", "json")
    assert shown.code == 0, shown.talk
    values = {one["key"]: one["value"] for one in json.loads(shown.stdout)["settings"]}
    assert values["tether:ingressGateway"] is True
    assert values["tether:labels.team"] == "platform"
    assert "4711" in {value for key, value in values.items() if "example.com/cost-center" in key}

    preview = stack.pulumi("preview", "--diff")
    assert preview.code == 0, preview.talk
    assert "istio-ingressgateway" in preview.stdout
    assert SECRET not in shown.talk + preview.talk


def test_a_secret_that_is_to_stay_can_be_taken_out_of_the_engines_hands(stack: Environment) -> None:
    document: dict[str, Any] = json.loads(stack.pulumi("stack", "export").stdout)
    root = f"urn:pulumi:{stack.stack}::tether::pulumi:pulumi:Stack::tether-{stack.stack}"
    mine = f"urn:pulumi:{stack.stack}::tether::kubernetes:core/v1:Secret::cluster1-cacerts"
    document["deployment"]["resources"] = [
        {"urn": root, "type": "pulumi:pulumi:Stack", "custom": False},
        {
            "urn": mine,
            "type": "kubernetes:core/v1:Secret",
            "custom": True,
            "id": "istio-system/cacerts",
            "parent": root,
        },
    ]
    ran = stack.run("pulumi", "stack", "import", "--non-interactive", stdin=json.dumps(document))
    assert ran.code == 0, ran.talk

    assert f"{mine}\n" in stack.run("bash", "-c", "pulumi stack --show-urns | grep cacerts").stdout + "\n"
    ran = stack.pulumi("state", "delete", mine, "--yes")
    assert ran.code == 0, ran.talk
    assert [one["urn"] for one in stack.state()] == [root]


def test_a_stack_that_a_killed_run_left_locked_is_free_after_pulumi_cancel(stack: Environment) -> None:
    locks = PROJECT / ".tether" / "state" / ".pulumi" / "locks" / "organization" / "tether" / stack.stack
    locks.mkdir(parents=True, exist_ok=True)
    lock = {"pid": 1, "username": "ci", "hostname": "gone", "timestamp": "2026-01-01T00:00:00Z"}
    (locks / "0f0e0d0c.json").write_text(json.dumps(lock))
    refused = stack.pulumi("refresh", "--yes")
    assert "the stack is currently locked by 1 lock(s)" in refused.talk

    ran = stack.pulumi("cancel", "--stack", stack.stack, "--yes")
    assert ran.code == 0, ran.talk
    assert not list(locks.glob("*.json"))


def test_lists_need_no_mesh(stack: Environment) -> None:
    checks = stack.run(TETHER, "doctor", "--list").stdout
    assert all(check.id in checks for check in CHECKS)
    proofs = stack.run(TETHER, "verify", "--list").stdout
    assert all(proof in proofs for proof in Proof)
    assert json.loads(stack.run(TETHER, "schema").stdout)["title"]
    assert "bench-remotes" in stack.run("make", "--no-print-directory", "help").stdout
