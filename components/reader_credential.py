"""The credential with which the primary's istiod reads a remote: a token of the reader ServiceAccount."""

import base64
from dataclasses import dataclass
from typing import Any, NotRequired, TypedDict

import pulumi

from components.kubernetes_object import Secret
from components.labels import metadata
from components.resources import BoundToken
from tether.credential import CredentialKind
from tether.topology import READER_SERVICE_ACCOUNT, READER_TOKEN_SECRET

_TOKEN_MARKS = [f'metadata.labels["kubernetes.io/legacy-token-{mark}"]' for mark in ("last-used", "invalid-since")]
"""Kubernetes marks the day of a token's last use in labels, which are no change of ours. The engine can look past
single ones only where we have labels too ("cannot ignore changes in added or removed elements")."""


class ReaderCredentialArgs(TypedDict):
    """Where the reader is, and how long its token is to last."""

    namespace: pulumi.Input[str]
    """Istio's, once it is there."""
    kubeconfig: pulumi.Input[str]
    """Kubeconfig for this machine; kept secret."""
    labels: NotRequired[dict[str, str]]
    """Labels on everything that is made in Kubernetes."""
    bound_token_hours: NotRequired[pulumi.Input[int]]
    """Lifetime of a bound token; left out, one without an end is kept in a Secret."""


@dataclass(frozen=True, kw_only=True)
class ReaderCredential:
    """A token, and what it is good for."""

    token: pulumi.Output[str]
    """Secret."""
    certificate_authority: pulumi.Output[str]
    """CA of the cluster's API server, PEM."""
    expiry: pulumi.Output[str] | None = None
    """End of a bound token, ISO 8601, UTC."""
    bound_to: pulumi.Output[str] | None = None
    """Name of the Secret that a bound token ends with; every renewal has another."""

    def told(self, cluster_name: str) -> pulumi.Output[dict[str, Any]]:
        """What everybody may know of it."""
        kind = CredentialKind.TOKEN_SECRET if self.expiry is None else CredentialKind.BOUND
        return pulumi.Output.from_input({"cluster": cluster_name, "kind": kind.value, "expiry": self.expiry})


def reader_credential(
    parent: pulumi.Resource, name: str, args: ReaderCredentialArgs, depends_on: list[pulumi.Resource]
) -> ReaderCredential:
    """Have Kubernetes make a token of the reader.

    Args:
        parent: the component that it is part of.
        name: of the resource.
        args: which reader.
        depends_on: what brings the reader.
    """
    child = pulumi.ResourceOptions(parent=parent, depends_on=depends_on)
    if "bound_token_hours" in args:
        return _bound(name, args, args["bound_token_hours"], child)
    return _kept(name, args, child)


def _bound(
    name: str, args: ReaderCredentialArgs, hours: pulumi.Input[int], child: pulumi.ResourceOptions
) -> ReaderCredential:
    made = BoundToken(
        name,
        {
            "kubeconfig": pulumi.Output.secret(args["kubeconfig"]),
            "namespace": args["namespace"],
            "serviceAccount": READER_SERVICE_ACCOUNT,
            "lifetimeHours": hours,
            "labels": args.get("labels", {}),
        },
        child,
    )
    return ReaderCredential(
        token=pulumi.Output.secret(made.token),
        certificate_authority=made.certificate_authority,
        expiry=made.expiry,
        bound_to=made.secret_name,
    )


def _kept(name: str, args: ReaderCredentialArgs, child: pulumi.ResourceOptions) -> ReaderCredential:
    """A Secret that Kubernetes fills with a token."""
    labels = args.get("labels")
    own = {
        "name": READER_TOKEN_SECRET,
        "namespace": args["namespace"],
        "annotations": {"kubernetes.io/service-account.name": READER_SERVICE_ACCOUNT},
    }
    filled_in = ["data", *(_TOKEN_MARKS if labels else ["metadata.labels"])]
    made = Secret(
        name,
        {"type": "kubernetes.io/service-account-token", "metadata": metadata(own, labels)},
        pulumi.ResourceOptions.merge(child, pulumi.ResourceOptions(ignore_changes=filled_in)),
    )
    data = pulumi.Output.secret(made.data)
    return ReaderCredential(
        token=data.apply(lambda entries: base64.b64decode(entries["token"]).decode()),
        certificate_authority=data.apply(lambda entries: base64.b64decode(entries["ca.crt"]).decode()),
    )
