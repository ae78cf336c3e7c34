"""A token of a ServiceAccount that ends by itself, or with the Secret that it is bound to."""

import datetime
import http
import secrets
from collections.abc import Mapping
from typing import Any

import pydantic

from tether import credential, durations, kube, self_review
from tether.topology import BOUND_TOKEN_LABEL
from tether_provider import reaching
from tether_provider.resource import REPLACES, SECRET, Found, Operation, Resource, Wire

_HOUR = 3600
_AUTHORITY = "/api/v1/namespaces/kube-system/configmaps/kube-root-ca.crt"
"""CA of the API server: Kubernetes writes it into every namespace, and this one is as old as the cluster."""
_LIFETIME = "lifetimeHours"


class BoundTokenInputs(Wire):
    """Whose token, and for how long."""

    kubeconfig: str = pydantic.Field(json_schema_extra=SECRET)
    namespace: str = pydantic.Field(json_schema_extra=REPLACES)
    service_account: str = pydantic.Field(json_schema_extra=REPLACES)
    lifetime_hours: int = pydantic.Field(gt=0, json_schema_extra=REPLACES)
    """What is asked for; an API server may grant less (``--service-account-max-token-expiration``)."""
    labels: dict[str, str] = pydantic.Field(default_factory=dict[str, str])
    """On the Secret that the token is bound to."""


class BoundTokenOutputs(Wire):
    """The token, and what bounds it."""

    token: str = pydantic.Field(json_schema_extra=SECRET)
    expiry: str
    """ISO 8601, UTC."""
    lifetime_seconds: int
    """What was granted."""
    secret_name: str
    """The Secret that the token is bound to; it is empty."""
    certificate_authority: str
    """CA of the API server, PEM."""

    @property
    def left(self) -> datetime.timedelta:
        """How long the token is still valid; negative once it has ended."""
        return datetime.datetime.fromisoformat(self.expiry) - datetime.datetime.now(datetime.UTC)

    @property
    def lifetime(self) -> datetime.timedelta:
        """How long it was valid when it was made."""
        return datetime.timedelta(seconds=self.lifetime_seconds)


class BoundToken(Resource[BoundTokenInputs, BoundTokenOutputs]):
    """Made anew when little is left of it or the API server does not take it any more.

    A renewal is a replacement: whoever holds the old token has the new one before the engine removes the old
    Secret, and with it whatever the old token was still good for.
    """

    token = "tether:index:BoundToken"  # noqa: S105 - a type token
    description = "A token of a ServiceAccount that ends, and is made anew before it does."
    inputs_type = BoundTokenInputs
    outputs_type = BoundTokenOutputs

    def outdated(self, operation: Operation, inputs: Mapping[str, Any], state: Mapping[str, Any]) -> str | None:
        """Renew what is due, and what was revoked; a cluster that does not answer has revoked nothing."""
        outputs = self.outputs_of(state)
        if credential.is_due(outputs.left, outputs.lifetime):
            _announce(operation, outputs)
            return _LIFETIME
        if _is_refused(inputs.get("kubeconfig") or "", outputs.token):
            operation.log.warning("the API server does not take the token any more: it was revoked. `up` makes another")
            return _LIFETIME
        return None

    def foresee(self, inputs: Mapping[str, Any], state: Mapping[str, Any] | None) -> dict[str, Any]:
        """The token that there is, unless it may be of another cluster."""
        if state is None or inputs.get("kubeconfig") != state.get("kubeconfig"):
            return {}
        return self.outputs_of(state).to_wire()

    def create(self, operation: Operation, inputs: BoundTokenInputs) -> tuple[str, BoundTokenOutputs]:
        """Make the Secret and the token that is bound to it."""
        name = f"{inputs.service_account}-bound-{secrets.token_hex(3)}"
        with reaching.reached(inputs.kubeconfig, _what(inputs.namespace, inputs.service_account)) as cluster:
            outputs = _issue(cluster, inputs, name)
        asked = datetime.timedelta(hours=inputs.lifetime_hours)
        if outputs.lifetime < asked:
            operation.log.warning(_shortened(asked, outputs.lifetime))
        return name, outputs

    def read(self, operation: Operation, resource_id: str, state: Mapping[str, Any]) -> Found[BoundTokenOutputs] | None:
        """See whether the Secret is there; without it the token is void."""
        if not state:
            return None
        is_there = False
        with reaching.left(
            operation, state["kubeconfig"], _what(state["namespace"], state["serviceAccount"])
        ) as cluster:
            is_there = cluster.find(_path(state["namespace"], resource_id)) is not None
        return Found(self.outputs_of(state)) if is_there else None

    def update(
        self, operation: Operation, resource_id: str, state: Mapping[str, Any], inputs: BoundTokenInputs
    ) -> BoundTokenOutputs:
        """Label the Secret; where it is not, the kubeconfig leads to another cluster, which gets a token of its own."""
        with reaching.reached(inputs.kubeconfig, _what(inputs.namespace, inputs.service_account)) as cluster:
            path = _path(inputs.namespace, resource_id)
            if cluster.find(path) is None:
                return _issue(cluster, inputs, resource_id)
            gone = dict.fromkeys(set(state.get("labels") or {}) - set(inputs.labels))
            cluster.patch(path, {"metadata": {"labels": {**gone, **_labels(inputs)}}})
        return self.outputs_of(state)

    def delete(self, operation: Operation, resource_id: str, state: Mapping[str, Any]) -> None:
        """Remove the Secret, which revokes the token."""
        what = _what(state["namespace"], state["serviceAccount"])
        with reaching.left(operation, state["kubeconfig"], what) as cluster:
            cluster.delete(_path(state["namespace"], resource_id))


def _what(namespace: str, account: str) -> str:
    return f"token of ServiceAccount {namespace}/{account}"


def _path(namespace: str, name: str = "") -> str:
    return f"/api/v1/namespaces/{namespace}/secrets{'/' if name else ''}{name}"


def _labels(inputs: BoundTokenInputs) -> dict[str, str]:
    return {**inputs.labels, BOUND_TOKEN_LABEL: inputs.service_account}


def _issue(cluster: kube.Api, inputs: BoundTokenInputs, name: str) -> BoundTokenOutputs:
    """Make a Secret of that name and a token that is bound to it; leave no Secret where there is no token."""
    body = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "labels": _labels(inputs)}}
    anchor = cluster.create(_path(inputs.namespace), body)
    try:
        authority = str(cluster.get(_AUTHORITY)["data"]["ca.crt"])
        return _request(cluster, inputs, anchor, authority)
    except kube.KubeError:
        cluster.delete(_path(inputs.namespace, name))
        raise


def _request(cluster: kube.Api, inputs: BoundTokenInputs, anchor: kube.Object, authority: str) -> BoundTokenOutputs:
    """Ask for the token (TokenRequest, kubernetes/kubernetes pkg/registry/core/serviceaccount/storage/token.go)."""
    name = str(anchor["metadata"]["name"])
    bound_to = {"apiVersion": "v1", "kind": "Secret", "name": name, "uid": anchor["metadata"]["uid"]}
    asked = {"expirationSeconds": inputs.lifetime_hours * _HOUR, "boundObjectRef": bound_to}
    answer = cluster.create(
        f"/api/v1/namespaces/{inputs.namespace}/serviceaccounts/{inputs.service_account}/token",
        {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": asked},
    )
    ends = datetime.datetime.fromisoformat(answer["status"]["expirationTimestamp"])
    return BoundTokenOutputs(
        token=answer["status"]["token"],
        expiry=ends.astimezone(datetime.UTC).isoformat(timespec="seconds"),
        lifetime_seconds=int(answer["spec"]["expirationSeconds"]),
        secret_name=name,
        certificate_authority=authority,
    )


def _is_refused(kubeconfig: str, token: str) -> bool:
    """Whether the API server says that it does not know the token."""
    if not kubeconfig:
        return False
    try:
        with kube.connect(kube.with_token(kubeconfig, token)) as cluster:
            self_review.username(cluster)
    except kube.KubeError as error:
        return error.status == http.HTTPStatus.UNAUTHORIZED
    return False


def _announce(operation: Operation, outputs: BoundTokenOutputs) -> None:
    """Tell that a token is due, louder where it should not have come to that."""
    ends = durations.ending(outputs.left.total_seconds())
    if credential.ends_soon(outputs.left, outputs.lifetime):
        every = durations.spoken(outputs.lifetime_seconds * credential.RENEWED_AT)
        operation.log.warning(
            f"the token with which istiod reads this cluster {ends}, at {outputs.expiry}; nothing but `up` makes "
            f"another, which it does. Run it at least every {every}, or ask for a longer remoteCredential.lifetimeHours"
        )
    else:
        operation.log.info(f"the token with which istiod reads this cluster {ends}; `up` makes another")


def _shortened(asked: datetime.timedelta, granted: datetime.timedelta) -> str:
    wanted, given, every = (
        durations.spoken(span.total_seconds()) for span in (asked, granted, granted * credential.RENEWED_AT)
    )
    return (
        f"the API server grants a token for {given}, not the {wanted} that were asked for "
        f"(kube-apiserver --service-account-max-token-expiration; EKS allows 24 h, GKE 48 h). Run `up` at least every "
        f"{every}, or choose remoteCredential.kind token-secret"
    )
