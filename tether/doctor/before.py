"""What must be right before clusters are linked: API servers, versions, names, load balancers, leftovers."""

from tether import addresses, gateway_entry, istiod_endpoints, kube, mesh_probe, metadata, topology, versions
from tether.compatibility import bad_releases, judging, lines, numbers
from tether.doctor import fixes, istiod, lookup, objects
from tether.doctor.check import Answer, Check, Family, Scope, Severity, ok, unknown, wrong
from tether.doctor.view import ClusterView, MeshView
from tether.errors import count

_CLOUDS_BY_ENDPOINTS = {"gce": "GKE", "azure": "AKS"}
"""Provider IDs of nodes whose API servers find webhooks through v1 Endpoints (istio/istio#58998, #58445)."""


def _answers(view: MeshView, cluster: ClusterView) -> Answer:
    try:
        version = cluster.get("/version")
    except kube.KubeError as error:
        return wrong(f"{error}", fix=fixes.rebuild(view, fixes.kubectl(cluster, "cluster-info")))
    return ok(f"Kubernetes {version['gitVersion']}")


def _kubernetes(view: MeshView, cluster: ClusterView) -> Answer:
    version = str(cluster.get("/version")["gitVersion"])
    line = lines.pinned()
    minimum = numbers.said(line.kubernetes_oldest)
    if judging.is_old(version, line):
        return wrong(
            f"Kubernetes {version}; Istio {line.name} needs {minimum}",
            fix=f"# upgrade {cluster.name} to Kubernetes {minimum} or newer",
        )
    return ok(f"{version}, at least {minimum}")


def _names(view: MeshView, primary: ClusterView) -> Answer:
    owners: dict[str, list[str]] = {}
    for cluster in view.clusters:
        said = objects.injected_identity(cluster)[0] or objects.cluster_id(cluster)
        # The primary's own webhook has no path of this kind; its istiod knows who it is.
        identity = objects.istiod_variable(cluster, "CLUSTER_ID") if cluster.is_primary else said
        owners.setdefault(identity, []).append(cluster.name)
    twice = {identity: names for identity, names in owners.items() if len(names) > 1}
    if not twice:
        return ok("cluster IDs are distinct: " + ", ".join(owners))
    identity, names = next(iter(twice.items()))
    other = next(view_of(view, name) for name in reversed(names) if not view_of(view, name).is_primary)
    return wrong(
        f"{' and '.join(names)} both say that they are cluster {identity}",
        cause=f"the webhook of {other.name} has the path of another cluster (istiodRemote.injectionPath)",
        fix=repath(view, other),
    )


def view_of(view: MeshView, name: str) -> ClusterView:
    """The cluster that the user calls by this name."""
    return next(cluster for cluster in view.clusters if cluster.name == name)


def repath(view: MeshView, remote: ClusterView) -> str:
    """Commands that set the path of a remote's webhooks to its own cluster ID and network."""
    network = objects.namespace_network(remote) or remote.cluster.member.network
    path = f"/inject/cluster/{remote.cluster.member.cluster_id or remote.name}/net/{network}"
    return "\n".join(
        fixes.kubectl(
            remote,
            f"patch mutatingwebhookconfiguration {hook.configuration} --type json -p "
            f'\'[{{"op":"replace","path":"/webhooks/{hook.index}/clientConfig/service/path","value":"{path}"}}]\'',
        )
        for hook in objects.injectors(remote)
        if hook.path != path
    )


def _namespace(view: MeshView, remote: ClusterView) -> Answer:
    if remote.find(f"/api/v1/namespaces/{view.namespace}") is None:
        return wrong(
            f"{remote.name} has no namespace {view.namespace}, where the primary's istiod runs",
            fix=fixes.kubectl(remote, f"create namespace {view.namespace}"),
        )
    service_name = view.revision.istiod
    elsewhere = [
        service["metadata"]["namespace"]
        for service in remote.list("/api/v1/services", {"fieldSelector": f"metadata.name={service_name}"})
        if service["metadata"]["namespace"] != view.namespace
    ]
    if elsewhere:
        return wrong(
            f"{remote.name} has a Service {service_name} in {', '.join(elsewhere)}, but istiod's certificate is for "
            f"{view.mesh.istiod_host}",
            fix="\n".join(fixes.kubectl(remote, f"-n {name} delete service {service_name}") for name in elsewhere),
        )
    return ok(f"namespace {view.namespace} in both")


def _istio_version(view: MeshView, primary: ClusterView) -> Answer:
    line = istiod.text(view, "/version").strip()
    release = numbers.patch(line)
    if release is None:
        return ok(f"istiod {line}, no numbered release") if line else unknown("istiod does not tell its version")
    version = numbers.said(release)
    bugs = [f"{bad.wrong} ({bad.label})" for bad in bad_releases.of(version)]
    if bugs:
        upgrade = (
            f"helm upgrade istiod oci://ghcr.io/istio/release/charts/istiod --version "
            f"{versions.ISTIO_RELEASE.version} --namespace {view.namespace} --reuse-values"
        )
        return wrong(
            f"istiod {version} {'; it '.join(bugs)}",
            fix=f"# in {primary.name}, the primary; then restart the gateways and workloads\n{upgrade}",
        )
    return ok(f"istiod {version}, not known to be bad")


def _load_balancer(view: MeshView, cluster: ClusterView) -> Answer:
    found = objects.gateways(cluster)
    if not found and not cluster.find(cluster.system("services", topology.EAST_WEST_GATEWAY)):
        return wrong(
            f"{cluster.name} has no Service {topology.EAST_WEST_GATEWAY} in {view.namespace}",
            cause="the Service was deleted, or the east-west gateway is not installed",
            fix=fixes.reinstall(cluster, topology.EAST_WEST_GATEWAY),
        )
    if not found:
        return wrong(
            f"{cluster.name} has no Service with label {objects.NETWORK_LABEL} and port {topology.CROSS_NETWORK_PORT}",
            cause="the gateway's Service lost the label or the port",
            fix=fixes.in_system(
                cluster,
                f"label service {topology.EAST_WEST_GATEWAY} {objects.NETWORK_LABEL}={network_of(cluster)} --overwrite",
            ),
        )
    without = [service for service in found if not objects.entry(cluster, service).addresses]
    if without:
        return _waits(view, cluster, without[0])
    return ok("east-west gateway at " + ", ".join(objects.gateway_addresses(cluster)))


def _waits(view: MeshView, cluster: ClusterView, service: kube.Object) -> Answer:
    """Why a Service has no address, in the words of the load balancer."""
    meta = service["metadata"]
    if service["spec"].get("type") == gateway_entry.NODE_PORT:
        return _without_nodes(view, cluster, service)
    about = f"involvedObject.kind=Service,involvedObject.name={meta['name']},type=Warning"
    events = cluster.glimpse(f"/api/v1/namespaces/{meta['namespace']}/events", {"fieldSelector": about})
    said = f": {events[-1].get('message')}" if events else ""
    wish = [key for key in metadata.annotations(service) if key.endswith("/loadBalancerIPs")]
    command = f"annotate service {meta['name']} {wish[0]}-" if wish else f"describe service {meta['name']}"
    return wrong(
        f"Service {meta['namespace']}/{meta['name']} waits for an address{said}",
        cause=f"the address that annotation {wish[0]} asks for cannot be given" if wish else "",
        fix=fixes.kubectl(cluster, f"-n {meta['namespace']} {command}"),
    )


def _without_nodes(view: MeshView, cluster: ClusterView, service: kube.Object) -> Answer:
    """Why istiod finds no node that leads to a Service of type NodePort."""
    meta = service["metadata"]
    where = f"Service {meta['namespace']}/{meta['name']}"
    if gateway_entry.NODE_SELECTOR not in metadata.annotations(service):
        return wrong(
            f"{where} is of type NodePort without annotation {gateway_entry.NODE_SELECTOR}; istiod passes it over",
            fix=fixes.kubectl(
                cluster, f"-n {meta['namespace']} annotate service {meta['name']} {gateway_entry.NODE_SELECTOR}={{}}"
            ),
        )
    stack = f"stack {view.mesh.blueprint.stack}" if view.mesh.blueprint.stack else "meshNetworks of istiod"
    return wrong(
        f"{where} is of type NodePort, and no node has an address for it",
        cause=mesh_probe.NO_EXTERNAL_IP,
        fix=f"# say which addresses lead to the nodes ({stack}), or label nodes that have an external one:\n"
        + fixes.kubectl(cluster, "get nodes -o wide --show-labels"),
    )


def network_of(cluster: ClusterView) -> str:
    """Network that a cluster is meant to be on: as planned, else as its webhook or its namespace says."""
    planned = cluster.cluster.member.network
    return planned or objects.injected_identity(cluster)[1] or objects.namespace_network(cluster)


def _leftovers(view: MeshView, cluster: ClusterView) -> Answer:
    # The Service of the mesh's own istiod is for D19 to miss: its webhooks must stay.
    own = f"{view.namespace}/{view.revision.istiod}"
    others = [hook for hook in objects.webhooks(cluster) if hook.service not in ("", own)]
    dead = [hook for hook in others if not objects.exists(cluster, hook.service)]
    if not dead:
        return ok(f"{count(len(objects.webhooks(cluster)), 'webhook')}, each calls a Service that is there")
    names = sorted({(hook.kind, hook.configuration) for hook in dead})
    return wrong(
        "; ".join(f"{name} calls Service "
        + next(hook.service for hook in dead if hook.configuration == name)
        + ", which is not there"
                  for _, name in names),
        fix="\n".join(fixes.kubectl(cluster, f"delete {kind}webhookconfiguration {name}") for kind, name in names),
    )  # fmt: skip


def _compatible_endpoints(view: MeshView, remote: ClusterView) -> Answer:
    service = view.revision.istiod
    providers = objects.node_providers(remote)
    cloud = next((name for scheme, name in _CLOUDS_BY_ENDPOINTS.items() if scheme in providers), "")
    if not cloud:
        return ok("this platform's API server reads EndpointSlices")
    if remote.find(remote.system("endpoints", service)):
        return ok(f"{cloud}: Endpoints {service} is there")
    known = objects.gateway_ips(view.primary) or list(objects.sliced(objects.istiod_slices(remote)))
    return wrong(
        f"{cloud}'s API server finds webhooks through v1 Endpoints, and {remote.name} has none for {service}",
        cause="v1Endpoints is not true in the settings of the cluster" if view.mesh.blueprint.stack else "",
        fix=list_endpoints(view, remote, known),
    )


def list_endpoints(view: MeshView, remote: ClusterView, known: list[str]) -> str:
    """Commands that lead a remote's v1 Endpoints of istiod to addresses of the primary's gateway."""
    behind = objects.istiod_outside(view.primary)
    return fixes.apply(remote, istiod_endpoints.endpoints(view.namespace, known, behind, revision=view.revision))


def _hostname(view: MeshView, remote: ClusterView) -> Answer:
    address = objects.gateway_address(view.primary)
    if addresses.is_ip(address):
        return ok(f"the primary's gateway has the IP address {address}")
    if any(not hook.service for hook in objects.injectors(remote)):
        return ok(f"the primary's gateway is {address}, and webhooks call a URL")
    if any(objects.sliced(objects.istiod_slices(remote))):
        return ok(f"the primary's gateway is {address}; an EndpointSlice holds what it resolved to")
    return wrong(
        f"the primary's gateway is {address}, and the webhooks of {remote.name} call a Service that cannot hold a name",
        fix=resolve(view, remote, address),
    )


def resolve(view: MeshView, remote: ClusterView, name: str) -> str:
    """Commands that write what a name leads to now into an EndpointSlice."""
    gateway = next(iter(objects.gateways(view.primary)), None)
    family = addresses.first_family(gateway or {})
    body = istiod_endpoints.endpoint_slice(view.namespace, ["$ADDRESS"], family, revision=view.revision)
    return (
        "# holds as long as the name leads there; for good, give webhooks a URL (istiodRemote.injectionURL)\n"
        f"ADDRESS=$(getent ahosts{family.removeprefix('IP')} {name} | awk '{{print $1; exit}}')\n"
        # Unquoted, so that the shell puts the address in.
        + fixes.apply(remote, body).replace("<<'END'", "<<END", 1)
    )


def _istiod_ready(view: MeshView, primary: ClusterView) -> Answer:
    pods, selector = objects.istiod_pods(primary), view.revision.selector
    if not pods:
        return wrong(
            f"no pod of istiod in {view.namespace} of {primary.name}",
            fix=fixes.bring_back(primary, view.namespace, selector),
        )
    lame = [pod for pod in pods if not mesh_probe.is_ready(pod)]
    if len(lame) == len(pods):
        return wrong(
            f"pod {lame[0]['metadata']['name']} is not ready: {mesh_probe.why_not_ready(lame[0])}",
            fix=fixes.restart_istiod(view),
        )
    if istiod.is_silent(view):
        return wrong(
            f"istiod of {primary.name} does not answer, though its pod is said to be ready",
            cause="its process is stopped or starved; the kubelet has not noticed yet",
            fix=fixes.restart_istiod(view),
        )
    return ok(f"{len(pods) - len(lame)} of {count(len(pods), 'pod')} ready")


CHECKS = (
    Check(
        id="D01", title="The API server answers", family=Family.BEFORE, scope=Scope.CLUSTER,
        symptom="Nothing that concerns the cluster can be asked or changed.",
        cause="The cluster is stopped, its address changed, or the kubeconfig's credential ended.",
        remedy="Start the cluster, or give the doctor a kubeconfig that leads to it; a stack of Tether's is "
        "mended by `tether up --refresh`.",
        probe=_answers,
    ),
    Check(
        id="D02", title="Kubernetes is new enough for Istio", family=Family.BEFORE, scope=Scope.CLUSTER, needs=("D01",),
        symptom="istiod stops, or objects are refused as unknown.", cause="The cluster was not upgraded.",
        remedy="Upgrade the cluster, or install an Istio that supports it.",
        probe=_kubernetes,
    ),
    *lookup.CHECKS,
    Check(
        id="D32", title="istiod is ready", family=Family.BEFORE, scope=Scope.MESH, needs=("D01",),
        symptom="Pods get no proxy, proxies get no certificate and no configuration.",
        cause="istiod does not start, is stopped, or cannot reach its own API server.",
        remedy="Scale it up or restart it; `kubectl describe` and its log say why it does not start.",
        probe=_istiod_ready,
    ),
    Check(
        id="D03", title="Every cluster has an ID of its own", family=Family.BEFORE, scope=Scope.MESH,
        needs=("D01", "D32"),
        symptom="Proxies are refused: their tokens are reviewed by the wrong API server.",
        cause="Settings of one cluster were copied to another.",
        remedy="Set the path of the remote's webhooks to its own cluster ID (istiodRemote.injectionPath).",
        probe=_names,
    ),
    Check(
        id="D04", title="Istio's namespace has one name everywhere", family=Family.BEFORE, scope=Scope.REMOTE,
        needs=("D01",),
        symptom="x509: certificate is valid for istiod.istio-system.svc, not for another name (istio/istio#32702).",
        cause="The remote was installed with another istioNamespace.",
        remedy="Use one name for Istio's namespace in every cluster, and remove Services istiod from other namespaces.",
        probe=_namespace,
    ),
    Check(
        id="D05", title="istiod is no version that is known to be bad", family=Family.BEFORE, scope=Scope.MESH,
        severity=Severity.WARNING, needs=("D32",),
        symptom="After a change of a remote secret, endpoints are gone or istiod hangs.",
        cause="Bugs of that version.",
        remedy="Upgrade istiod first, then gateways and workloads.",
        probe=_istio_version,
    ),
    Check(
        id="D07", title="The east-west gateway has an address", family=Family.BEFORE, scope=Scope.CLUSTER,
        needs=("D01",),
        symptom="The Service's address is <pending>; the other clusters find no way in.",
        cause="No load balancer is installed, its pool is empty, or the wanted address is taken.",
        remedy="Give the load balancer an address to hand out, and the Service its label topology.istio.io/network.",
        probe=_load_balancer,
    ),
    Check(
        id="D08", title="No webhook calls an istiod that is gone", family=Family.BEFORE, scope=Scope.CLUSTER,
        needs=("D01",),
        symptom="Pods or Istio objects cannot be created: webhook: service not found (istio/istio#39007).",
        cause="An older revision was removed without its webhooks.",
        remedy="Delete the webhook configuration of the revision that is gone.",
        probe=_leftovers,
    ),
    Check(
        id="D09", title="The API server can find istiod's endpoints", family=Family.BEFORE, scope=Scope.REMOTE,
        needs=("D01",),
        symptom='failed calling webhook: endpoints "istiod" not found (istio/istio#58998, #58445).',
        cause="Istio's chart writes only an EndpointSlice since 1.28.",
        remedy="Write Endpoints beside the EndpointSlice, with label endpointslice.kubernetes.io/skip-mirror=true.",
        probe=_compatible_endpoints,
    ),
    Check(
        id="D10", title="Webhooks need no host name", family=Family.BEFORE, scope=Scope.REMOTE, needs=("D07",),
        symptom="The API server refuses the ExternalName Service of a webhook (istio/istio#45014).",
        cause="The load balancer answers with a host name, as on AWS.",
        remedy="Resolve the name into an EndpointSlice, or give the webhooks a URL (istiodRemote.injectionURL).",
        probe=_hostname,
    ),
)  # fmt: skip
