"""Whether the token in a remote secret is one that the remote takes, for long enough and with every right."""

import datetime
import http
from urllib.parse import urlsplit

from tether import durations, kube, metadata, reader_rights, self_review, service_account_token
from tether.credential import DEFAULT_LIFETIME_HOURS, ends_soon
from tether.doctor import fixes, handshake, objects
from tether.doctor.check import Answer, Check, Family, Scope, Severity, ok, wrong
from tether.doctor.handshake import Handshake, Outcome
from tether.doctor.view import ClusterView, MeshView
from tether.service_account_token import Claims
from tether.topology import READER_SERVICE_ACCOUNT

_CONNECT_SECONDS = 1.5


def _token(view: MeshView, remote: ClusterView) -> Answer:
    secret, _, content = objects.known_secret_of(view, remote)
    with kube.connect(_reachable(content, remote)) as api:
        try:
            who = self_review.username(api)
        except kube.KubeError as error:
            if error.status != http.HTTPStatus.UNAUTHORIZED:
                raise
            return wrong(
                f"{remote.name}'s API server does not accept the token in Secret {secret.name}: {error}",
                cause=_why_refused(content),
                fix=fixes.rebuild(view, _renew(view, remote)),
            )
        denied = [right for right in reader_rights.each() if not _may(api, *right)]
    if denied:
        names = ", ".join(f"{verb} {resource}" for verb, _, resource in denied)
        return wrong(
            f"{who} may not {names} in {remote.name}",
            cause="its ClusterRole or the binding was changed or removed",
            fix=_grant(view, remote, who),
        )
    return ok(f"{who} has all {len(reader_rights.each())} rights that istiod needs")


def _why_refused(kubeconfig: str) -> str:
    found = _claims(kubeconfig)
    if found and found.ends and found.ends < datetime.datetime.now(datetime.UTC):
        return f"the token ended at {found.ends.isoformat(timespec='seconds')}, and nobody renewed it in time"
    return "the token was revoked: its Secret or ServiceAccount in the remote was removed or made anew"


def _may(api: kube.Api, verb: str, group: str, resource: str) -> bool:
    body: kube.Object = {
        "apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": {"verb": verb, "group": group, "resource": resource}},
    }  # fmt: skip
    return bool(api.create("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", body)["status"].get("allowed"))


def _reachable(kubeconfig: str, remote: ClusterView) -> str:
    """The remote secret's credential, with a way on which this machine reaches the same API server.

    Only where nobody with a certificate of the Secret's CA answers at its address here (a container's name, a private
    network whose addresses a stranger answers for) the user's own kubeconfig says the way.
    """
    if met(kubeconfig).outcome is Outcome.OK:
        return kubeconfig
    return kube.with_cluster_of(kubeconfig, remote.cluster.member.kubeconfig)


def met(kubeconfig: str) -> Handshake:
    """What this machine meets at a kubeconfig's API server, if it trusts the CA that stands beside it."""
    found = objects.credential(kubeconfig)
    server = urlsplit(found.server if found else "")
    host, port = server.hostname or "", server.port or 443
    return handshake.greet(host, port, host, found.authority if found else "", seconds=_CONNECT_SECONDS)


def _lasts(view: MeshView, remote: ClusterView) -> Answer:
    secret, _, content = objects.known_secret_of(view, remote)
    found = _claims(content)
    if found is None or found.ends is None:
        return ok(f"Secret {secret.name} holds no token that ends")
    now = datetime.datetime.now(datetime.UTC)
    left = found.ends - now
    seen = (
        f"the token in Secret {secret.name} {durations.ending(left.total_seconds())}, "
        f"at {found.ends.isoformat(timespec='seconds')}"
    )
    if not ends_soon(left, found.ends - (found.begins or now)):
        return ok(seen)
    return wrong(seen, fix=fixes.rebuild(view, _renew(view, remote)))


def _claims(kubeconfig: str) -> Claims | None:
    """What the token in a kubeconfig says of itself; None where there is none."""
    found = objects.credential(kubeconfig)
    return service_account_token.claims(found.token) if found else None


def _renew(view: MeshView, remote: ClusterView) -> str:
    """Commands that put a token of the reader into the remote secret that the remote takes."""
    secret, key, content = objects.known_secret_of(view, remote)
    one = view.primary.cluster.member.kubectl
    return (
        f"{_set_token(remote, _claims(content))}\n"
        f"{one} -n {view.namespace} get secret {secret.name} -o jsonpath='{{.data.{key}}}' | base64 -d"
        f' | sed "s/token: .*/token: $TOKEN/" > remote.kubeconfig\n'
        f"{one} -n {view.namespace} create secret generic {secret.name} --from-file={key}=remote.kubeconfig"
        f" --dry-run=client -o json | {one} -n {view.namespace} patch secret {secret.name} --patch-file /dev/stdin\n"
        "rm remote.kubeconfig"
    )


def _set_token(remote: ClusterView, old: Claims | None) -> str:
    """Commands that set TOKEN: to the one that Kubernetes keeps in a Secret, else to a new one like the old."""
    account = (old.account if old else "") or READER_SERVICE_ACCOUNT
    secrets = {metadata.name(item): item for item in remote.glimpse(remote.system("secrets"))}
    for name, item in secrets.items():
        named = metadata.annotations(item).get("kubernetes.io/service-account.name")
        if item.get("type") == "kubernetes.io/service-account-token" and named == account:
            read = fixes.in_system(remote, f"get secret {name} -o jsonpath='{{.data.token}}'")
            return f"TOKEN=$({read} | base64 -d)"
    lifetime = datetime.timedelta(hours=DEFAULT_LIFETIME_HOURS)
    if old and old.begins and old.ends:
        lifetime = old.ends - old.begins
    ask, anew = f"create token {account} --duration {lifetime.total_seconds():.0f}s", ""
    if old and old.secret:
        ask += f" --bound-object-kind Secret --bound-object-name {old.secret}"
        anew = "" if old.secret in secrets else fixes.in_system(remote, f"create secret generic {old.secret}") + "\n"
    return f"{anew}TOKEN=$({fixes.in_system(remote, ask)})"


def _grant(view: MeshView, remote: ClusterView, who: str) -> str:
    """Commands that give the reader what it lacks, beside what it has."""
    role = "tether-istiod-reader"
    namespace, _, account = who.removeprefix("system:serviceaccount:").partition(":")
    meta = {"apiVersion": "rbac.authorization.k8s.io/v1", "metadata": {"name": role}}
    binding = {
        **meta, "kind": "ClusterRoleBinding",
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
        "subjects": [{"kind": "ServiceAccount", "name": account, "namespace": namespace}],
    }  # fmt: skip
    granted = {**meta, "kind": "ClusterRole", "rules": reader_rights.rules()}
    return f"{fixes.apply(remote, granted)}\n{fixes.apply(remote, binding)}"


CHECKS = (
    Check(
        id="D13", title="Its token is accepted, with every right that istiod needs", family=Family.LINK,
        scope=Scope.REMOTE, needs=("D12",),
        symptom="istiod logs Unauthorized or forbidden; proxies of the remote are Unauthenticated.",
        cause="The token was revoked, or the reader's role was changed.",
        remedy="Put a fresh token of the reader into the Secret, or give the reader the rights that are named.",
        probe=_token,
    ),
    Check(
        id="D40", title="Its token lasts until somebody renews it", family=Family.LINK, scope=Scope.REMOTE,
        severity=Severity.WARNING, needs=("D13",),
        symptom="None yet. Once the token has ended, istiod logs Unauthorized and new proxies of the remote are "
        "Unauthenticated.",
        cause="Whatever renews it, `tether up` in a pipeline say, runs too rarely for how long the token is valid.",
        remedy="Renew it now, and have it renewed at least every half of its life.",
        probe=_lasts,
    ),
)  # fmt: skip
