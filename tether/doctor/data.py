"""Whether requests find their way between the networks."""

import json
import shlex
import time
from collections.abc import Collection, Iterable
from typing import Any, cast

from tether import addresses, kube, metadata, topology
from tether.doctor import before, certificates, discovery, firewall, fixes, handshake, istiod, objects
from tether.doctor.check import Answer, Check, Family, Scope, Severity, ok, unknown, wrong
from tether.doctor.handshake import Handshake, Outcome
from tether.doctor.view import ClusterView, MeshView
from tether.errors import count
from tether.topology import CROSS_NETWORK_PORT, STATUS_PORT

_HEALTHY = 1
"""Of an endpoint that requests are sent to; one of a pod that ends is 4 (istio/istio pilot/pkg/model/service.go,
HealthStatus)."""
_TIMEOUTS = "remote_cluster_sync_timeouts_total"
_SETTLED = frozenset({Outcome.OK, Outcome.NO_ROUTE, Outcome.UNTRUSTED})
"""Of a handshake with a workload: what it would come to another time as well."""
_LOOKS = 4
_PAUSE_SECONDS = 2.0
"""istiod and the gateway hear within it that a workload has ended, on a machine that is busy too."""
_EXPORT = "networking.istio.io/exportTo"
"""Annotation of Services that are not for every namespace: the gateway does not know them, as it is meant."""


def _known_gateway(view: MeshView, cluster: ClusterView) -> Answer:
    network, identity = before.network_of(cluster), objects.known_id(view, cluster)
    # What istiod was told as meshNetworks is of no cluster (istio/istio pilot/pkg/model/network.go).
    known = [one for one in istiod.networks(view) if one["Network"] == network and one["Cluster"] in (identity, "")]
    found = objects.gateway_addresses(cluster)
    if not known:
        hidden = _hidden(view, cluster, network)
        if hidden:
            return hidden
        return wrong(
            f"istiod knows no gateway into {network} of {identity}",
            cause="the gateway's Service has no label topology.istio.io/network, or istiod does not read its cluster",
            fix="\n".join(
                fixes.in_system(
                    cluster,
                    f"label service {service['metadata']['name']} {objects.NETWORK_LABEL}={network} --overwrite",
                )
                for service in objects.gateways(cluster)
            ),
        )  # fmt: skip
    # A host name is resolved by istiod, so only addresses can be compared (RESOLVE_HOSTNAME_GATEWAYS).
    comparable = all(addresses.is_ip(address) for address in found)
    if comparable and not any(str(entry["Addr"]) in found for entry in known):
        return wrong(
            f"istiod takes {known[0]['Addr']} for the gateway into {network}, but it is at {', '.join(found)}",
            fix=fixes.restart_istiod(view),
        )
    port = objects.outside(cluster, CROSS_NETWORK_PORT)
    if not any(int(entry["Port"]) == port for entry in known):
        return wrong(
            f"istiod takes port {known[0]['Port']} for the gateway into {network}, but it is entered at {port}",
            fix=fixes.restart_istiod(view),
        )
    lost = _ways_to_nobody([one for one in known if one["Cluster"] == identity], found) if comparable else []
    if lost:
        return wrong(
            f"istiod takes {', '.join(lost)} for {'a gateway' if len(lost) == 1 else 'gateways'} into {network} as "
            "well, where nobody answers",
            cause="istiod keeps the address of a gateway's Service that has none any more, and a part of the requests "
            "goes there (controller.go, addOrUpdateService)",
            fix=fixes.restart_istiod(view),
        )
    return ok(f"{network} is entered at {addresses.with_port(str(known[0]['Addr']), known[0]['Port'])}")


def _ways_to_nobody(known: Iterable[kube.Object], found: Collection[str]) -> list[str]:
    """Those that no Service of a gateway has; one that answers is the address of a Gateway of Kubernetes' own API.

    None from a machine that reaches no gateway of the cluster, and so cannot tell.
    """
    ways = [(str(one["Addr"]), int(one["Port"])) for one in known]
    if all(address in found for address, _ in ways):
        return []
    silent = [way for way in ways if handshake.connect(*way).outcome is not Outcome.OK]
    is_near = any(address in found and (address, port) not in silent for address, port in ways)
    return [addresses.with_port(*way) for way in silent if way[0] not in found] if is_near else []


def _hidden(view: MeshView, cluster: ClusterView, network: str) -> Answer | None:
    """The answer where discovery selectors leave a gateway's namespace out."""
    for name in dict.fromkeys(service["metadata"]["namespace"] for service in objects.gateways(cluster)):
        namespace = cluster.find(f"/api/v1/namespaces/{name}")
        if namespace is None or discovery.looks_at(view, namespace):
            continue
        label = discovery.label(view)
        return wrong(
            f"istiod knows no gateway into {network}: it does not look at namespace {name} of {cluster.name}",
            cause="discoverySelectors of the mesh configuration choose other namespaces",
            fix=fixes.kubectl(cluster, f"label namespace {name} {label} --overwrite") if label
            else fixes.in_system(view.primary, f"edit configmap {view.revision.mesh_config}"),
        )  # fmt: skip
    return None


def _passthrough(view: MeshView, primary: ClusterView) -> Answer:
    found = [
        f"{item['metadata']['namespace']}/{item['metadata']['name']}"
        for item in primary.list("/apis/networking.istio.io/v1/gateways")
        for server in metadata.listed(item["spec"], "servers")
        if server.get("tls", {}).get("mode") == "AUTO_PASSTHROUGH" and server["port"]["number"] == CROSS_NETWORK_PORT
    ]
    if not found:
        return wrong(
            f"no Gateway opens services to other networks (AUTO_PASSTHROUGH on {CROSS_NETWORK_PORT})",
            cause="expose-services was not applied in the primary, where the configuration of the whole mesh lives",
            fix=fixes.rebuild(view, fixes.apply(primary, _passthrough_body(view.namespace))),
        )
    if len(found) > 1:
        namespace, name = found[-1].split("/")
        return wrong(
            f"{' and '.join(found)} both open port {CROSS_NETWORK_PORT}; which one counts is chance",
            fix=fixes.kubectl(primary, f"-n {namespace} delete gateways.networking.istio.io {name}"),
        )
    return ok(f"Gateway {found[0]}")


def _passthrough_body(namespace: str) -> dict[str, Any]:
    server = {"port": {"number": CROSS_NETWORK_PORT, "name": "tls", "protocol": "TLS"},
              "tls": {"mode": "AUTO_PASSTHROUGH"}, "hosts": ["*.local"]}  # fmt: skip
    return {"apiVersion": "networking.istio.io/v1", "kind": "Gateway",
            "metadata": {"name": "cross-network-gateway", "namespace": namespace},
            "spec": {"selector": {"istio": "eastwestgateway"}, "servers": [server]}}  # fmt: skip


def _endpoints(view: MeshView, cluster: ClusterView) -> Answer:
    identity, network = objects.known_id(view, cluster), before.network_of(cluster)
    here = [(host, entry) for host, owner, entry in istiod.endpoints(view) if owner == identity]
    if not here:
        return wrong(f"istiod knows no endpoint in {identity}", fix=fixes.restart_istiod(view))
    elsewhere = [(host, entry) for host, entry in here
                 if entry.get("Network") != network and entry.get("HealthStatus") == _HEALTHY]  # fmt: skip
    if elsewhere:
        astray = sorted({f"{entry.get('WorkloadName') or host} ({entry.get('Network') or 'no network'})"
                         for host, entry in elsewhere})  # fmt: skip
        owners = {(entry["Namespace"], entry.get("WorkloadName") or "") for _, entry in elsewhere}
        return wrong(
            f"{count(len(astray), 'workload')} of {identity} would be reached without its gateway, as on another "
            f"network than {network}: {', '.join(astray[:4])}",
            cause=f"their pods carry another label {objects.NETWORK_LABEL}",
            fix="\n".join(
                fixes.kubectl(
                    cluster,
                    f"-n {namespace} patch deployment {name} --type json -p "
                    f'\'[{{"op":"remove","path":"/spec/template/metadata/labels/topology.istio.io~1network"}}]\'',
                )
                for namespace, name in sorted(owners)
            ),
        )
    way_in = addresses.with_port(objects.gateway_address(cluster), objects.outside(cluster, CROSS_NETWORK_PORT))
    return ok(f"{count(len(here), 'endpoint')} on {network}, for the others behind {way_in}")


def _crossing(view: MeshView, cluster: ClusterView) -> Answer:
    address, port = objects.known_gateway_address(cluster), objects.outside(cluster, CROSS_NETWORK_PORT)
    status = objects.outside(cluster, STATUS_PORT)
    found = handshake.connect(address, port)
    if found.outcome is Outcome.OK:
        return ok(f"{found.seen}")
    if found.outcome is Outcome.NO_ROUTE or handshake.connect(address, status).outcome is not Outcome.OK:
        return unknown(f"this machine has no way to {address}; run the doctor where the clusters' network is reached")
    if found.outcome is Outcome.TIMED_OUT:
        return wrong(
            found.seen,
            cause=f"a firewall or security group drops TCP {port} on the way to {cluster.name}'s gateway",
            fix=firewall.let_through([cluster], [port], why=f"pods of the other clusters go to {address}"),
        )
    return wrong(
        found.seen,
        cause="the gateway has not got the configuration that opens the port",
        fix=fixes.in_system(cluster, f"rollout restart deployment {topology.EAST_WEST_GATEWAY}"),
    )


def _name_of_workload(view: MeshView, cluster: ClusterView) -> str:
    """Server name by which the gateway finds a workload with a proxy in this cluster; empty where there is none.

    Form: ``outbound_.PORT_._.HOST`` (istio/istio pkg/config/model, BuildDNSSrvSubsetKey).
    """
    identity = objects.known_id(view, cluster)
    for host, owner, entry in istiod.endpoints(view):
        if owner != identity or entry.get("TLSMode") != "istio" or entry.get("HealthStatus") != _HEALTHY:
            continue
        name, namespace = host.split(".")[:2]
        service = cluster.find(f"/api/v1/namespaces/{namespace}/services/{name}")
        if service is None or metadata.annotations(service).get(_EXPORT, "*") != "*":
            continue
        for port in metadata.listed(service["spec"], "ports"):
            if port.get("name", "") == entry.get("ServicePortName"):
                return f"outbound_.{port['port']}_._.{host}"
    return ""


def _met(view: MeshView, cluster: ClusterView, root: str = "") -> tuple[str, Handshake | None]:
    """A workload's server name, and what a handshake with it through the gateway came to; None where there is none.

    A workload may end between istiod's answer and the handshake, so istiod is asked again before one counts as silent.
    """
    address, port = objects.known_gateway_address(cluster), objects.outside(cluster, CROSS_NETWORK_PORT)
    for left in reversed(range(_LOOKS)):
        name = _name_of_workload(view, cluster)
        found = handshake.greet(address, port, name, root, by_name=False, protocol="istio") if name else None
        if found is None or found.outcome in _SETTLED or not left:
            return name, found
        time.sleep(_PAUSE_SECONDS)
        view = MeshView(view.mesh)
        cluster = next(one for one in view.clusters if one.name == cluster.name)
    raise AssertionError("the last look returns")


def _through(view: MeshView, cluster: ClusterView) -> Answer:
    name, found = _met(view, cluster)
    if found is None:
        return ok("no workload with a proxy yet; tether verify brings its own")
    if found.outcome is Outcome.NO_ROUTE:
        return unknown(found.seen)
    if found.outcome is not Outcome.OK:
        plain = _in_plain_text(view, name.split(".")[-4])
        if plain:
            namespace, policy = plain
            permit = {"spec": {"mtls": {"mode": "PERMISSIVE"}}}
            return wrong(
                found.seen,
                cause=f"PeerAuthentication {namespace}/{policy} turns mTLS off, and between networks there is no "
                "other way",
                fix=fixes.kubectl(view.primary, f"-n {namespace} patch peerauthentications.security.istio.io {policy} "
                                  f"--type merge -p {shlex.quote(json.dumps(permit))}"),
            )  # fmt: skip
        return wrong(
            found.seen,
            cause="the gateway does not know the service, or its pod is gone",
            fix=fixes.in_system(cluster, f"rollout restart deployment {topology.EAST_WEST_GATEWAY}"),
        )
    return ok(f"{name} answers through the gateway")


def _in_plain_text(view: MeshView, namespace: str) -> tuple[str, str] | None:
    """Namespace and name of the PeerAuthentication that turns mTLS off for a namespace's workloads."""
    for item in view.primary.list("/apis/security.istio.io/v1/peerauthentications"):
        meta = item["metadata"]
        mutual = cast("dict[str, str]", item.get("spec", {}).get("mtls") or {})
        if meta["namespace"] in (namespace, view.namespace) and mutual.get("mode") == "DISABLE":
            return meta["namespace"], meta["name"]
    return None


def _peer(view: MeshView, cluster: ClusterView) -> Answer:
    name, found = _met(view, cluster, objects.mesh_root(view))
    if found is None:
        return ok("no workload with a proxy yet")
    if found.outcome is Outcome.UNTRUSTED:
        return wrong(
            f"the workload behind {name} {found.seen.partition(' ')[2]}",
            cause="it still holds a certificate of an earlier root, and renews it at half of its 24 hours",
            fix=fixes.kubectl(cluster, f"-n {name.split('.')[-4]} rollout restart deployments"),
        )
    if found.outcome is not Outcome.OK:
        return unknown(found.seen)
    leaf = certificates.parse(certificates.to_pem(found.chain[0]))[0]
    identity = next(iter(certificates.uris(leaf)), "")
    domain, config_map = view.mesh.blueprint.trust_domain, view.revision.mesh_config
    if not identity.startswith(f"spiffe://{domain}/"):
        return wrong(
            f"the workload behind {name} proves to be {identity or 'nobody'}, not of trust domain {domain}",
            cause=f"the remote has no ConfigMap {config_map} with the trust domain of the mesh (istio/istio#61608)",
            fix=fixes.rebuild(view, fixes.in_system(cluster, f"get configmap {config_map} -o yaml")),
        )
    return ok(f"{identity}, {certificates.days_left(leaf) * 24:.0f} hours left")


def _timeouts(view: MeshView, primary: ClusterView) -> Answer:
    total = sum(value for _, value in istiod.metric(view, _TIMEOUTS))
    if total:
        return wrong(
            f"istiod gave up waiting for a remote {total:.0f} times since it started",
            cause="a remote's API server did not answer for 30 seconds (PILOT_REMOTE_CLUSTER_TIMEOUT)",
            fix=fixes.restart_istiod(view),
        )
    return ok("istiod never waited in vain for a remote")


CHECKS = (
    Check(
        id="D25", title="istiod knows the gateway into every network", family=Family.DATA, scope=Scope.CLUSTER,
        needs=("D07", "D15", "D17", "D32"),
        symptom="All requests to the other network time out, because pods' own addresses are used, or a part of them, "
        "because an address is used that no gateway has any more.",
        cause="The gateway's Service lost its label or its address.",
        remedy="Label the gateway's Service, or the namespace that istiod does not look at; restart an istiod that "
        "remembers an old address.",
        probe=_known_gateway,
    ),
    Check(
        id="D26", title="One Gateway opens services to other networks", family=Family.DATA, scope=Scope.MESH,
        needs=("D01",),
        symptom="Requests to the other network are reset.", cause="expose-services is missing or there twice.",
        remedy="Apply expose-services in the primary, once.",
        probe=_passthrough,
    ),
    Check(
        id="D38", title="The port between networks answers", family=Family.DATA, scope=Scope.CLUSTER,
        needs=("D23", "D25", "D26", "D37"),
        symptom="Requests to the other cluster time out or are reset; those within a cluster work.",
        cause="A firewall that knows nothing of 15443.",
        remedy="Open the port to the gateway for the pods of the other clusters.",
        probe=_crossing,
    ),
    Check(
        id="D27", title="Endpoints of every cluster lie behind its gateway", family=Family.DATA, scope=Scope.CLUSTER,
        needs=("D25",),
        symptom="Some workloads of the other cluster cannot be reached, others can (istio/istio#28381, #58612).",
        cause="Pods carry a network label of their own.",
        remedy="Take the network label off the pods' template.",
        probe=_endpoints,
    ),
    Check(
        id="D28", title="A workload answers through its cluster's gateway", family=Family.DATA, scope=Scope.CLUSTER,
        needs=("D38", "D27"),
        symptom="503 or connection reset from the other cluster.",
        cause="The gateway has old configuration.",
        remedy="Restart the gateway, or permit mTLS for the workload.",
        probe=_through,
    ),
    Check(
        id="D29", title="It proves an identity of this mesh", family=Family.DATA, scope=Scope.CLUSTER, needs=("D28",),
        symptom="CERTIFICATE_VERIFY_FAILED, or denied by an AuthorizationPolicy that should allow.",
        cause="Another root or another trust domain.",
        remedy="Restart the workloads, which fetches new certificates.",
        probe=_peer,
    ),
    Check(
        id="D30", title="istiod never gave up on a remote", family=Family.DATA, scope=Scope.MESH,
        severity=Severity.WARNING, needs=("D32",),
        symptom="Endpoints of the remote appear late or stay after their pods are gone (istio/istio#45992).",
        cause="The remote's API server was away for a while.",
        remedy="Once the remote answers again, restart istiod.",
        probe=_timeouts,
    ),
)  # fmt: skip
