"""A Kubernetes cluster made by kind."""

import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

import pydantic
import yaml

from tether import kube, scratch, topology, wait
from tether_provider import containers, kind, node_readiness
from tether_provider.errors import CancelledError, PartialError, ProviderError
from tether_provider.processes import ChildTimeoutError
from tether_provider.resource import REPLACES, SECRET, Failure, Found, Operation, Resource, Wire, wire_names

_LOAD_BALANCER = "external-load-balancer"
_CONTROL_PLANE = "control-plane"


class ClusterInputs(Wire):
    """What is asked of a cluster."""

    name: str = pydantic.Field(json_schema_extra=REPLACES, max_length=topology.KIND_NAME_LIMIT)
    """kind's name for it; ends with the environment's suffix."""
    network: str = pydantic.Field(json_schema_extra=REPLACES)
    """Container network, which must exist."""
    runtime: containers.Choice = pydantic.Field(default="auto", json_schema_extra=REPLACES)
    node_image: str = pydantic.Field(default="", json_schema_extra=REPLACES)
    """Empty: the one that kind was released with."""
    node_image_has_network: bool = pydantic.Field(default=False, json_schema_extra=REPLACES)
    """The image brings CNI configuration and CoreDNS of Tether's own build."""
    kubernetes_version: str = ""
    """What the nodes must turn out to run; empty: anything."""
    pod_cidr: str = pydantic.Field(default=topology.DEFAULT_POD_CIDR, json_schema_extra=REPLACES)
    service_cidr: str = pydantic.Field(default=topology.DEFAULT_SERVICE_CIDR, json_schema_extra=REPLACES)
    ip_family: Literal["ipv4", "ipv6", "dual"] = pydantic.Field(default="ipv4", json_schema_extra=REPLACES)
    """Which addresses nodes, pods and Services have; the ranges must be of it, and the network have IPv6 for it."""
    kind_config: dict[str, Any] = pydantic.Field(default_factory=dict[str, Any], json_schema_extra=REPLACES)
    """Laid over kind's configuration."""
    environment: str = ""
    """The suffix that says whose cluster it is; lets a later run clear up after a killed one."""
    create_timeout_seconds: float = pydantic.Field(default=300, gt=0)
    retain_on_failure: bool = False
    """Keep the containers of a failed create, to look at them."""


class NodeOutput(Wire):
    """One container of a cluster."""

    name: str
    address: str
    """On the container network, of the first IP family of the cluster."""
    id: str
    """Container ID; tells this cluster from a later one of the same name."""


class ClusterOutputs(Wire):
    """What became of it."""

    name: str
    kubeconfig: str = pydantic.Field(json_schema_extra=SECRET)
    """For this machine."""
    internal_kubeconfig: str = pydantic.Field(json_schema_extra=SECRET)
    """For pods of other clusters on the same container network."""
    api_server: str
    """URL as those pods reach it; by name, because a node's address changes when it restarts. With IPv6 alone by
    address: the runtimes' name servers have IPv4 addresses, which those pods cannot reach."""
    nodes: list[NodeOutput]
    network: str
    subnet: str
    container_runtime: containers.Name
    ip_family: Literal["ipv4", "ipv6", "dual"] = "ipv4"
    failure: str = ""
    """Why the create failed, where its remains were kept."""
    imported: bool = False


class KindCluster(Resource[ClusterInputs, ClusterOutputs]):
    """A kind cluster on a container network of one environment."""

    token = "tether:index:Cluster"  # noqa: S105 - a type token
    description = "A Kubernetes cluster made by kind, on Docker or Podman."
    inputs_type = ClusterInputs
    outputs_type = ClusterOutputs
    delete_before_replace = True

    def check(self, inputs: Mapping[str, Any]) -> Iterable[Failure]:
        """Refuse kind settings that other inputs decide."""
        extra: Mapping[str, Any] = inputs.get("kindConfig", {})
        for complaint in kind.complaints(extra, image_has_network=bool(inputs.get("nodeImageHasNetwork"))):
            yield Failure("kindConfig", complaint)

    def same(self, key: str, old: Any, new: Any, state: Mapping[str, Any]) -> bool:
        """``auto`` means the runtime that has it; an imported cluster's kind settings are not known."""
        if key == "runtime":
            return new in (old, "auto", state.get("containerRuntime"))
        if key in ("kindConfig", "nodeImageHasNetwork") and state.get("imported"):
            return True
        return old == new

    def must_replace(self, state: Mapping[str, Any]) -> str | None:
        """The remains of a failed create are no cluster."""
        return "retainOnFailure" if state.get("failure") else None

    def foresee(self, inputs: Mapping[str, Any], state: Mapping[str, Any] | None) -> dict[str, Any]:
        """Names and the internal address; after that everything."""
        if state:
            return {key: state[key] for key in wire_names(ClusterOutputs) if key in state}
        known = {key: inputs[key] for key in ("name", "network") if key in inputs}
        if "name" in inputs and inputs.get("ipFamily") != topology.IpFamily.IPV6:
            known["apiServer"] = topology.internal_api_server(inputs["name"])
        return known

    def create(self, operation: Operation, inputs: ClusterInputs) -> tuple[str, ClusterOutputs]:
        """Make the cluster, or nothing."""
        chosen = containers.choose(inputs.runtime)
        found = chosen.network(inputs.network)
        if found is None:
            raise ProviderError(
                f"network — there is no container network {inputs.network} — kind would make one of its own that "
                f"nobody removes. Make it: {chosen.name} network create {inputs.network}"
            )
        _clear_name(operation, chosen, inputs, found)
        try:
            kubeconfig, nodes = _boot(operation, chosen, inputs)
        except kind.NameTakenError:
            raise
        except BaseException as error:
            raise _after_failure(operation, chosen, inputs, found, error) from error
        made = _outputs(chosen, inputs.name, found, kubeconfig).model_copy(update={"ip_family": inputs.ip_family})
        return inputs.name, _observe(made, nodes)

    def read(self, operation: Operation, resource_id: str, state: Mapping[str, Any]) -> Found[ClusterOutputs] | None:
        """Look at the containers: gone, of somebody else, or with another address."""
        chosen = _runtime_of(state)
        nodes = chosen.nodes(resource_id)
        if not state:
            return _import(chosen, resource_id, nodes) if nodes else None
        outputs = self.outputs_of(state)
        recorded = {node.id for node in outputs.nodes}
        if not recorded & {node.id for node in nodes if node.role != "worker"}:
            if nodes:
                operation.log.warning(f"cluster {resource_id} is gone; another one took its name and is left as it is")
            return None
        if outputs.failure:
            return Found(outputs)
        stopped = [node.name for node in nodes if not node.running]
        if stopped:
            names = " ".join(stopped)
            operation.log.warning(f"cluster {resource_id} is stopped; start it with: {chosen.name} start {names}")
            return Found(outputs)
        return Found(_observe(outputs, nodes))

    def update(
        self, operation: Operation, resource_id: str, state: Mapping[str, Any], inputs: ClusterInputs
    ) -> ClusterOutputs:
        """Take over settings that need no new cluster."""
        outputs = self.outputs_of(state)
        if inputs.kubernetes_version and inputs.kubernetes_version != state.get("kubernetesVersion"):
            with kube.connect(outputs.kubeconfig) as api:
                node_readiness.check_version(api, inputs.kubernetes_version)
        return outputs

    def delete(self, operation: Operation, resource_id: str, state: Mapping[str, Any]) -> None:
        """Remove the containers that the state knows, and no others."""
        chosen = _runtime_of(state)
        recorded = {node.id: node.name for node in self.outputs_of(state).nodes}
        present = {node.id: node.name for node in chosen.nodes(resource_id)}
        foreign = sorted(set(present) - set(recorded))
        ours = sorted(set(present) & set(recorded))
        if foreign and not ours:
            operation.log.warning(
                f"cluster {resource_id} was gone already; another one of its name is left as it is. "
                f"If nobody needs it: kind delete cluster --name {resource_id}"
            )
            return
        operation.log.progress(f"removing cluster {resource_id}")
        chosen.remove(ours, [name for name in recorded.values() if name not in {present[key] for key in foreign}])


def _runtime_of(state: Mapping[str, Any]) -> containers.Runtime:
    """The runtime that has it; for an import the one that answers."""
    name = state.get("containerRuntime")
    return containers.Runtime(name) if name else containers.choose(state.get("runtime", "auto"))


def _clear_name(
    operation: Operation, chosen: containers.Runtime, inputs: ClusterInputs, network: containers.Network
) -> None:
    """Make sure that no cluster of that name is there.

    A killed run of this very environment may have left one that no state knows: it
    stands on the environment's own network and carries its suffix. Any other one
    belongs to somebody else.
    """
    nodes = chosen.nodes(inputs.name)
    if not nodes:
        return
    environment = inputs.environment
    ours = (
        bool(environment)
        and inputs.name.endswith(f"-{environment}")
        and network.labels.get(topology.ENVIRONMENT_LABEL) == environment
        and all(inputs.network in node.addresses for node in nodes)
    )
    if not ours:
        raise kind.NameTakenError(
            f"name — a kind cluster {inputs.name} exists that this stack did not make — it is left as it is. "
            f"Take another name, or remove it: kind delete cluster --name {inputs.name}"
        )
    operation.log.info(f"removing what an interrupted run left of cluster {inputs.name}")
    chosen.remove([node.id for node in nodes], [node.name for node in nodes])


def _boot(operation: Operation, chosen: containers.Runtime, inputs: ClusterInputs) -> tuple[str, list[containers.Node]]:
    """Run kind and wait until the nodes are ready; returns the kubeconfig for this machine, and the nodes."""
    seconds = operation.limit(inputs.create_timeout_seconds)
    deadline = time.monotonic() + seconds
    step = "starting kind"

    def show(current: str) -> None:
        nonlocal step
        step = current
        operation.log.progress(f"{inputs.name}: {current}")

    plan = kind.Plan(
        name=inputs.name,
        network=inputs.network,
        image=inputs.node_image,
        pod_cidr=inputs.pod_cidr,
        service_cidr=inputs.service_cidr,
        ip_family=topology.IpFamily(inputs.ip_family),
        image_has_network=inputs.node_image_has_network,
        extra=inputs.kind_config,
    )
    with scratch.folder() as folder:
        path = folder / "kubeconfig"
        try:
            kind.create(
                plan, chosen, path, timeout=seconds, cancel=operation.cancel, on_step=show, on_line=operation.log.debug
            )
            show("waiting for the nodes")
            kubeconfig, nodes = path.read_text(), chosen.nodes(inputs.name)
            expected = {node.name for node in nodes if node.role != _LOAD_BALANCER}
            with kube.connect(kubeconfig) as api:
                node_readiness.wait_for(api, inputs.name, expected, deadline, operation.cancel)
                if inputs.kubernetes_version:
                    node_readiness.check_version(api, inputs.kubernetes_version)
        except (ChildTimeoutError, wait.WaitTimeoutError) as error:
            last = f"{step}; {error}" if isinstance(error, wait.WaitTimeoutError) else step
            raise ProviderError(
                f"createTimeoutSeconds — cluster {inputs.name} was not ready within {seconds:g} s; last step: {last}. "
                "A first start pulls images and may take longer: pulumi config set tether:createTimeoutSeconds "
                f"{round(seconds * 2)}"
            ) from None
    return kubeconfig, nodes


def _after_failure(
    operation: Operation,
    chosen: containers.Runtime,
    inputs: ClusterInputs,
    network: containers.Network,
    error: BaseException,
) -> BaseException:
    """Remove what a failed or cancelled create left, unless it is to be kept; returns the error to raise."""
    if isinstance(error, wait.WaitCancelledError | CancelledError):
        error = CancelledError(f"cluster {inputs.name} was not made: {error}")
    nodes = chosen.nodes(inputs.name)
    if inputs.retain_on_failure and nodes and not isinstance(error, CancelledError):
        outputs = _outputs(chosen, inputs.name, network).model_copy(
            update={
                "nodes": _node_outputs(nodes, network.name, topology.IpFamily(inputs.ip_family)),
                "failure": str(error) or type(error).__name__,
            }
        )
        hint = f"its containers were kept (retainOnFailure); look with: {chosen.name} logs {nodes[0].name}"
        return PartialError(f"{error}; {hint}", inputs.name, outputs)
    operation.log.progress(f"{inputs.name}: removing what was made")
    try:
        host = topology.control_plane_host(inputs.name)
        chosen.remove([node.id for node in nodes], sorted({host, *(node.name for node in nodes)}))
    except ProviderError as cleaning:
        return ProviderError(f"{error}; and its containers could not be removed: {cleaning}")
    return error


def _outputs(
    chosen: containers.Runtime, name: str, network: containers.Network, kubeconfig: str = ""
) -> ClusterOutputs:
    """Outputs without what only the containers can tell."""
    return ClusterOutputs(
        name=name,
        kubeconfig=kubeconfig,
        internal_kubeconfig="",
        api_server=topology.internal_api_server(name),
        nodes=[],
        network=network.name,
        subnet=network.subnet,
        container_runtime=chosen.name,
    )


def _observe(last: ClusterOutputs, nodes: Sequence[containers.Node]) -> ClusterOutputs:
    """What is known of a running cluster, with its addresses as they are now."""
    entry = _entry(nodes)
    kubeconfig = last.kubeconfig
    if entry.api_port and kube.server_of(kubeconfig) != f"https://{entry.api_port}":
        kubeconfig = kube.with_server(kubeconfig, f"https://{entry.api_port}")
    family = topology.IpFamily(last.ip_family)
    internal = entry.internal_api_server(last.network, family)
    seen = {
        "kubeconfig": kubeconfig,
        "internal_kubeconfig": kube.with_server(kubeconfig, internal),
        "api_server": internal,
        "nodes": _node_outputs(nodes, last.network, family),
    }
    return last.model_copy(update=seen)


def _entry(nodes: Iterable[containers.Node]) -> containers.Node:
    """The container that serves the API: kind's load balancer where there are several control planes."""
    by_role = {node.role: node for node in sorted(nodes, key=lambda node: node.name, reverse=True)}
    try:
        return by_role[_LOAD_BALANCER] if _LOAD_BALANCER in by_role else by_role[_CONTROL_PLANE]
    except KeyError:
        raise ProviderError("the cluster has no control plane container") from None


def _node_outputs(nodes: Iterable[containers.Node], network: str, family: topology.IpFamily) -> list[NodeOutput]:
    return [NodeOutput(name=node.name, address=node.address(network, family), id=node.id) for node in nodes]


def _import(chosen: containers.Runtime, name: str, nodes: list[containers.Node]) -> Found[ClusterOutputs]:
    """Take over a cluster that was made elsewhere, with the inputs that can be read off it."""
    network = chosen.network(next(iter(_entry(nodes).addresses)))
    if network is None:
        raise ProviderError(f"the container network of cluster {name} is gone")
    kubeconfig = kind.kubeconfig_of(name, chosen)
    with kube.connect(kubeconfig) as api:
        settings = api.get("/api/v1/namespaces/kube-system/configmaps/kubeadm-config")
        networking: Mapping[str, str] = yaml.safe_load(settings["data"]["ClusterConfiguration"])["networking"]
        version = str(node_readiness.nodes(api)[0]["status"]["nodeInfo"]["kubeletVersion"]).removeprefix("v")
    inputs = {
        "name": name,
        "network": network.name,
        "runtime": chosen.name,
        "nodeImage": next(node.image for node in nodes if node.role == _CONTROL_PLANE),
        "kubernetesVersion": version,
        "podCidr": networking["podSubnet"],
        "serviceCidr": networking["serviceSubnet"],
        "ipFamily": topology.IpFamily.of(networking["podSubnet"]).value,
    }
    known = {"imported": True, "ip_family": inputs["ipFamily"]}
    outputs = _outputs(chosen, name, network, kubeconfig).model_copy(update=known)
    return Found(_observe(outputs, nodes), inputs)
