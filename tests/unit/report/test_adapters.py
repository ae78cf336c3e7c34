"""What a trace and a verification become on the page."""

import dataclasses
from xml.etree import ElementTree

from tether.report import authentication, traffic
from tether.trace.record import Actor, Outcome, Participant, Record, Step, Verdict
from tether.verify.matrix import Cell, Matrix, Mode, Party, Proof, Protocol
from tether.verify.matrix import Outcome as Proved


def record(*steps: Step) -> Record:
    actors = ((Actor.PROXY, "proxy", "cluster2"), (Actor.API_SERVER, "API server", "cluster2"),
              (Actor.GATEWAY, "east-west gateway", "cluster1"), (Actor.ISTIOD, "istiod", "cluster1"))  # fmt: skip
    return Record(
        mesh="kind", primary="cluster1", remote="cluster2", cluster_id="cluster2", network="network2",
        namespace="istio-system", service_account="gateway", trust_domain="cluster.local",
        began_at="2026-11-25T15:00:00+00:00", seconds=1.5, steps=steps,
        participants=tuple(Participant(actor=actor, name=name, detail="", cluster=cluster)
                           for actor, name, cluster in actors),
    )  # fmt: skip


TOKEN = Step(id="token", title="A token, please", source=Actor.PROXY, target=Actor.API_SERVER, outcome=Outcome.OK,
             seconds=0.01, answer="a token for istio-ca",
             verdicts=(Verdict(what="audience", ok=True, detail="istio-ca"),))  # fmt: skip
REFUSED = Step(id="certificate", title="Sign this", source=Actor.PROXY, target=Actor.ISTIOD, via=Actor.GATEWAY,
               address="10.89.3.128", port=15012, credential="service-account token", outcome=Outcome.FAILED,
               answer="UNAUTHENTICATED", message="token expired", source_of_message="istiod's log")  # fmt: skip
SKIPPED = Step(id="discovery", title="Configuration, please", source=Actor.PROXY, target=Actor.ISTIOD,
               outcome=Outcome.SKIPPED, message="the token was refused")  # fmt: skip


def test_every_step_says_who_spoke_to_whom_and_what_came_back():
    found = authentication.of_record(record(TOKEN, REFUSED, SKIPPED))
    token, refused, skipped = found.exchanges
    assert (token.who, token.seen, token.is_right) == ("proxy → API server", "a token for istio-ca", True)
    assert token.checked == ("audience: istio-ca",)
    assert refused.who == "proxy → istiod, at 10.89.3.128:15012, with service-account token"
    assert (refused.seen, refused.outcome, refused.is_right) == ("istiod's log: token expired", "failed", False)
    assert skipped.is_right is None
    assert not found.is_right
    assert "Sign this" in found.headline


def test_the_diagram_is_the_traces_own():
    found = authentication.of_record(record(TOKEN))
    assert found.is_right
    assert "A token, please" in "".join(ElementTree.fromstring(found.diagram).itertext())  # noqa: S314 - our own


def cell(source: str, destination: str, *, lost: int = 0, mode: Mode = Mode.STRICT) -> Cell:
    return Cell(source=source, destination=destination, protocol=Protocol.GRPC, mode=mode, requests=20, lost=lost,
                p50_ms=2.5, client=f"spiffe://mesh/{source}", server=f"spiffe://mesh/{destination}",
                wrong=f"{source} → {destination} lost {lost}" if lost else "")  # fmt: skip


def verified(*cells: Cell) -> Matrix:
    return Matrix(
        stack="kind", clusters=(Party(name="one", role="primary"), Party(name="two", role="remote")),
        proofs=(Proof.GRPC, Proof.STRICT), cells=cells, verified_at="2026-11-25T15:00:00+00:00",
        outcomes=(Proved(proof=Proof.AUTHORIZATION, source="two", destination="one", protocol=Protocol.HTTP,
                         expectation="a wrong identity is denied", requests=20, fulfilled=20, seen="20 with 403"),),
    )  # fmt: skip


def test_a_verification_becomes_one_grid_per_mode():
    found = traffic.of_matrix(verified(cell("one", "two"), cell("two", "one", lost=3)))
    (grid,) = found.grids
    assert (grid.mode, found.clusters) == ("strict", ("one", "two"))
    (first, (none, there)), (second, (back, _)) = grid.rows
    assert (first, second, none) == ("one", "two", ())
    assert (there[0].protocol, there[0].answered, there[0].requests, there[0].wrong) == ("gRPC", 20, 20, "")
    assert (back[0].answered, back[0].wrong) == (17, "two → one lost 3")
    assert not found.is_right
    assert found.complaints == ("two → one lost 3",)
    assert found.headline.startswith("Not proved: 60 requests, 3 requests lost")
    assert found.expectations[0].sentence == "a wrong identity is denied"


def test_the_identities_of_both_ends_are_told_once_each():
    found = traffic.of_matrix(verified(cell("one", "two"), cell("two", "one")))
    assert found.identities == (("one", "spiffe://mesh/one"), ("two", "spiffe://mesh/two"))


def test_an_identity_that_nobody_saw_is_not_told():
    unseen = dataclasses.replace(cell("one", "two", lost=20), client="", server="")
    assert traffic.of_matrix(verified(unseen)).identities == ()


def test_a_verification_that_lost_nothing_is_a_proof():
    found = traffic.of_matrix(
        verified(cell("one", "two"), cell("two", "one"), cell("two", "one", mode=Mode.PERMISSIVE))
    )
    assert found.is_right
    assert [grid.mode for grid in found.grids] == ["permissive", "strict"]
    assert found.headline.startswith("Proved: 80 requests, none lost")
