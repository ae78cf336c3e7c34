"""A workload that was just written, and whether its pods have followed."""

from tether import kube, workloads
from tether.gate import Finding
from tether.workloads import Workload


def followed(cluster: kube.Api, namespace: str, name: str, kind: str = "Deployment") -> Finding:
    """Whether every pod of a workload is of its last change and serves, as ``kubectl rollout status`` has it.

    One that does not exist has no pods that would have to follow.
    """
    found = cluster.find(f"/apis/apps/v1/namespaces/{namespace}/{workloads.KINDS[kind]}/{name}")
    if found is None:
        return Finding(ready=True, seen=f"no {kind} {name}")
    state = workloads.of(cluster, namespace, Workload(cluster="", kind=kind, name=name), found)
    if not state.seen:
        return Finding(ready=True, seen=f"every pod of {name} is of its last change and serves")
    return Finding(
        ready=False,
        seen=f"{kind} {name}: {state.seen}",
        cause=f"the new pod cannot start; see: kubectl -n {namespace} describe {kind.lower()} {name}",
    )
