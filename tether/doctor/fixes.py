"""Commands that mend, ready to paste."""

import json
import shlex
from typing import Any

import yaml

from tether.doctor.view import ClusterView, MeshView


def kubectl(cluster: ClusterView, command: str) -> str:
    """A kubectl command on one cluster."""
    return f"{cluster.cluster.member.kubectl} {command}"


def in_system(cluster: ClusterView, command: str) -> str:
    """A kubectl command in Istio's namespace of one cluster."""
    return kubectl(cluster, f"-n {cluster.mesh.namespace} {command}")


def apply(cluster: ClusterView, body: dict[str, Any]) -> str:
    """Have kubectl make an object what it should be."""
    return kubectl(cluster, f"apply -f - <<'END'\n{yaml.safe_dump(body, sort_keys=False, width=200)}END")


def merge(cluster: ClusterView, what: str, patch: dict[str, Any]) -> str:
    """A merge patch on an object in Istio's namespace, for example ``merge(view, "service istiod", …)``."""
    return in_system(cluster, f"patch {what} --type merge -p {shlex.quote(json.dumps(patch))}")


def reinstall(cluster: ClusterView, release: str) -> str:
    """Apply what Helm once installed, from its own record in the cluster."""
    record = in_system(
        cluster, f"get secret -l owner=helm,name={release},status=deployed -o jsonpath='{{.items[0].data.release}}'"
    )
    show = "import json,sys; print(json.load(sys.stdin)['manifest'])"
    return f'{record} | base64 -d | base64 -d | gunzip | python3 -c "{show}" | {kubectl(cluster, "apply -f -")}'


def bring_back(cluster: ClusterView, namespace: str, selector: str) -> str:
    """Have a Deployment that was scaled to nothing make a pod."""
    return "\n".join(
        kubectl(cluster, f"-n {namespace} {command}")
        for command in (
            f"scale deployment -l {selector} --replicas 1",
            f"rollout status deployment -l {selector} --timeout 120s",
        )
    )


def restart_istiod(view: MeshView) -> str:
    """Make istiod read everything anew."""
    selector = view.revision.selector
    return "\n".join(
        [
            in_system(view.primary, f"rollout restart deployment -l {selector}"),
            in_system(view.primary, f"rollout status deployment -l {selector} --timeout 120s"),
        ]
    )


def rebuild(view: MeshView, otherwise: str) -> str:
    """Have Tether put back what it made; on a mesh of somebody else's the command given."""
    stack = view.mesh.blueprint.stack
    return f"tether up --refresh --stack {shlex.quote(stack)}" if stack else otherwise
