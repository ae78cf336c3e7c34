"""A whole mesh: clusters, one external istiod, and the proof that they are tied together."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NotRequired, TypedDict, cast

import pulumi

from components.certificate_authority import CertificateAuthority, CertificateAuthorityArgs
from components.cloud_cluster import MeshCluster, cloud_cluster
from components.east_west_gateway import EastWestGateway, EastWestGatewayArgs, ExposureArgs
from components.existing_cluster import ExistingCluster, ExistingClusterArgs
from components.ingress_gateway import IngressGateway
from components.istio import HelmValuesArgs, IstioArgs
from components.kind_cluster import KindCluster
from components.kind_environment import KindEnvironment, KindEnvironmentArgs
from components.mesh_cluster import MeshClusterArgs
from components.primary import Primary, PrimaryArgs
from components.reader_credential import ReaderCredential
from components.remote import Remote, RemoteArgs
from components.remote_secret import RemoteSecret
from components.resources import RemoteReady, Verification
from tether import gateway_entry, helm_values, topology
from tether.topology import ClusterPlan, Platform, Role

_LITTLE = {"cpu": "100m", "memory": "256Mi"}
"""What istiod asks of the node of a kind cluster, which is this machine: where that has two cores, there would be no
room for a new istiod beside the old one, and no change of it would ever end."""


class VerificationArgs(TypedDict):
    """How the mesh is proved."""

    image: pulumi.Input[str]
    """Full reference of Istio's echo application."""
    timeout_seconds: pulumi.Input[int]
    """How long the proof may take."""


class MeshArgs(TypedDict):
    """What the mesh is made of."""

    mesh_id: str
    """Mesh ID."""
    trust_domain: str
    """Trust domain of every identity."""
    istio_namespace: str
    """Namespace of istiod, the same in every cluster."""
    clusters: list[MeshClusterArgs]
    """One primary and at least one remote."""
    certificate_authority: CertificateAuthorityArgs
    """The authority that all clusters share; with ``source`` ``existing`` the primary's kubeconfig is filled in."""
    istio: IstioArgs
    """Charts, images and data plane; Helm values and labels for all clusters."""
    kind: NotRequired[KindEnvironmentArgs]
    """Needed where a cluster's platform is ``kind``."""
    tls_minimum: NotRequired[str]
    """Oldest TLS that istiod and sidecars take, ``1.2`` or ``1.3``; Istio's own default when left out."""
    ingress_gateway: NotRequired[bool]
    """Whether every cluster gets an ingress gateway beside its east-west gateway."""
    verification: NotRequired[VerificationArgs]
    """Left out: the mesh is not proved."""


@dataclass(frozen=True, kw_only=True)
class _Place:
    """A cluster and what is known of it before anything runs inside."""

    cluster: MeshCluster
    deleted_with: pulumi.Resource | None = None
    """What lives in a kind cluster needs no deletion of its own when the cluster goes; in
    other clusters it does, or their load balancers would stay behind."""
    gateway_address: pulumi.Output[str] | None = None
    """Where the load balancer's pool is ours, the gateway's address is known beforehand."""


class Mesh(pulumi.ComponentResource):
    """Istio primary-remote on different networks.

    Order is what depends on what, nothing else: clusters, their load balancers and both
    halves of Istio are made side by side wherever an address is known beforehand.
    """

    endpoints: pulumi.Output[list[dict[str, Any]]]
    """By cluster: API server, east-west gateway, ingress gateway if asked for, and istiod's address in the primary."""
    kubeconfigs: pulumi.Output[dict[str, str]]
    """By cluster ID; secret."""
    root_certificate: pulumi.Output[str]
    """The root certificate that every cluster trusts, PEM."""
    credentials: pulumi.Output[list[dict[str, Any]]]
    """By remote: ``cluster``, ``kind``, and the ``expiry`` of a bound token."""
    verification: pulumi.Output[dict[str, Any] | None]
    """What the proof saw, or nothing where it was not asked for."""

    def __init__(self, name: str, args: MeshArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("tether:index:Mesh", name, {}, opts)
        self._name = name
        self._args = args
        shared = self._create_authority()
        self._places = self._create_clusters()
        self._gateways: dict[str, EastWestGateway] = {}
        self._ingress_gateways: dict[str, IngressGateway] = {}
        self._primary_settings = next(one for one in args["clusters"] if one["role"] == Role.PRIMARY)
        primary = self._create_primary(shared)
        self.authority = shared or cast(CertificateAuthority, primary.authority)
        """The shared certificate authority."""
        self.root_certificate = self.authority.root_certificate
        remotes = [cluster for cluster in args["clusters"] if cluster["role"] != Role.PRIMARY]
        credentials = {cluster["name"]: self._tie_remote(cluster, primary) for cluster in remotes}
        self.credentials = pulumi.Output.all(*[one.told(name) for name, one in credentials.items()])
        self.endpoints = pulumi.Output.all(*[self._endpoint(cluster) for cluster in args["clusters"]])
        self.kubeconfigs = pulumi.Output.secret(
            pulumi.Output.all(**{name: place.cluster.kubeconfig for name, place in self._places.items()})
        )
        # The proof starts its pods while the remotes' gateways start, and waits for those itself.
        applied = [gateway.release for gateway in self._gateways.values()]
        self.verification = self._verify([primary, *applied, *self._ingress_gateways.values()])
        self.register_outputs({"endpoints": self.endpoints, "verification": self.verification})

    def _create_authority(self) -> CertificateAuthority | None:
        """Make the authority before any cluster, unless the primary holds it already."""
        args = self._args["certificate_authority"]
        if args.get("source") == "existing":
            return None
        return CertificateAuthority(self._name, args, pulumi.ResourceOptions(parent=self))

    def _create_clusters(self) -> dict[str, _Place]:
        """Make or take every cluster."""
        places: dict[str, _Place] = {}
        own = {
            one["name"]: one.get("settings", {}) for one in self._args["clusters"] if one["platform"] == Platform.KIND
        }
        if own and "kind" in self._args:
            arguments = self._kind_arguments(self._args["kind"], own)
            environment = KindEnvironment(self._name, arguments, own, pulumi.ResourceOptions(parent=self))
            for name, cluster in environment.clusters.items():
                places[name] = _Place(
                    cluster=cluster,
                    deleted_with=cluster.cluster,
                    gateway_address=environment.gateway_addresses.get(name),
                )
        for one in self._args["clusters"]:
            if one["platform"] != Platform.KIND:
                places[one["name"]] = _Place(cluster=self._elsewhere(one))
        return places

    def _elsewhere(self, one: MeshClusterArgs) -> MeshCluster:
        """Take a cluster that is there, or make one in a cloud."""
        child = pulumi.ResourceOptions(parent=self)
        identifier = f"{pulumi.get_project()}/{pulumi.get_stack()}/{one['name']}"
        arguments = {"identifier": identifier, **one.get("settings", {})}
        if one["platform"] == Platform.EXISTING:
            return ExistingCluster(one["name"], cast(ExistingClusterArgs, arguments), child)
        # What the load balancer lets in is let in by the network too, and nothing else.
        arguments["gateway_sources"] = one.get("exposure", {}).get("source_ranges", [])
        return cloud_cluster(Platform(one["platform"]), one["name"], arguments, child)

    def _kind_arguments(self, common: KindEnvironmentArgs, names: Iterable[str]) -> KindEnvironmentArgs:
        """Add Helm values and labels of the load balancers to what kind clusters have in common."""
        arguments: KindEnvironmentArgs = {**common}
        behind_nodes = {one["name"] for one in self._args["clusters"] if "node_ports" in one.get("exposure", {})}
        if behind_nodes & {*names}:
            arguments["load_balancer_clusters"] = [name for name in names if name not in behind_nodes]
        values = {name: own for name in names if (own := self._istio(name).get("helm_values", {}).get("metallb"))}
        if values:
            arguments["load_balancer_values"] = values
        if "labels" in self._args["istio"]:
            arguments["load_balancer_labels"] = self._args["istio"]["labels"]
        return arguments

    def _istio(self, cluster_name: str) -> IstioArgs:
        """Charts and images with the Helm values of one cluster."""
        istio = self._args["istio"]
        own = next(one for one in self._args["clusters"] if one["name"] == cluster_name).get("helm_values", {})
        return {**istio, "helm_values": cast(HelmValuesArgs, helm_values.merged(istio.get("helm_values", {}), own))}

    def _revision(self) -> dict[str, str]:
        """Input of whatever asks for a proxy; empty where Istio's default revision gives it."""
        istio = self._args["istio"]
        return {"revision": istio["revision"]} if "revision" in istio else {}

    def _create_primary(self, authority: CertificateAuthority | None) -> Primary:
        """Install istiod and its gateway."""
        settings = self._primary_settings
        arguments: PrimaryArgs = {
            "cluster_name": settings["name"],
            "network": settings["network"],
            "mesh_id": self._args["mesh_id"],
            "trust_domain": self._args["trust_domain"],
            "istio_namespace": self._args["istio_namespace"],
            "kubeconfig": self._places[settings["name"]].cluster.kubeconfig,
            "namespace_may_exist": settings["platform"] == Platform.EXISTING,
            "istio": self._istio(settings["name"]),
        }
        if authority is not None and authority.cacerts is not None:
            arguments["authority"] = {
                "root_certificate": authority.root_certificate,
                "cacerts": authority.cacerts,
            }
        if settings["platform"] == Platform.KIND:
            arguments["requests"] = _LITTLE
        if "tls_minimum" in self._args:
            arguments["tls_minimum"] = self._args["tls_minimum"]
        if networks := self._mesh_networks():
            arguments["mesh_networks"] = networks
        primary = Primary(settings["name"], arguments, self._inside(settings["name"]))
        # The whole of it: its webhook makes the gateway's pod, and what it exposes is there when the pod asks.
        self._create_gateway(settings, primary)
        return primary

    def _tie_remote(self, cluster: MeshClusterArgs, primary: Primary) -> ReaderCredential:
        """Install a remote's half, let istiod read the cluster, wait until it serves it, open its network."""
        name, primary_name = cluster["name"], self._primary_settings["name"]
        primary_gateway, known_address = self._gateways[primary_name], self._places[primary_name].gateway_address
        entered = self._exposure(self._primary_settings)
        plan = ClusterPlan(
            name=name, role=Role.REMOTE, network=cluster["network"], platform=Platform(cluster["platform"]), index=0
        )
        arguments: RemoteArgs = {
            "cluster_name": name,
            "network": cluster["network"],
            "mesh_id": self._args["mesh_id"],
            "trust_domain": self._args["trust_domain"],
            "primary_cluster_name": primary_name,
            "istio_namespace": self._args["istio_namespace"],
            "istiod_addresses": _all(known_address) if known_address is not None else primary_gateway.ip_addresses,
            "several_addresses": known_address is None,
            "v1_endpoints": cluster.get("v1_endpoints", False),
            "injection_path": plan.injection_path,
            "root_certificate": self.authority.root_certificate,
            "kubeconfig": self._places[name].cluster.kubeconfig,
            "namespace_may_exist": cluster["platform"] == Platform.EXISTING,
            "istio": self._istio(name),
        }
        if "node_addresses" in entered:
            arguments["istiod_addresses"] = entered["node_addresses"]
        if ports := entered.get("node_ports"):
            arguments["istiod_ports"] = {"xds": ports["xds"], "webhook": ports["webhook"]}
        if "bound_token_hours" in cluster:
            arguments["bound_token_hours"] = cluster["bound_token_hours"]
        remote = Remote(name, arguments, self._inside(name))
        secret = RemoteSecret(
            name,
            {
                "cluster_name": name,
                "secret_name": plan.remote_secret_name,
                "api_server": self._places[name].cluster.api_server,
                "certificate_authority": remote.certificate_authority,
                "token": remote.reader_token,
                "trust": cluster.get("api_server_trust", {}),
                "istio_namespace": self._args["istio_namespace"],
                "labels": self._args["istio"].get("labels", {}),
            },
            self._inside(primary_name, [primary.namespace, remote.istiod]),
        )
        ready = self._await_remote(cluster, remote.credential, [secret, primary_gateway, primary])
        self._create_gateway(cluster, ready)
        return remote.credential

    def _await_remote(
        self, cluster: MeshClusterArgs, credential: ReaderCredential, depends_on: list[pulumi.Resource]
    ) -> RemoteReady:
        """Wait until istiod serves a remote; with another bound token once more, before the old one goes."""
        primary_name = self._primary_settings["name"]
        return RemoteReady(
            cluster["name"],
            {
                "primaryKubeconfig": self._places[primary_name].cluster.kubeconfig,
                "remoteKubeconfig": self._places[cluster["name"]].cluster.kubeconfig,
                "clusterName": cluster["name"],
                "network": cluster["network"],
                "istioNamespace": self._args["istio_namespace"],
                "rootCertificate": self.authority.root_certificate,
                "timeoutSeconds": self._args["istio"]["timeout_seconds"],
                **({"triggers": {"credential": credential.bound_to}} if credential.bound_to is not None else {}),
                **self._revision(),
            },
            pulumi.ResourceOptions(parent=self, depends_on=depends_on),
        )

    def _create_gateway(self, cluster: MeshClusterArgs, injection: pulumi.Resource) -> None:
        """Open a cluster's network to the others, once ``injection`` answers there."""
        place = self._places[cluster["name"]]
        arguments: EastWestGatewayArgs = {
            "network": cluster["network"],
            "istio_namespace": self._args["istio_namespace"],
            "kubeconfig": place.cluster.kubeconfig,
            "istio": self._istio(cluster["name"]),
        }
        if "exposure" in cluster:
            arguments["exposure"] = self._exposure(cluster)
        if place.gateway_address is not None:
            arguments["load_balancer_address"] = place.gateway_address
        self._gateways[cluster["name"]] = EastWestGateway(
            cluster["name"], arguments, self._inside(cluster["name"], [injection])
        )
        if self._args.get("ingress_gateway", False):
            self._create_ingress_gateway(cluster["name"])

    def _exposure(self, cluster: MeshClusterArgs) -> ExposureArgs:
        """Who may reach a gateway, and where; of kind clusters the addresses of the nodes are known."""
        held, made = cluster.get("exposure", {}), self._places[cluster["name"]].cluster
        if "node_ports" in held and "node_addresses" not in held and isinstance(made, KindCluster):
            return {**held, "node_addresses": made.node_addresses}
        return held

    def _mesh_networks(self) -> dict[str, pulumi.Input[dict[str, Any]]]:
        """By network: the gateway that istiod is told of, since it finds none of nodes without an external IP."""
        told: dict[str, pulumi.Input[dict[str, Any]]] = {}
        for cluster in self._args["clusters"]:
            held = self._exposure(cluster)
            if "node_ports" in held and "node_addresses" in held:
                port, found = held["node_ports"]["tls"], pulumi.Output.from_input(held["node_addresses"])
                told[cluster["network"]] = found.apply(lambda found, port=port: gateway_entry.mesh_network(found, port))
        return told

    def _create_ingress_gateway(self, cluster_name: str) -> None:
        """Let clients outside of the mesh in, once the east-west gateway has its address."""
        self._ingress_gateways[cluster_name] = IngressGateway(
            cluster_name,
            {
                "istio_namespace": self._args["istio_namespace"],
                "kubeconfig": self._places[cluster_name].cluster.kubeconfig,
                "istio": self._istio(cluster_name),
            },
            self._inside(cluster_name, [self._gateways[cluster_name]]),
        )

    def _inside(self, cluster_name: str, depends_on: list[pulumi.Resource] | None = None) -> pulumi.ResourceOptions:
        """Options for a component that lives in a cluster."""
        place = self._places[cluster_name]
        return pulumi.ResourceOptions(
            parent=self, provider=place.cluster.provider, deleted_with=place.deleted_with, depends_on=depends_on
        )

    def _endpoint(self, cluster: MeshClusterArgs) -> pulumi.Output[dict[str, Any]]:
        """Where one cluster is reached."""
        address = self._gateways[cluster["name"]].address
        ports = cast("Mapping[str, int]", cluster.get("exposure", {}).get("node_ports") or gateway_entry.PORT_OF)
        istiod = {"address": address, "ports": {"xds": ports["xds"], "webhook": ports["webhook"]}}
        ingress = self._ingress_gateways.get(cluster["name"])
        return pulumi.Output.from_input(
            {
                "cluster": cluster["name"],
                "role": str(cluster["role"]),
                "network": cluster["network"],
                "apiServer": self._places[cluster["name"]].cluster.api_server,
                "eastWestGateway": {
                    "address": address,
                    "ports": {"tls": ports["tls"], "status": ports["status"]},
                },
                "ingressGateway": {"address": ingress.address, "ports": topology.INGRESS_PORTS} if ingress else None,
                "istiod": istiod if cluster["role"] == Role.PRIMARY else None,
            }
        )

    def _verify(self, depends_on: list[pulumi.Resource]) -> pulumi.Output[dict[str, Any] | None]:
        """Prove that every cluster's requests are answered by every cluster."""
        if "verification" not in self._args:
            return pulumi.Output.from_input(cast("dict[str, Any] | None", None))
        proof = Verification(
            self._name,
            {
                "clusters": [
                    {"name": name, "kubeconfig": place.cluster.kubeconfig} for name, place in self._places.items()
                ],
                "image": self._args["verification"]["image"],
                "trustDomain": self._args["trust_domain"],
                "timeoutSeconds": self._args["verification"]["timeout_seconds"],
                "istioNamespace": self._args["istio_namespace"],
                "gatewayTimeoutSeconds": self._args["istio"]["timeout_seconds"],
                **self._revision(),
            },
            pulumi.ResourceOptions(parent=self, depends_on=depends_on),
        )
        return pulumi.Output.from_input(
            {
                "requests": proof.requests,
                "answers": proof.answers,
                "identities": proof.identities,
                "seconds": proof.seconds,
                "verifiedAt": proof.verified_at,
            }
        )


def _all(address: pulumi.Output[str]) -> pulumi.Output[list[str]]:
    """A gateway's addresses, of the first IP family, where it has what was asked for."""
    return address.apply(lambda asked: [asked.partition(",")[0]])
