import contextlib
import dataclasses
import json
import os
import signal
import time
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from tests.unit.verify.fake_mesh import FakeMesh, Faults
from tests.unit.verify.test_reaper import ended_process, namespace
from tether import kube
from tether.cli import verify as command
from tether.cli.forms import Output
from tether.cli.main import app
from tether.cli.progress import Progress
from tether.cli.target import Target
from tether.errors import ExitCode, NotFoundError, UsageError
from tether.mesh import Mesh
from tether.verify import crossing, proving
from tether.verify.matrix import Proof, read
from tether.verify.reaper import KEPT

BOTH = ("cluster1", "cluster2")


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> FakeMesh:
    """A mesh that every command line means."""
    made = FakeMesh(*BOTH)

    @contextlib.contextmanager
    def opened(target: Target) -> Generator[Mesh]:
        yield made.mesh

    monkeypatch.setattr(command, "opened", opened)
    monkeypatch.setattr(crossing, "_LOG_SECONDS", 0)
    return made


def wish(**other: Any) -> command.Wish:
    quick = command.Wish(image="app", requests=2, timeout=0.01, output=Output.JSON)
    return dataclasses.replace(quick, **other)


def test_all_proofs_are_made_by_default() -> None:
    assert command.chosen(()) == tuple(Proof)


def test_proofs_are_named_one_by_one_or_together_and_made_in_their_order() -> None:
    assert command.chosen(("failover,HTTP", "tcp")) == (Proof.HTTP, Proof.TCP, Proof.FAILOVER)


def test_every_unknown_proof_is_named() -> None:
    with pytest.raises(UsageError) as raised:
        command.chosen(("udp,http,icmp",))

    assert [problem.shown for problem in raised.value.problems] == ["udp", "icmp"]
    assert "tether verify --list" in str(raised.value)


def test_without_a_checkout_somebody_must_name_the_image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    with pytest.raises(NotFoundError, match="tether verify --image"):
        command.known_image()


def test_the_trust_domain_of_a_stack_is_the_one_in_its_settings(world: FakeMesh) -> None:
    assert command.trust_domain(world.mesh) == "cluster.local"


@pytest.mark.parametrize(
    ("answer", "domain"),
    [
        ({"data": {"mesh": "trustDomain: acme.example\n"}}, "acme.example"),
        ({"data": {"mesh": "accessLogFile: /dev/stdout\n"}}, "cluster.local"),
        ({"data": {"mesh": "{"}}, "cluster.local"),
        (kube.KubeError("forbidden", 403), "cluster.local"),
        (None, "cluster.local"),
    ],
)
def test_the_trust_domain_of_another_mesh_is_what_its_primary_says(world: FakeMesh, answer: Any, domain: str) -> None:
    other = dataclasses.replace(world.mesh, blueprint=dataclasses.replace(world.mesh.blueprint, stack=""))
    world.clusters["cluster1"].objects["/api/v1/namespaces/istio-system/configmaps/istio"] = answer

    assert command.trust_domain(other) == domain


def test_a_proved_mesh_ends_with_0_and_standard_output_is_the_document(
    world: FakeMesh, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.verify(Target(), wish()) == ExitCode.OK

    assert read(json.loads(capsys.readouterr().out)).is_proved


@pytest.mark.parametrize("output", [Output.TEXT, Output.JSON, Output.JUNIT])
def test_what_is_not_proved_ends_with_7_in_every_form(
    world: FakeMesh, output: Output, capsys: pytest.CaptureFixture[str]
) -> None:
    world.faults = Faults(blind=True)

    assert command.verify(Target(), wish(output=output)) == ExitCode.UNHEALTHY
    assert "the wrong identity is denied" in capsys.readouterr().out


def test_a_form_that_is_not_there_is_refused_before_anything_is_made(world: FakeMesh) -> None:
    with pytest.raises(UsageError, match="tether verify --output json"):
        command.verify(Target(), wish(output=Output.MARKDOWN))

    assert world.clusters["cluster1"].created == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_it_with_the_number_that_shells_expect_and_nothing_is_left(
    world: FakeMesh, number: signal.Signals, capsys: pytest.CaptureFixture[str]
) -> None:
    world.faults = Faults(unreachable={BOTH})
    world.clusters["cluster1"].before_ask = lambda: os.kill(os.getpid(), number)
    before = signal.getsignal(number)

    assert command.verify(Target(), wish(only=("http",), timeout=30)) == 128 + number

    assert signal.getsignal(number) is before
    said = capsys.readouterr()
    assert (said.out, "Interrupted" in said.err) == ("", True)
    for cluster in world.clusters.values():
        assert f"/api/v1/namespaces/{world.namespace}" in cluster.deleted


def test_what_is_kept_is_told_with_the_command_that_removes_it(
    world: FakeMesh, capsys: pytest.CaptureFixture[str]
) -> None:
    command.verify(Target(stack="kind"), wish(only=("http",), keep=True))

    said = capsys.readouterr().err
    assert f"Namespace {world.namespace} was left in 2 clusters" in said
    assert "tether verify --clean --stack kind" in said


def test_the_command_that_cleans_names_the_same_mesh() -> None:
    target = Target(primary="a b", remotes=("c", "d"), kubeconfig=Path("/k"), istio_namespace="istio")

    assert command.clean_command(target) == (
        "tether verify --clean --primary 'a b' --remote c --remote d --kubeconfig /k --istio-namespace istio"
    )


def with_remnants(world: FakeMesh) -> None:
    world.clusters["cluster1"].objects["/api/v1/namespaces"] = {"items": [
        namespace("tether-verify-1", by=ended_process()), namespace("tether-verify-2"),
        namespace("tether-verify-3", by=ended_process(), **{KEPT: "true"}),
    ]}  # fmt: skip


def test_cleaning_says_of_every_remnant_what_became_of_it(world: FakeMesh, capsys: pytest.CaptureFixture[str]) -> None:
    with_remnants(world)

    assert command.clean(Target(), dry_run=False) == ExitCode.OK

    words = [line.split("  ")[:3] for line in capsys.readouterr().out.splitlines()]
    assert [(name, said.partition(":")[0]) for _, name, said in words] == [
        ("tether-verify-1", "removed"), ("tether-verify-2", "left alone"), ("tether-verify-3", "removed"),
    ]  # fmt: skip
    assert [path.rpartition("/")[2] for path in world.clusters["cluster1"].deleted] == [
        "tether-verify-1", "tether-verify-3",
    ]  # fmt: skip


def test_a_dry_run_of_cleaning_removes_nothing(world: FakeMesh, capsys: pytest.CaptureFixture[str]) -> None:
    with_remnants(world)

    assert command.clean(Target(), dry_run=True) == ExitCode.OK
    assert capsys.readouterr().out.count("would be removed") == 2
    assert world.clusters["cluster1"].deleted == []


def test_a_cluster_that_cannot_be_cleaned_does_not_hinder_the_others(
    world: FakeMesh, capsys: pytest.CaptureFixture[str]
) -> None:
    with_remnants(world)
    world.clusters["cluster2"].objects["/api/v1/namespaces"] = kube.KubeError("does not answer")

    assert command.clean(Target(), dry_run=False) == ExitCode.FAILED
    said = capsys.readouterr()
    assert "cluster2 was not looked at: does not answer" in said.err
    assert "tether-verify-1  removed" in said.out


def test_the_proofs_are_listed_without_a_mesh() -> None:
    ran = CliRunner().invoke(app, ["verify", "--list"])

    assert ran.exit_code == 0
    assert [line.split()[0] for line in ran.stdout.splitlines()] == [str(proof) for proof in Proof]
    listed = json.loads(CliRunner().invoke(app, ["verify", "--list", "--output", "json"]).stdout)
    assert {one["name"]: one["title"] for one in listed["proofs"]} == {
        str(key): text for key, text in proving.TITLES.items()
    }


def test_a_dry_run_of_a_verification_is_refused() -> None:
    ran = CliRunner().invoke(app, ["verify", "--dry-run"])

    assert isinstance(ran.exception, UsageError)


def test_progress_is_told_of_steps_that_take_their_time_and_of_no_others(capsys: pytest.CaptureFixture[str]) -> None:
    with Progress(patience=0.2) as progress:
        progress.say("a quick step")
        progress.say("a slow step")
        time.sleep(0.6)
        progress.say("the last step")

    said = capsys.readouterr()
    assert (said.out, said.err.count("a slow step")) == ("", 1)
    assert "quick" not in said.err
    assert "last" not in said.err
