"""How a play judges what others saw of it, and what it leaves out."""

import base64
import dataclasses
import datetime
import json
from pathlib import Path
from typing import Any

import pytest

from tests.unit.kube.fake_api import FakeApi
from tests.unit.trace.records import CERTIFICATE, failed
from tether.doctor.check import Finding, wrong
from tether.doctor.examination import Examination
from tether.doctor.registry import CHECKS
from tether.doctor.view import MeshView
from tether.errors import NotFoundError
from tether.kube import KubeError
from tether.mesh import Blueprint, Cluster, Member, Mesh
from tether.topology import Role
from tether.trace import document, play, run, witness
from tether.trace.record import Actor, Outcome, Step
from tether.trace.stage import Part, Stage, no_way, play_step, refused, seen, skipped

TOKEN = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJzZWNyZXQifQ.c2lnbmF0dXJl"
REASON = 'failed to validate the JWT from cluster "west": no'
SENT = dataclasses.replace(CERTIFICATE, started=0.0, seconds=5.0)


def mesh(primary: FakeApi | None = None, remote: FakeApi | None = None) -> Mesh:
    members = (
        Member(name="east", role=Role.PRIMARY, kubeconfig="", cluster_id="east", network="network1"),
        Member(name="west", role=Role.REMOTE, kubeconfig="", cluster_id="west", network="network2"),
    )
    apis = (primary or FakeApi(), remote or FakeApi())
    clusters = tuple(Cluster(member=member, api=api) for member, api in zip(members, apis, strict=True))
    return Mesh(blueprint=Blueprint(members=members, stack="kind"), clusters=clusters)


@pytest.fixture
def stage() -> Stage:
    view = MeshView(mesh())
    return Stage(view, view.remotes[0], Part(namespace="a", service_account="b", audience="istio-ca"))


def audited(stage: Stage, code: int = 201, message: str = "", seconds: float = 1) -> list[witness.Review]:
    began = stage.began_at + datetime.timedelta(seconds=seconds)
    return [witness.Review(user="reader", source="10.0.0.1", began=began, code=code, message=message,
                           ended=began + datetime.timedelta(milliseconds=3))]  # fmt: skip


def test_a_review_that_was_audited_is_shown_with_who_asked_and_when(stage: Stage) -> None:
    step = run.review(stage, SENT, "", audited(stage))

    assert (step.outcome, step.inside, step.source, step.target) == (
        Outcome.OK, "certificate", Actor.ISTIOD, Actor.API_SERVER,
    )  # fmt: skip
    assert step.identity == "reader, from 10.0.0.1"
    assert (step.started, step.seconds) == (1.0, 0.003)
    assert step.answer == "HTTP 201: it is of system:serviceaccount:a:b"


def test_a_review_outside_of_the_call_is_somebody_elses(stage: Stage) -> None:
    assert run.review(stage, SENT, "", audited(stage, seconds=6)).outcome is Outcome.UNSEEN


@pytest.mark.parametrize(
    ("code", "message", "reason", "words", "whose"),
    [
        (403, "may not create tokenreviews", "", "may not create tokenreviews", "audit log of the API server"),
        (401, "", REASON, REASON, "istiod's log"),
        (201, "", REASON, REASON, "istiod's log"),
    ],
)
def test_a_review_that_did_not_help_is_failed_in_somebodys_own_words(
    stage: Stage, code: int, message: str, reason: str, words: str, whose: str
) -> None:
    step = run.review(stage, failed(SENT), reason, audited(stage, code, message))

    assert (step.outcome, step.message, step.source_of_message) == (Outcome.FAILED, words, whose)


def test_without_an_audit_log_istiods_log_has_to_do(stage: Stage) -> None:
    step = run.review(stage, failed(SENT), REASON, None)

    assert (step.outcome, step.message) == (Outcome.FAILED, REASON)
    assert run.review(stage, SENT, "", None).outcome is Outcome.UNSEEN


def test_a_review_that_never_arrived_is_failed_in_the_words_of_istiod(stage: Stage) -> None:
    step = run.review(stage, failed(SENT), REASON, [])

    assert (step.outcome, step.answer, step.message) == (Outcome.FAILED, "the question never arrived", REASON)


@pytest.mark.parametrize("reason", ["client claims to be in cluster", REASON.replace("west", "south")])
def test_a_review_that_never_was_is_skipped(stage: Stage, reason: str) -> None:
    step = run.review(stage, failed(SENT), reason, [])

    assert (step.outcome, step.message) == (Outcome.SKIPPED, "istiod did not ask the API server of west")


def test_who_shows_a_certificate_that_is_taken_needs_no_review(
    stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.part = dataclasses.replace(stage.part, client_certificate=tmp_path / "client.pem")

    def no_reviews(*_: object) -> list[witness.Review]:
        return []

    monkeypatch.setattr(witness, "reviews", no_reviews)

    assert run.explained(stage, [SENT], stage.began_at) == [SENT]


def test_calls_that_were_not_sent_have_no_review(stage: Stage) -> None:
    not_sent = dataclasses.replace(SENT, outcome=Outcome.SKIPPED)

    assert run.explained(stage, [not_sent], stage.began_at) == [not_sent]


def ended(stage: Stage, exchange: Any) -> Step:
    return play_step(stage, exchange, id="x", title="x", source=Actor.PROXY, target=Actor.ISTIOD)


@pytest.mark.parametrize("whose", ["answer", "message"])
def test_a_token_in_anybodys_words_never_gets_into_a_record(stage: Stage, whose: str) -> None:
    exchange = {"answer": lambda: seen(f"got {TOKEN}"), "message": lambda: refused(f"no: {TOKEN}", "istiod")}[whose]

    step = ended(stage, exchange)

    assert TOKEN not in json.dumps(dataclasses.asdict(step))
    assert "[secret]" in getattr(step, whose)


def test_what_is_secret_is_not_shown_by_the_parts_themselves() -> None:
    part = Part(namespace="a", service_account="b", audience="c", token=TOKEN)

    assert TOKEN not in repr(part)


def test_each_way_to_end_is_told_from_the_others(stage: Stage) -> None:
    ways = (lambda: seen("a"), lambda: refused("b", "c"), lambda: skipped("d"), lambda: no_way(stage, 1))
    outcomes = [ended(stage, way).outcome for way in ways]

    assert outcomes == [Outcome.OK, Outcome.FAILED, Outcome.SKIPPED, Outcome.NO_WAY]


@pytest.mark.parametrize(("checks", "told"), [(("D30",), ""), (("D30", "D11"), "D11")])
def test_only_an_error_is_told_as_the_cause(
    monkeypatch: pytest.MonkeyPatch, checks: tuple[str, ...], told: str
) -> None:
    found = tuple(Finding(check=check, subject="east", answer=wrong("x", fix=""))
                  for check in CHECKS if check.id in checks)  # fmt: skip

    def examine(*_: object) -> Examination:
        return Examination(found)

    monkeypatch.setattr(run, "examine", examine)

    def refuse(path: str, body: Any) -> Any:
        raise KubeError("no")

    api = FakeApi()
    api.on_create = refuse

    record = play(mesh(api, api))

    assert record.diagnosed
    assert (record.diagnosis.check if record.diagnosis else "") == told


def test_a_remote_that_is_not_there_is_named_with_those_that_are() -> None:
    with pytest.raises(NotFoundError, match=r"no remote south\. Its remotes: west"):
        play(mesh(), remote="south", diagnose=False)


def test_a_mesh_that_does_not_answer_is_recorded_step_by_step() -> None:
    primary, remote = FakeApi(), FakeApi()
    silent = KubeError("https://west does not answer")
    root = "/api/v1/namespaces/istio-system/configmaps/istio-ca-root-cert"
    remote.objects = {root: silent, "/api/v1/services": silent}

    def refuse(path: str, body: Any) -> Any:
        raise silent

    remote.on_create = refuse
    told: list[str] = []

    record = play(mesh(primary, remote), diagnose=False, on_step=lambda step: told.append(step.id))

    assert [step.outcome for step in record.steps] == [
        Outcome.FAILED, Outcome.FAILED, Outcome.SKIPPED, Outcome.FAILED, Outcome.SKIPPED, Outcome.SKIPPED,
        Outcome.SKIPPED,
    ]  # fmt: skip
    assert told == ["bearings", "admission", "injection", "token", "handshake", "certificate", "discovery"]
    assert record.steps[0].message == "https://west does not answer"
    assert document.read(document.write(record)) == record


def test_who_asks_with_a_revoked_token_is_nobody(stage: Stage) -> None:
    (unknown,) = audited(stage, 401)

    step = run.review(stage, failed(SENT), REASON, [dataclasses.replace(unknown, user="")])

    assert step.identity == "nobody that it knows, from 10.0.0.1"


def test_a_review_is_of_the_token_that_was_shown(stage: Stage) -> None:
    payload = base64.urlsafe_b64encode(b'{"sub": "system:serviceaccount:a:other"}').decode()
    stage.learned.token = f"h.{payload}.s"

    assert run.review(stage, SENT, "", audited(stage)).answer == "HTTP 201: it is of system:serviceaccount:a:other"
