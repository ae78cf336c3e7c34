"""Whether istiod refuses a proxy right now, for whatever reason: its log tells."""

import datetime
import re

from tether import kube
from tether.doctor import fixes, logs
from tether.doctor.check import Answer, Check, Family, Scope, Severity, ok, wrong
from tether.doctor.view import ClusterView, MeshView
from tether.errors import count
from tether.redact import redact

_SECONDS = 60
"""A proxy that is refused tries again within seconds; what is older has been mended or given up."""
_REFUSED = re.compile(r"\d{4}-\d\d-\d\dT\S+?\s.*Failed to authenticate client from \S+: (?P<why>.*)")
"""istio/istio pkg/security/authentication.go."""
_REASON = re.compile(r"Authenticator KubeJWTAuthenticator: (?P<reason>.*)")
_ACCOUNT_GONE = re.compile(r'JWT from cluster "(?P<cluster>[^"]+)".*serviceaccounts "(?P<account>[^"]+)" not found')
"""istio/istio security/pkg/server/ca/authenticate/kubeauth; the account's namespace is not told."""
_CAUSES = (
    ("token audiences", "its token is for another audience than istio-ca (global.sds.token.aud)"),
    ("has expired", "its token has ended: the kubelet of its node does not renew it, or the agent reads an old copy"),
    ('serviceaccounts "', "its service account was deleted, and it still runs"),
    ("has been invalidated", "its pod or service account was deleted, and something still uses the token"),
    ("no HTTP authorization header", "its agent cannot read the token file (var/run/secrets/tokens/istio-token)"),
    ("only know about", "it runs in a cluster that has no remote secret, or was injected for another cluster"),
    ("invalid bearer token", "its token was signed by another cluster than the one that it says it is in"),
)


def _refusals(view: MeshView, primary: ClusterView) -> Answer:
    since = datetime.datetime.now(datetime.UTC) - datetime.timedelta(seconds=_SECONDS)
    lines = (line for line in logs.istiod_lines(view) if logs.written_at(line) > since)
    recent = [match for match in map(_REFUSED.search, lines) if match and not _has_left(view, match["why"])]
    if not recent:
        return ok(f"no proxy was refused in the last {_SECONDS} seconds")
    last = recent[-1]
    found = _REASON.search(last["why"])
    reason = redact(found["reason"] if found else last["why"])
    cause = next((words for sign, words in _CAUSES if sign in reason), "")
    selector = view.revision.selector
    show = f'logs -l {selector} --since {_SECONDS}s --tail -1 | grep "Failed to authenticate client"'
    return wrong(
        f"istiod refused {count(len(recent), 'request')} in the last {_SECONDS} seconds: {reason}",
        cause=cause,
        fix="# who it is, by its address; restart its workload once the cause is mended\n"
        + fixes.in_system(primary, show),
    )


def _has_left(view: MeshView, why: str) -> bool:
    """Whether it was a workload that was removed with its service account, while its proxy was still ending."""
    told = _ACCOUNT_GONE.search(why)
    cluster = next((one for one in (view.primary, *view.remotes) if told and one.name == told["cluster"]), None)
    if told is None or cluster is None:
        return False
    try:
        users = cluster.list("/api/v1/pods", {"fieldSelector": f"spec.serviceAccountName={told['account']}"})
    except kube.KubeError:
        return False
    return all(pod["metadata"].get("deletionTimestamp") for pod in users)


CHECKS = (
    Check(
        id="D39", title="istiod refuses no proxy", family=Family.DATA, scope=Scope.MESH, severity=Severity.WARNING,
        needs=("D17", "D22"),
        symptom="rpc error: code = Unauthenticated desc = request authenticate failure, in the agent of one workload.",
        cause="The token of that workload is not one that its cluster's API server accepts for istio-ca.",
        remedy="Find the workload by its address in istiod's log, and give it a token that its cluster accepts.",
        probe=_refusals,
    ),
)  # fmt: skip
