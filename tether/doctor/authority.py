"""The CA that istiod signs with: whether it verifies, is the one in use, and lasts."""

from collections.abc import Sequence

from cryptography import x509

from tether import topology
from tether.authority.forms import SOON_DAYS
from tether.doctor import certificates, fixes, objects
from tether.doctor.check import Answer, Check, Family, Scope, Severity, ok, wrong
from tether.doctor.view import ClusterView, MeshView

_INTERMEDIATE, _KEY, _CHAIN, _ROOT = "ca-cert.pem", "ca-key.pem", "cert-chain.pem", "root-cert.pem"


def _authority(view: MeshView, primary: ClusterView) -> Answer:
    secret = primary.find(primary.system("secrets", topology.CA_SECRET))
    source = topology.CA_SECRET
    if secret is None:
        source = "istio-ca-secret"
        secret = primary.find(primary.system("secrets", source))
    if secret is None:
        return wrong(
            f"neither Secret cacerts nor istio-ca-secret is in {view.namespace}: istiod has no CA",
            fix=fixes.rebuild(view, fixes.restart_istiod(view)),
        )
    data = objects.authority(secret)
    signer = certificates.parse(data.get(_INTERMEDIATE, ""))
    roots = certificates.parse(data.get(_ROOT, "")) or signer
    chain = certificates.parse(data.get(_CHAIN, ""))
    complaint = _complaint(view, signer, chain, roots)
    if not complaint:
        soonest = min(certificates.days_left(one) for one in [*signer, *roots])
        return ok(f"{source}: chain verifies, root {certificates.fingerprint(roots[0])}, {soonest:.0f} days left")
    return wrong(f"{source}: {complaint}", fix=fixes.rebuild(view, _replace(view, primary)))


def _replace(view: MeshView, primary: ClusterView) -> str:
    """Commands that put a CA in the place of another, from files of the names that istiod wants."""
    files = " ".join(f"--from-file {name}" for name in (_INTERMEDIATE, _KEY, _CHAIN, _ROOT))
    return "\n".join(
        [
            fixes.in_system(primary, f"create secret generic {topology.CA_SECRET} {files} --dry-run=client -o json")
            + f" | {primary.cluster.member.kubectl} replace -f -",
            fixes.restart_istiod(view),
        ]
    )


def _complaint(
    view: MeshView,
    signer: Sequence[x509.Certificate],
    chain: Sequence[x509.Certificate],
    roots: Sequence[x509.Certificate],
) -> str:
    """What is wrong with a CA; empty where nothing is."""
    if not signer:
        return f"{_INTERMEDIATE} holds no certificate"
    if not certificates.is_authority(signer[0]):
        return f"{_INTERMEDIATE} is no CA certificate (CA:TRUE is missing)"
    for name, found in ((_INTERMEDIATE, signer), (_ROOT, roots)):
        left = min(certificates.days_left(one) for one in found)
        if left < 0:
            return f"{name} ended {-left:.0f} days ago"
    broken = certificates.complaint_about_chain(signer[0], [*signer, *chain], roots)
    if broken:
        return f"the chain does not lead to {_ROOT}: {broken}"
    told = certificates.parse(objects.mesh_root(view))
    if told and not any(one in told for one in roots):
        return (
            f"its root is {certificates.fingerprint(roots[0])}, but istiod tells proxies the root "
            f"{certificates.fingerprint(told[0])}; workloads that start now and older ones will not trust each other"
        )
    return ""


def _expiry(view: MeshView, primary: ClusterView) -> Answer:
    data = objects.authority(primary.find(primary.system("secrets", topology.CA_SECRET)))
    held = [
        (name, certificate) for name in (_INTERMEDIATE, _ROOT) for certificate in certificates.parse(data.get(name, ""))
    ]
    if not held:
        return ok("no cacerts; istiod renews its own CA")
    name, soonest = min(held, key=lambda pair: certificates.days_left(pair[1]))
    left = certificates.days_left(soonest)
    if left < SOON_DAYS:
        longer = "pulumi config set --path tether:certificateAuthority.intermediateDays 1826"
        return wrong(
            f"{name} ends in {left:.0f} days",
            fix=fixes.rebuild(view, _replace(view, primary))
            + (f"\n# one that Tether generated is issued anew by another lifetime: {longer} && tether up"
               if view.mesh.blueprint.stack else ""),
        )  # fmt: skip
    return ok(f"{left:.0f} days left")


CHECKS = (
    Check(
        id="D06", title="The CA's chain verifies, and is the one in use", family=Family.BEFORE, scope=Scope.MESH,
        needs=("D01",),
        symptom="CERTIFICATE_VERIFY_FAILED between workloads, or between proxies and istiod.",
        cause="cacerts was replaced in part, has ended, or istiod was not restarted after a new root.",
        remedy="Put the right four files into Secret cacerts, and restart istiod where the root is another one.",
        probe=_authority,
    ),
    Check(
        id="D33", title="The CA does not end soon", family=Family.BEFORE, scope=Scope.MESH, severity=Severity.WARNING,
        needs=("D06",),
        symptom="On that day, every handshake in the mesh fails at once.", cause="Nobody renews it.",
        remedy="Renew the intermediate under the same root: istiod takes it over without a restart.",
        probe=_expiry,
    ),
)  # fmt: skip
