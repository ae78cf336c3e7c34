"""What the primary's istiod may do in a remote."""

from typing import Any, NotRequired, TypedDict

import pulumi

from components.kubernetes_object import KubernetesObject
from components.labels import metadata
from tether import reader_rights
from tether.topology import READER_SERVICE_ACCOUNT

_GROUP = "rbac.authorization.k8s.io"


class ReaderRoleArgs(TypedDict):
    """Whose role it is."""

    namespace: pulumi.Input[str]
    """Istio's, where the reader's ServiceAccount is."""
    labels: NotRequired[dict[str, str]]
    """Labels on everything that is made in Kubernetes."""


def reader_role(parent: pulumi.Resource, name: str, args: ReaderRoleArgs) -> pulumi.Resource:
    """Let the reader do what istiod needs, and nothing else.

    Args:
        parent: the component that it is part of.
        name: of the resources.
        args: whose role.
    """
    role_name = pulumi.Output.from_input(args["namespace"]).apply(reader_rights.role_name)

    def declare(kind: str, rest: dict[str, Any], depends_on: list[pulumi.Resource]) -> KubernetesObject:
        return KubernetesObject(
            name,
            {
                "apiVersion": f"{_GROUP}/v1",
                "kind": kind,
                "metadata": metadata({"name": role_name}, args.get("labels")),
                **rest,
            },
            pulumi.ResourceOptions(parent=parent, depends_on=depends_on),
        )

    role = declare("ClusterRole", {"rules": reader_rights.rules()}, [])
    reader = {"kind": "ServiceAccount", "name": READER_SERVICE_ACCOUNT, "namespace": args["namespace"]}
    return declare(
        "ClusterRoleBinding",
        {"roleRef": {"apiGroup": _GROUP, "kind": "ClusterRole", "name": role_name}, "subjects": [reader]},
        [role],
    )
