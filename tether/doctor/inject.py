"""Whether pods and proxies of the remote reach istiod: Service, gateway, webhooks, roots, injection."""

import base64
from concurrent.futures import ThreadPoolExecutor

from tether import addresses, istiod_endpoints, mesh_probe, metadata, topology
from tether.doctor import before, certificates, discovery, firewall, fixes, handshake, istiod, objects
from tether.doctor.check import Answer, Check, Family, Scope, ok, unknown, wrong
from tether.doctor.handshake import Handshake, Outcome
from tether.doctor.view import ClusterView, MeshView
from tether.errors import count
from tether.kube import KubeError
from tether.topology import WEBHOOK_PORT, XDS_PORT

_NOT_WRITTEN = ("kube-public", "kube-node-lease", "local-path-storage")
"""Namespaces that istiod gives no root; kube-system has one (istio/istio pkg/config/constants)."""
_FORBIDDEN = 403


def _service(view: MeshView, remote: ClusterView) -> Answer:
    name, wanted = view.revision.istiod, istiod_endpoints.service(view.namespace, view.revision)
    found = remote.find(remote.system("services", name))
    if found is None:
        return wrong(
            f"{remote.name} has no Service {name} in {view.namespace}",
            fix=fixes.apply(remote, wanted) + "\n" + _slice_fix(view, remote),
        )
    spec = found["spec"]
    if spec.get("type") == "ExternalName":
        return wrong(
            f"Service {name} is an ExternalName for {spec.get('externalName')}; API servers refuse to call webhooks "
            "through one (istio/istio#45014)",
            cause="remotePilotAddress was set to a host name",
            fix=fixes.merge(remote, f"service {name}", {"spec": {"type": "ClusterIP", "externalName": None,
                                                                 "ports": wanted["spec"]["ports"]}})
            + "\n" + _slice_fix(view, remote),
        )  # fmt: skip
    if spec.get("selector"):
        return wrong(
            f"Service {name} of {remote.name} selects pods ({spec['selector']}); it must lead to the primary's gateway",
            fix=fixes.merge(remote, f"service {name}", {"spec": {"selector": None}}) + "\n" + _slice_fix(view, remote),
        )
    ports = {port["port"] for port in metadata.listed(spec, "ports")}
    missing = [port for port in (XDS_PORT, 443) if port not in ports]
    if missing:
        return wrong(
            f"Service {name} of {remote.name} lacks port {' and '.join(map(str, missing))}",
            fix=fixes.merge(remote, f"service {name}", {"spec": {"ports": wanted["spec"]["ports"]}}),
        )
    return _endpoints(view, remote)


def _endpoints(view: MeshView, remote: ClusterView) -> Answer:
    name = view.revision.istiod
    slices = objects.istiod_slices(remote)
    found = sorted({*objects.sliced(slices)})
    if not found:
        return wrong(
            f"Service {name} of {remote.name} has no EndpointSlice, so it leads nowhere",
            cause="the slice was deleted, or its label kubernetes.io/service-name was changed",
            fix=_slice_fix(view, remote),
        )
    wanted = objects.gateway_ips(view.primary)
    if wanted is None:
        return ok(f"Service {name} → {', '.join(found)}; this machine does not know where the gateway's name leads")
    stale = [address for address in found if address not in wanted]
    if stale:
        return _moved(view, remote, stale, wanted)
    stale = [address for address in objects.v1_endpoints(remote) if address not in wanted]
    if stale:
        return wrong(
            f"the v1 Endpoints {name} of {remote.name} lead to {', '.join(stale)}, but the primary's east-west gateway "
            f"is at {', '.join(wanted)}",
            cause="the load balancer gave the gateway another address, and only the EndpointSlice was changed",
            fix=before.list_endpoints(view, remote, wanted),
        )
    for port in (XDS_PORT, WEBHOOK_PORT):
        led, entered = objects.sliced_port(slices, port), objects.outside(view.primary, port)
        # Behind a load balancer somebody else's gateway may have any ports.
        if entered not in (led, port):
            return wrong(
                f"Service {name} of {remote.name} leads to port {led} for {port}, but the primary's nodes have it at "
                f"{entered}",
                fix=fixes.rebuild(view, _slice_fix(view, remote)),
            )
    return ok(f"Service {name} → {', '.join(found)}, the primary's east-west gateway")


def _moved(view: MeshView, remote: ClusterView, stale: list[str], wanted: list[str]) -> Answer:
    address = objects.gateway_address(view.primary)
    place = f"is at {', '.join(wanted)}"
    cause = "the load balancer gave the gateway another address"
    if not addresses.is_ip(address):
        place = f"{address} is at {', '.join(wanted)} by now"
        cause = "the load balancer changed the addresses behind its name"
    ours = [item for item in objects.istiod_slices(remote)
            if metadata.labels(item).get(istiod_endpoints.MANAGED_BY_LABEL) == istiod_endpoints.MANAGER]  # fmt: skip
    mend = _slice_fix(view, remote)
    return wrong(
        f"Service {view.revision.istiod} of {remote.name} leads to {', '.join(stale)}, but the primary's east-west "
        f"gateway {place}",
        cause=cause,
        fix=fixes.rebuild(view, mend) if {*objects.sliced(ours)} & {*stale} else mend,
    )


def _slice_fix(view: MeshView, remote: ClusterView) -> str:
    address = objects.gateway_address(view.primary)
    if not addresses.is_ip(address):
        return before.resolve(view, remote, address)
    known, behind = objects.gateway_ips(view.primary) or [address], objects.istiod_outside(view.primary)
    listed = [address] if behind == istiod_endpoints.PORTS else known
    return fixes.apply(
        remote, istiod_endpoints.endpoint_slice(view.namespace, listed, behind=behind, revision=view.revision)
    )


def _istiod_ports(view: MeshView, primary: ClusterView) -> Answer:
    """Istiod's two ports on the primary's gateway, at once, as far as its certificate."""
    address, root = objects.known_gateway_address(primary), objects.mesh_root(view)
    with ThreadPoolExecutor(2) as pool:
        ports = [port["port"] for port in objects.istiod_outside(primary)]
        asked = {port: pool.submit(handshake.greet, address, port, view.mesh.istiod_host, root) for port in ports}
    bad = {port: one.result() for port, one in asked.items() if one.result().outcome is not Outcome.OK}
    if not bad:
        behind = " and ".join(map(str, ports))
        return ok(f"{address}: behind {behind} istiod proves to be {view.mesh.istiod_host}")
    silent = all(found.outcome in (Outcome.NO_ROUTE, Outcome.TIMED_OUT) for found in bad.values())
    if silent and len(bad) == len(asked) and _injects_anywhere(view):
        return unknown(f"this machine has no way to {address}; run the doctor where the clusters' network is reached")
    return _judge(view, primary, address, bad)


def _injects_anywhere(view: MeshView) -> bool:
    """Whether some remote's API server reaches the webhook, whatever this machine can."""
    try:
        return any(_injected(view, remote) is not None for remote in view.remotes)
    except KubeError:
        return False


def _judge(view: MeshView, primary: ClusterView, address: str, bad: dict[int, Handshake]) -> Answer:
    ports = " and ".join(str(port) for port in bad)
    first = next(iter(bad.values()))
    seen = "; ".join(found.seen for found in bad.values())
    if first.outcome is Outcome.TIMED_OUT:
        return wrong(
            seen,
            cause=f"a firewall or security group drops TCP {ports} on the way to {primary.name}'s east-west gateway",
            fix=firewall.let_through([primary], list(bad), why=f"the remotes' nodes and pods go to {address}"),
        )
    if first.outcome in (Outcome.REFUSED, Outcome.CLOSED):
        return wrong(
            seen,
            cause="the Gateway or VirtualService that exposes istiod is missing or matches other names",
            fix=fixes.rebuild(view, exposure(view, primary)),
        )
    return wrong(
        seen,
        cause="istiod's serving certificate is of another root than its proxies are told, or for other names",
        fix=fixes.restart_istiod(view),
    )


def exposure(view: MeshView, primary: ClusterView) -> str:
    """Commands that expose istiod on the primary's gateway, by the names in its certificate only."""
    host, local = view.mesh.istiod_host, f"{view.mesh.istiod_host}.cluster.local"
    meta = {"apiVersion": "networking.istio.io/v1"}
    servers = [
        {"port": {"number": port, "name": name, "protocol": "TLS"}, "tls": {"mode": "PASSTHROUGH"}, "hosts": [host]}
        for port, name in ((XDS_PORT, "tls-istiod"), (WEBHOOK_PORT, "tls-istiodwebhook"))
    ]
    routes = [{"match": [{"port": port, "sniHosts": [host]}],
               "route": [{"destination": {"host": local, "port": {"number": target}}}]}
              for port, target in ((XDS_PORT, XDS_PORT), (WEBHOOK_PORT, 443))]  # fmt: skip
    gateway = {**meta, "kind": "Gateway", "metadata": {"name": "istiod-gateway", "namespace": view.namespace},
               "spec": {"selector": {"istio": "eastwestgateway"}, "servers": servers}}  # fmt: skip
    service = {**meta, "kind": "VirtualService", "metadata": {"name": "istiod-vs", "namespace": view.namespace},
               "spec": {"hosts": [host], "gateways": ["istiod-gateway"], "tls": routes}}  # fmt: skip
    return fixes.apply(primary, gateway) + "\n" + fixes.apply(primary, service)


def _bundles(view: MeshView, cluster: ClusterView) -> Answer:
    root = objects.mesh_root(view)
    hooks = [hook for hook in objects.webhooks(cluster) if hook.service.startswith(f"{view.namespace}/")
             and objects.exists(cluster, hook.service)]  # fmt: skip
    stale = [hook for hook in hooks if hook.bundle.strip() != root.strip()
             and not (hook.kind == "validating" and not hook.bundle and hook.policy == "Ignore")]  # fmt: skip
    if not stale:
        return ok(f"{count(len(hooks), 'webhook')} trust root {certificates.fingerprints(root)}")
    bundle = base64.b64encode(root.encode()).decode()
    names = sorted({hook.configuration for hook in stale})
    return wrong(
        f"{', '.join(names)}: {len(stale)} of {count(len(hooks), 'webhook')} trust "
        f"{certificates.fingerprints(stale[0].bundle)}, istiod's root is {certificates.fingerprints(root)}",
        fix="\n".join(
            fixes.kubectl(
                cluster,
                f"patch {kind}webhookconfiguration {name} --type json -p '["
                + ",".join(f'{{"op":"add","path":"/webhooks/{hook.index}/clientConfig/caBundle","value":"{bundle}"}}'
                           for hook in stale if hook.configuration == name and hook.kind == kind) + "]'",
            )
            for kind, name in sorted({(hook.kind, hook.configuration) for hook in stale})
        ),
    )  # fmt: skip


def _injected(view: MeshView, cluster: ClusterView) -> dict[str, str] | None:
    """Environment of a proxy that would be injected now, or None; asked once, errors are raised each time."""
    return cluster.facts.once(
        "injection", lambda: mesh_probe.injected_environment(cluster.api, view.namespace, view.revision)
    )


def _injection(view: MeshView, cluster: ClusterView) -> Answer:
    try:
        found = _injected(view, cluster)
    except KubeError as error:
        if not error.status:
            # No answer at all is the API server's silence, not the webhook's.
            raise
        if error.status == _FORBIDDEN:
            return unknown(f"needs the right to create pods (as a dry run) in {view.namespace}: {error}")
        return wrong(
            f"{error}",
            cause=mesh_probe.webhook_cause(str(error)),
            fix=_uninjected(view, cluster, str(error)),
        )
    if found is None:
        return wrong(
            f"a labelled pod in {view.namespace} of {cluster.name} comes back without a proxy",
            cause=f"the webhook configuration {view.revision.webhook(view.namespace)} is missing or matches nothing",
            fix=fixes.reinstall(cluster, "istiod"),
        )
    wanted = {
        "ISTIO_META_CLUSTER_ID": objects.known_id(view, cluster), "ISTIO_META_NETWORK": before.network_of(cluster),
        "TRUST_DOMAIN": view.mesh.blueprint.trust_domain if view.mesh.blueprint.stack else "",
    }  # fmt: skip
    different = [f"{name}={found.get(name, '')} instead of {value}" for name, value in wanted.items()
                 if value and found.get(name) != value]  # fmt: skip
    if different:
        return wrong(
            f"an injected proxy would get {'; '.join(different)}",
            cause="the webhook's path, or the values that istiod injects, are those of another cluster",
            fix=before.repath(view, cluster) or fixes.restart_istiod(view),
        )
    host = found.get("CA_ADDR", "").partition(":")[0]
    if host and host != view.mesh.istiod_host:
        return ok(f"a pod gets a proxy, which asks {host} for certificates")
    return ok(f"a pod gets a proxy for {found.get('ISTIO_META_CLUSTER_ID')} on {found.get('ISTIO_META_NETWORK')}")


def _uninjected(view: MeshView, cluster: ClusterView, message: str) -> str:
    """Commands for an API server that cannot have pods injected, by what it complains about."""
    if any(sign in message for sign in ("deadline exceeded", "timeout", "timed out")):
        address = objects.gateway_address(view.primary)
        return firewall.let_through(
            [cluster, view.primary],
            [objects.outside(view.primary, WEBHOOK_PORT)],
            why=f"{cluster.name}'s API server goes to {address}",
        )
    if "serviceaccount" in message:
        return fixes.in_system(cluster, "create serviceaccount default")
    return fixes.reinstall(cluster, "istiod")


def _gateway_pods(view: MeshView, cluster: ClusterView) -> Answer:
    for service in objects.gateways(cluster):
        meta = service["metadata"]
        found = mesh_probe.gateway_running(cluster.api, meta["namespace"], meta["name"])
        if not found.ready:
            restart = f"-n {meta['namespace']} rollout restart deployment {meta['name']}"
            scale = f"-n {meta['namespace']} scale deployment {meta['name']} --replicas 1"
            return wrong(
                found.seen, cause=found.cause,
                fix=fixes.kubectl(cluster, scale if "no pod matches" in found.seen else restart),
            )  # fmt: skip
    return ok(f"the gateway's pods in {cluster.name} are injected and ready")


def _roots(view: MeshView, cluster: ClusterView) -> Answer:
    root = objects.mesh_root(view).strip()
    if not root:
        return wrong(
            f"{view.primary.name} has no ConfigMap {topology.ROOT_CERTIFICATE_CONFIG_MAP} in {view.namespace}",
            fix=fixes.restart_istiod(view),
        )
    listed = cluster.list(
        "/api/v1/configmaps", {"fieldSelector": f"metadata.name={topology.ROOT_CERTIFICATE_CONFIG_MAP}"}
    )
    held = {item["metadata"]["namespace"]: objects.data(item).get("root-cert.pem", "") for item in listed}
    names = [item["metadata"]["name"] for item in cluster.list("/api/v1/namespaces")
             if not item["metadata"].get("deletionTimestamp") and discovery.looks_at(view, item)]  # fmt: skip
    bad = [name for name in names if name not in _NOT_WRITTEN and held.get(name, "").strip() != root]
    if not bad:
        return ok(f"{count(len(names), 'namespace')}, root {certificates.fingerprints(root)} in each that Istio serves")
    stale = [name for name in bad if name in held]
    seen = f"{', '.join(stale)}: another root ({certificates.fingerprints(held[stale[0]])})" if stale else ""
    absent = [name for name in bad if name not in held]
    seen += ("; " if seen and absent else "") + (f"{', '.join(absent)}: none" if absent else "")
    delete = [
        fixes.kubectl(cluster, f"-n {name} delete configmap {topology.ROOT_CERTIFICATE_CONFIG_MAP}") for name in stale
    ]
    return wrong(
        f"{topology.ROOT_CERTIFICATE_CONFIG_MAP} of {cluster.name}: {seen}",
        cause="the ConfigMap is immutable or of an earlier mesh, and istiod cannot overwrite it" if stale else "",
        fix="\n".join(delete) or fixes.restart_istiod(view),
    )


def _connected(view: MeshView, cluster: ClusterView) -> Answer:
    served = {(str(entry.get("cluster_id")), str(entry.get("proxy"))) for entry in istiod.proxies(view)}
    expected = objects.known_id(view, cluster)
    lost: list[str] = []
    for service in objects.gateways(cluster):
        for pod in objects.pods_of(cluster, service):
            name = f"{pod['metadata']['name']}.{pod['metadata']['namespace']}"
            if mesh_probe.is_ready(pod) and (expected, name) not in served:
                lost.append(pod["metadata"]["name"])
    if lost:
        return wrong(
            f"istiod has no connection from gateway pod {', '.join(lost)} of {cluster.name}, which goes on with old "
            "configuration",
            cause=f"the pod cannot reach {view.mesh.istiod_host}:{XDS_PORT}, though this machine can: a network policy "
            "or a firewall between the clusters",
            fix=firewall.let_through(
                [cluster, view.primary] if cluster.name != view.primary.name else [cluster],
                [objects.outside(view.primary, XDS_PORT)],
                why=f"{cluster.name}'s pods go to {objects.gateway_address(view.primary)}",
            ),
        )  # fmt: skip
    return ok("every gateway pod is connected to istiod")


CHECKS = (
    Check(
        id="D19", title="The remote's Service istiod leads to the primary's gateway", family=Family.INJECT,
        scope=Scope.REMOTE, needs=("D04", "D07", "D10"),
        symptom="Pods cannot be created: failed calling webhook, no endpoints; proxies: no such host, i/o timeout.",
        cause="The gateway's address changed, or the chart was given a host name.",
        remedy="Make it a Service without selector, with an EndpointSlice that holds the gateway's IP address.",
        probe=_service,
    ),
    Check(
        id="D37", title="The primary's gateway runs", family=Family.INJECT, scope=Scope.MESH, needs=("D32",),
        symptom="The remotes reach neither istiod nor its webhook: connection refused.",
        cause="Its pod was made before the webhook answered, or was scaled away.",
        remedy="Scale the gateway up, or restart it once the webhook answers.",
        probe=_gateway_pods,
    ),
    Check(
        id="D20", title="Behind the primary's gateway istiod proves its name", family=Family.INJECT, scope=Scope.MESH,
        needs=("D07", "D32", "D37"), settles=True,
        symptom="connection refused, i/o timeout, EOF or x509 in the logs of API server, agent and proxy.",
        cause="A firewall, a missing Gateway, or another root.",
        remedy="Open the ports, or apply the Gateway and the VirtualService that expose istiod.",
        probe=_istiod_ports,
    ),
    Check(
        id="D21", title="Every webhook trusts istiod's root", family=Family.INJECT, scope=Scope.CLUSTER, needs=("D01",),
        symptom="failed calling webhook: x509: unknown authority; the gateway's pod is never made.",
        cause="The CA was changed after the chart was installed (injectionCABundle, istio/istio#42327).",
        remedy="Write istiod's root into the webhook's caBundle.",
        probe=_bundles,
    ),
    Check(
        id="D24", title="Every namespace has istiod's root", family=Family.INJECT, scope=Scope.CLUSTER,
        needs=("D01", "D34"),
        symptom="MountVolume.SetUp failed: configmap istio-ca-root-cert not found; or x509 in the agent.",
        cause="istiod may not write there, or something else does.",
        remedy="Delete the ConfigMap that istiod cannot overwrite: it writes the right one at once.",
        probe=_roots,
    ),
    Check(
        id="D22", title="A pod made now gets a proxy of the right cluster and network", family=Family.INJECT,
        scope=Scope.REMOTE, needs=("D14", "D15", "D19", "D20", "D21"), settles=True,
        symptom="Pods are refused or start without a sidecar; gateways hang with image auto.",
        cause="The API server cannot call the webhook: firewall on 15017, wrong bundle, no Service.",
        remedy="Open the port between API server and gateway, or apply the webhook configuration again.",
        probe=_injection,
    ),
    Check(
        id="D23", title="The remote's gateway runs", family=Family.INJECT, scope=Scope.REMOTE, needs=("D22", "D24"),
        symptom="ImagePullBackOff of the image auto, or 0/1 Running for ever (istio/istio#46307, #38258).",
        cause="The pod was made before the webhook answered, or its proxy gets no certificate.",
        remedy="Restart the gateway once a pod gets a proxy.",
        probe=_gateway_pods,
    ),
    Check(
        id="D35", title="istiod serves every gateway", family=Family.INJECT, scope=Scope.CLUSTER,
        needs=("D17", "D23", "D32", "D37"), settles=True,
        symptom="Changes of configuration never arrive; proxy-status does not list the gateway.",
        cause="The way from the pods to istiod is cut, while older connections or this machine's way are not.",
        remedy="Open the port from the pods of that cluster to the primary's gateway.",
        probe=_connected,
    ),
)  # fmt: skip
