"""Reports with everything in them, for tests of the page."""

import datetime

from tests.unit.report.meshes import ROOT, mesh
from tether.doctor.check import Answer, Check, Family, Finding, Scope, Severity, Status
from tether.doctor.examination import Examination
from tether.report.inventory import Version
from tether.report.model import (
    Authentication,
    Certificates,
    Crossing,
    Exchange,
    Expectation,
    Grid,
    Report,
    Traffic,
)
from tether.report.picture import Picture
from tether.report.validity import State, Validity

NOW = datetime.datetime(2026, 11, 25, 15, 30, tzinfo=datetime.UTC)
DIAGRAM = (
    '<svg xmlns="http://www.w3.org/2000/svg" width="900" height="120" viewBox="0 0 900 120">'
    '<rect width="900" height="120" fill="#888"/><text x="20" y="60">proxy to istiod</text></svg>'
)


def healthy(picture: Picture | None = None) -> Report:
    """Nothing is wrong, nothing is left out."""
    return Report(
        made_at=NOW, command="tether report --out mesh.html", picture=picture or mesh(),
        examination=Examination((finding("D01"), finding("D13", "cluster2", family=Family.LINK))),
        certificates=Certificates(validities=validities()),
        versions=(Version(part="Tether", where="this report", version="0.1.0"),
                  Version(part="Kubernetes", where="cluster1", version="v1.34.4"),
                  Version(part="Envoy", where="cluster1, cluster2", version="1.39.3", note="data plane image proxy:1")),
        authentications=(authentication(),), traffic=traffic(),
    )  # fmt: skip


def unhealthy(picture: Picture | None = None) -> Report:
    """An error that mutes, a warning, an unknown; no authentication and no traffic."""
    fix = "kubectl --kubeconfig .tether/kubeconfigs/kind/cluster1 -n istio-system apply -f - <<'END'\nkind: Secret\nEND"
    seen = Answer(status=Status.WRONG, seen="the token is not accepted", fix=fix, cause="it was revoked")
    wrong = finding("D13", "cluster2", status=Status.WRONG, family=Family.LINK, answer=seen,
                    evidence=("istiod: Unauthorized",))  # fmt: skip
    return Report(
        made_at=NOW, command="tether report --primary east --remote west --out mesh.html", picture=picture or mesh(2),
        examination=Examination((
            finding("D01"), wrong,
            finding("D33", status=Status.WRONG, severity=Severity.WARNING,
                    answer=Answer(status=Status.WRONG, seen="ends in 9 days", fix="# renew the CA")),
            finding("D18", "cluster2", status=Status.MUTED, family=Family.INJECT, muted_by=("D13",)),
            finding("D23", "cluster3", status=Status.UNKNOWN, family=Family.DATA),
        )),
        certificates=Certificates(validities=(*validities(), Validity(
            what="Gateway istio-system/gone", cluster="cluster3", gap="the pod does not answer")),
            note="10 of 34 proxies were asked."),
        versions=(Version(part="Kubernetes", where="cluster3", version=""),),
        no_authentication="Left out, as --no-trace asked.",
    )  # fmt: skip


def finding(
    name: str, subject: str = "cluster1", *, status: Status = Status.OK, family: Family = Family.BEFORE,
    severity: Severity = Severity.ERROR, answer: Answer | None = None, muted_by: tuple[str, ...] = (),
    evidence: tuple[str, ...] = (),
) -> Finding:  # fmt: skip
    check = Check(
        id=name, title=f"What {name} asks holds", family=family, scope=Scope.CLUSTER, severity=severity,
        symptom="Proxies of the remote are Unauthenticated.", cause="Something was changed.",
        remedy="Change it back.",
        probe=lambda _, __: Answer(status=status, seen=""),
    )  # fmt: skip
    return Finding(check=check, subject=subject, answer=answer or Answer(status=status, seen=f"seen by {name}"),
                   muted_by=muted_by, evidence=evidence)  # fmt: skip


def validities() -> tuple[Validity, ...]:
    """A root with years left, an intermediate that ends soon, a workload's that has ended."""
    identity = "spiffe://cluster.local/ns/istio-system/sa/istio-eastwestgateway-service-account"
    return (
        _validity("Root certificate", 3650, State.GOOD, "CN=Root CA,O=Tether", ROOT),
        _validity("Intermediate certificate", 9, State.SOON, "CN=Intermediate CA,O=Tether", ROOT),
        _validity("Gateway istio-system/istio-eastwestgateway-6d4f", -0.3, State.ENDED, identity),
    )


def _validity(what: str, days: float, state: State, subject: str, fingerprint: str = "") -> Validity:
    return Validity(what=what, cluster="cluster1", subject=subject, fingerprint=fingerprint, days=days, state=state,
                    until=NOW + datetime.timedelta(days=days))  # fmt: skip


def authentication() -> Authentication:
    """One step that went well and one that did not."""
    return Authentication(
        remote="cluster2", is_right=False, headline="istiod refused the token", diagram=DIAGRAM,
        exchanges=(
            Exchange(title="Ask for a token", who="proxy → API server", seconds=0.012, outcome="ok", is_right=True,
                     seen="a token for istio-ca", checked=("audience is istio-ca",)),
            Exchange(title="Send the certificate request", who="proxy → istiod, through 10.89.126.128:15012",
                     seconds=0.2, outcome="failed", is_right=False, seen="Unauthenticated"),
        ),
    )  # fmt: skip


def traffic(clusters: tuple[str, ...] = ("cluster1", "cluster2")) -> Traffic:
    """Every pair over two protocols; one way lost requests."""

    def cell(source: str, destination: str) -> tuple[Crossing, ...]:
        lost = source == "cluster2" and destination == "cluster1"
        return (
            Crossing(protocol="HTTP", answered=20, requests=20, milliseconds=3.2),
            Crossing(protocol="TCP", answered=0 if lost else 20, requests=20, milliseconds=None if lost else 1.1,
                     wrong="cluster2 → cluster1: nothing was answered" if lost else ""),
        )  # fmt: skip

    rows = tuple((source, tuple(cell(source, target) for target in clusters)) for source in clusters)
    return Traffic(
        is_right=False, headline="160 requests, 20 of them lost", verified_at="2026-11-25T15:00:00+00:00",
        clusters=clusters, grids=(Grid(mode="strict", rows=rows),),
        identities=tuple((name, f"spiffe://cluster.local/ns/tether-verify/sa/echo-{name}") for name in clusters),
        complaints=("cluster2 → cluster1: nothing",),
        expectations=(Expectation(proof="failover", sentence="cluster2 answers when cluster1 has no copy", fulfilled=20,
                                  requests=20, seen="20 by cluster2"),),
    )  # fmt: skip
