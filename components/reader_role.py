"""What the primary's istiod may do in a remote."""

from typing import NotRequired, TypedDict

import pulumi
from pulumi_kubernetes import rbac

from components.labels import metadata
from tether import reader_rights
from tether.topology import READER_SERVICE_ACCOUNT


class ReaderRoleArgs(TypedDict):
    """Whose role it is."""

    namespace: pulumi.Input[str]
    """Istio's, where the reader's ServiceAccount is."""
    labels: NotRequired[dict[str, str]]
    """Labels on everything that is made in Kubernetes."""


def reader_role(parent: pulumi.Resource, name: str, args: ReaderRoleArgs) -> rbac.v1.ClusterRoleBinding:
    """Let the reader do what istiod needs, and nothing else.

    Args:
        parent: the component that it is part of.
        name: of the resources.
        args: whose role.
    """
    role_name = pulumi.Output.from_input(args["namespace"]).apply(reader_rights.role_name)
    role = rbac.v1.ClusterRole(
        name,
        metadata=metadata({"name": role_name}, args.get("labels")),
        rules=[
            rbac.v1.PolicyRuleArgs(api_groups=rule["apiGroups"], resources=rule["resources"], verbs=rule["verbs"])
            for rule in reader_rights.rules()
        ],
        opts=pulumi.ResourceOptions(parent=parent),
    )
    return rbac.v1.ClusterRoleBinding(
        name,
        metadata=metadata({"name": role_name}, args.get("labels")),
        role_ref=rbac.v1.RoleRefArgs(api_group="rbac.authorization.k8s.io", kind="ClusterRole", name=role_name),
        subjects=[rbac.v1.SubjectArgs(kind="ServiceAccount", name=READER_SERVICE_ACCOUNT, namespace=args["namespace"])],
        opts=pulumi.ResourceOptions(parent=parent, depends_on=[role]),
    )
