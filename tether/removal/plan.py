"""What the removal of a remote would do, in the order in which it does it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tether import kube
from tether.errors import count
from tether.removal import releases, traces, workloads
from tether.removal.workloads import Workload
from tether.topology import EAST_WEST_GATEWAY, INGRESS_GATEWAY, READER_TOKEN_SECRET, ClusterPlan, Topology

GATEWAYS = (EAST_WEST_GATEWAY, INGRESS_GATEWAY)
_CHARTS = ("istiod", "istio-base")


@dataclass(frozen=True, kw_only=True)
class Step:
    """One step of the removal."""

    title: str
    items: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Plan:
    """The whole removal."""

    remote: ClusterPlan
    stack: str
    kubectl: str
    """How a user runs kubectl on the remote."""
    silence: str = ""
    """Why the remote could not be asked; empty where it was."""
    workloads: tuple[Workload, ...] = ()
    steps: tuple[Step, ...] = ()

    def lines(self) -> Iterator[str]:
        """The plan for people; headings begin at the margin."""
        fate = "goes with it" if self.remote.is_made else "stays"
        yield f"Remote {self.remote.name} of stack {self.stack}; the cluster itself {fate}."
        if self.silence:
            yield f"It was not asked what is in it: {self.silence}. Listed is what Tether makes."
        elif self.workloads:
            yield from self._workload_lines()
        else:
            yield "No workload of it has a proxy."
        for number, step in enumerate(self.steps, 1):
            yield f"{number}. {step.title}"
            yield from (f"     {item}" for item in step.items or ("nothing",))

    def _workload_lines(self) -> Iterator[str]:
        number = count(len(self.workloads), "workload")
        if self.remote.is_made:
            yield f"{number} with proxies, which go with the cluster:"
            yield from (f"     {workload}" for workload in self.workloads)
            return
        yield f"{number} with proxies. Take them out of the mesh first:"
        for workload in self.workloads:
            yield f"     {workload}"
            yield from (f"       {command}" for command in workload.way_out(self.kubectl))


@dataclass(frozen=True, kw_only=True)
class Inventory:
    """What of the mesh is in a remote."""

    workloads: tuple[Workload, ...]
    webhooks: tuple[str, ...]
    releases: tuple[str, ...]
    credentials: tuple[str, ...]
    """Secrets of the reader's token."""
    leftovers: tuple[str, ...]
    definitions: tuple[str, ...]
    namespace_is_made: bool = True
    """Whether Istio's namespace came with the mesh."""


def inventory(api: kube.Api, istio_namespace: str) -> Inventory:
    """Ask a remote what of the mesh is in it.

    Raises:
        tether.kube.KubeError: the cluster does not answer or refuses.
    """
    found = releases.installed(api, istio_namespace)
    leftovers = [*traces.root_certificates(api), *traces.elections(api, istio_namespace)]
    return Inventory(
        workloads=tuple(workloads.injected(api, istio_namespace, GATEWAYS)),
        webhooks=tuple(map(str, traces.webhooks(api, istio_namespace))),
        releases=tuple(map(str, found)),
        credentials=tuple(map(str, traces.credentials(api, istio_namespace))),
        leftovers=tuple(map(str, leftovers)),
        definitions=tuple(map(str, traces.definitions(api))),
        namespace_is_made=traces.made_namespace(api, istio_namespace) is not None,
    )


def expected(istio_namespace: str) -> Inventory:
    """What Tether puts into every remote, for one that cannot be asked."""
    names = (*_CHARTS, EAST_WEST_GATEWAY)
    credential = f"Secret {istio_namespace}/{READER_TOKEN_SECRET}, or the one that the reader's token is bound to"
    return Inventory(
        workloads=(),
        webhooks=("MutatingWebhookConfiguration of istiod",),
        releases=tuple(f"Helm release {istio_namespace}/{name}" for name in names),
        credentials=(credential,),
        leftovers=(),
        definitions=(),
    )


def steps(mesh: Topology, remote: ClusterPlan, found: Inventory, *, definitions: bool) -> tuple[Step, ...]:
    """Put what was found into the order of the removal.

    Args:
        mesh: The mesh that it is still in.
        remote: The cluster.
        found: What is in it.
        definitions: Istio's custom resource definitions go too.
    """
    istio_namespace = mesh.istio_namespace
    gateways = tuple(release for release in found.releases if _is_gateway(release, istio_namespace))
    charts = tuple(release for release in found.releases if release not in gateways)
    goes = remote.is_made or found.namespace_is_made
    fate = "whatever is in it" if goes else "the labels and annotations that the mesh put on it"
    around = (*found.credentials, f"Namespace {istio_namespace}, {fate}")
    secret = (f"Secret {istio_namespace}/{remote.remote_secret_name}",)
    made = (
        Step(title="webhooks of istiod, so that no pod is refused while it goes out of reach", items=found.webhooks),
        Step(title="gateways", items=gateways),
        Step(title=f"remote secret in {mesh.primary.name}", items=secret),
        Step(title="charts, and what is around them", items=(*_ordered(charts), *around)),
    )
    if remote.is_made:
        whole = f"{remote.platform.value} cluster {remote.name}, whatever is in it"
        return (*made, Step(title="the cluster", items=(whole,)))
    return (*made, *_left_to_us(found, definitions=definitions))


def _left_to_us(found: Inventory, *, definitions: bool) -> Iterator[Step]:
    """What no chart and no engine removes."""
    yield Step(title="what istiod left", items=found.leftovers)
    if definitions:
        yield Step(title="custom resource definitions, with every object of these kinds", items=found.definitions)


def _is_gateway(release: str, istio_namespace: str) -> bool:
    return any(release.partition(",")[0] == f"Helm release {istio_namespace}/{name}" for name in GATEWAYS)


def _ordered(charts: Sequence[str]) -> list[str]:
    """The base chart last, as it was the first."""
    return sorted(charts, key=lambda release: _CHARTS[-1] in release)
