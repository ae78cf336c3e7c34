"""The shape of the settings: keys, types, defaults and the rules that hold for one value alone.

Keys are written as in the stack file (``meshId``); ``Pulumi.yaml`` carries the same keys,
types, descriptions and defaults, and a test holds the two equal.
"""

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any, cast

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr

from tether import kubernetes_labels, topology
from tether.settings import ranges
from tether.settings.api_server import checked_name, checked_url
from tether.settings.base import Model, complaint, spoken
from tether.settings.clouds import CLOUDS, AksSettings, CloudSettings, EksSettings, GkeSettings
from tether.settings.credential import RemoteCredential, RemoteCredentialSettings
from tether.settings.exposure import ClusterExposure, ExposureSettings
from tether.settings.istio import IstioSettings
from tether.topology import IpFamily, Platform, Role

_DNS_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_RESERVED_NAMESPACES = frozenset({"default", "kube-system", "kube-public", "kube-node-lease"})
_KIND_KEYS_TAKEN: Mapping[str, str] = {
    "name": "the cluster's own name and the environment's suffix make it",
    "networking.podSubnet": "the setting podCidr says it",
    "networking.serviceSubnet": "the setting serviceCidr says it",
}


def dns_label(value: str) -> str:
    """Check a DNS-1123 label, which cluster and network names become part of."""
    if not _DNS_LABEL.fullmatch(value):
        raise complaint(
            "is no DNS-1123 label: lower-case letters, digits and '-', at most 63, no '-' at either end",
            "it becomes part of object names, labels and the webhook's path",
            re.sub(r"[^a-z0-9]+", "-", value.lower()).strip("-")[:63].strip("-"),
        )
    return value


def label_value(value: str) -> str:
    """Check a mesh ID, which proxies carry as a label."""
    return _label_text(value, "proxies carry it as a label", is_fine=bool(value) and kubernetes_labels.is_value(value))


def _label_text(value: str, why: str, *, is_fine: bool) -> str:
    if not is_fine:
        raise complaint(
            "is no label value: letters, digits, '-', '_' and '.', at most 63, letter or digit at both ends",
            why,
            re.sub(r"[^-A-Za-z0-9_.]+", "-", value)[:63].strip("-_."),
        )
    return value


def _trust_domain(value: str) -> str:
    labels = value.removesuffix(".").split(".")
    # The rule of istio/pkg/config/validation/agent (ValidateTrustDomain); SPIFFE allows 255 characters in all.
    if len(value) > 255 or not all(_DNS_LABEL.fullmatch(label) for label in labels):
        raise complaint(
            "is no trust domain: lower-case DNS labels joined by '.', at most 255 characters",
            "it is the first part of every identity, spiffe://<trust domain>/…, and istiod refuses others",
            topology.DEFAULT_TRUST_DOMAIN,
        )
    return value


def _istio_namespace(value: str) -> str:
    if dns_label(value) in _RESERVED_NAMESPACES:
        raise complaint(
            "is a namespace that Kubernetes itself uses", "istiod must be alone in its namespace", "istio-system"
        )
    return value


def _node_image(value: str) -> str:
    if not value or re.search(r"\s", value):
        raise complaint("is no image reference", "kind starts the node from it", remove="")
    return value


def _kind_config(value: dict[str, Any]) -> dict[str, Any]:
    for key, instead in _KIND_KEYS_TAKEN.items():
        inner: Any = value
        for part in key.split("."):
            inner = cast("dict[str, Any]", inner).get(part) if isinstance(inner, dict) else None
        if inner is not None:
            why = "two sources for one value would contradict each other"
            raise complaint(f"sets {key}, but {instead}", why, remove=key)
    return value


def _organization(value: str) -> str:
    # X.509 upper bound ub-organization-name (RFC 5280, appendix A.1).
    if not value.strip() or len(value) > 64:
        raise complaint("is empty or longer than 64 characters", "X.509 certificates cannot carry it", "Tether")
    return value


def _label_key(value: str) -> str:
    if not kubernetes_labels.is_key(value):
        wrong = "is no label key: [domain/]name, the name of at most 63 letters, digits, '-', '_' and '.'"
        raise complaint(wrong, _LABEL_WHY, remove="")
    if taken := kubernetes_labels.owner(value):
        raise complaint(
            f"belongs to {taken}", "selectors, istiod and the charts read it, and would take the objects for others",
            remove="",
        )  # fmt: skip
    return value


def _extra_label(value: str) -> str:
    return _label_text(value, _LABEL_WHY, is_fine=kubernetes_labels.is_value(value))


_LABEL_WHY = "the API server refuses an object with such a label"


class Algorithm(StrEnum):
    """Key type of root and intermediate certificate."""

    ECDSA_P256 = "ecdsa-p256"
    RSA_4096 = "rsa-4096"


class AuthoritySource(StrEnum):
    """Who makes the certificate authority."""

    GENERATED = "generated"
    PROVIDED = "provided"
    EXISTING = "existing"


class ContainerRuntime(StrEnum):
    """What carries the kind nodes."""

    AUTO = "auto"
    PODMAN = "podman"
    DOCKER = "docker"


DnsLabel = Annotated[str, AfterValidator(dns_label)]
Labels = dict[
    Annotated[str, AfterValidator(_label_key)], Annotated[str, BeforeValidator(spoken), AfterValidator(_extra_label)]
]


class HelmValues(Model):
    """Helm values laid over Tether's own; tether.helm_values says which keys stay Tether's."""

    base: dict[str, Any] = Field(default={}, description="Values of Istio's chart base")
    istiod: dict[str, Any] = Field(default={}, description="Values of Istio's chart istiod")
    gateway: dict[str, Any] = Field(default={}, description="Values of Istio's chart gateway, for every gateway")
    metallb: dict[str, Any] = Field(default={}, description="Values of MetalLB's chart, in kind clusters")


class ClusterSettings(Model):
    """One cluster of the mesh."""

    name: DnsLabel = Field(description="Istio cluster ID; a DNS label")
    role: Role = Field(description="`primary` for the one that runs istiod, `remote` for all others")
    network: DnsLabel = Field(description="Network of the cluster's pods; every cluster has its own")
    platform: Platform = Field(
        default=Platform.KIND,
        description="`kind` makes the cluster on this machine, `eks`, `gke` and `aks` in a cloud; `existing` takes one",
    )
    pod_cidr: Annotated[str, AfterValidator(ranges.pod_cidr)] | None = Field(
        default=None,
        description=f"kind: range of the pods' addresses, IPv4 and IPv6 separated by a comma; "
        f"{topology.DEFAULT_POD_CIDR} and {topology.DEFAULT_POD_CIDR_IPV6} when left out",
    )
    service_cidr: Annotated[str, AfterValidator(ranges.service_cidr)] | None = Field(
        default=None,
        description=f"kind: range of the Services' addresses, in the same way; "
        f"{topology.DEFAULT_SERVICE_CIDR} and {topology.DEFAULT_SERVICE_CIDR_IPV6} when left out",
    )
    node_image: Annotated[str, AfterValidator(_node_image)] | None = Field(
        default=None, description="kind: another node image than the toolchain's"
    )
    kind_config: Annotated[dict[str, Any], AfterValidator(_kind_config)] = Field(
        default={}, description="kind: more of kind's own configuration, merged in"
    )
    kubeconfig: SecretStr | None = Field(
        default=None,
        description="existing: path of a kubeconfig, or its content (then as a secret); kubectl's own when left out",
    )
    context: str | None = Field(default=None, description="existing: context in it; its current one when left out")
    api_server: Annotated[str, AfterValidator(checked_url)] | None = Field(
        default=None, description="existing remotes: URL of the API server as the primary's pods reach it"
    )
    api_server_name: Annotated[str, AfterValidator(checked_name)] | None = Field(
        default=None,
        description="existing remotes: name in the certificate that apiServer shows, where it is not that of its URL",
    )
    api_server_ca: str | None = Field(
        default=None,
        description="existing remotes: CA of that certificate, PEM or path of a file; the cluster's own when left out",
    )
    v1_endpoints: bool | None = Field(
        default=None,
        description="existing remotes: whether v1 Endpoints stand beside istiod's EndpointSlice, for API servers that "
        "call webhooks through those; on GKE and AKS, as far as the kubeconfig shows them, when left out",
    )
    eks: EksSettings | None = Field(default=None, description="eks: the cluster in Amazon's cloud")
    gke: GkeSettings | None = Field(default=None, description="gke: the cluster in Google's cloud")
    aks: AksSettings | None = Field(default=None, description="aks: the cluster in Microsoft's cloud")
    helm_values: HelmValues = Field(
        default=HelmValues(), description="More Helm values of this cluster: base, istiod, gateway, metallb"
    )
    exposure: ClusterExposure = Field(
        default=ClusterExposure(),
        description="How this cluster's gateway is reached, and by whom, in place of the mesh's: serviceType, "
        "sourceRanges, internal, annotations; nodeAddresses",
    )
    remote_credential: RemoteCredential = Field(
        default=RemoteCredential(),
        description="remotes: with what istiod reads this cluster, in place of the mesh's: kind, lifetimeHours",
    )

    @property
    def cloud(self) -> CloudSettings | None:
        """What the cluster is made of, if it is made in a cloud."""
        return getattr(self, self.platform.value) if self.platform in CLOUDS else None


class AuthoritySettings(Model):
    """The certificate authority that the clusters share."""

    source: AuthoritySource = Field(
        default=AuthoritySource.GENERATED,
        description="`generated` makes root and intermediate, `provided` takes yours, `existing` waits for a Secret "
        "`cacerts` that somebody else keeps",
    )
    algorithm: Algorithm = Field(default=Algorithm.ECDSA_P256, description="generated: key type of both certificates")
    root_days: int = Field(default=3650, ge=1, le=36500, description="generated: lifetime of the root certificate")
    intermediate_days: int = Field(
        default=1825, ge=1, le=36500, description="generated: lifetime of the intermediate; at most the root's"
    )
    organization: Annotated[str, AfterValidator(_organization)] = Field(
        default="Tether", description="generated: organization name in both certificates"
    )
    root_key_file: str | None = Field(
        default=None,
        description="generated: new file that the root's key is handed out into; the encrypted state keeps it when "
        "left out",
    )
    ca_cert: str | None = Field(
        default=None, description="provided: the certificate that istiod signs with; PEM, or path of a file"
    )
    ca_key: SecretStr | None = Field(
        default=None, description="provided: its key; path of a file, or PEM (then as a secret)"
    )
    root_cert: str | None = Field(
        default=None, description="provided: the root, or several while one takes over; PEM, or path of a file"
    )
    cert_chain: str | None = Field(
        default=None, description="provided: what lies between the two, if anything does; PEM, or path of a file"
    )


class Settings(Model):
    """Everything that a mesh is made from."""

    mesh_id: Annotated[str, AfterValidator(label_value)] = Field(
        default="mesh1", description="Mesh ID that all clusters share"
    )
    trust_domain: Annotated[str, AfterValidator(_trust_domain)] = Field(
        default=topology.DEFAULT_TRUST_DOMAIN, description="First part of every identity: spiffe://<trust domain>/…"
    )
    istio_namespace: Annotated[str, AfterValidator(_istio_namespace)] = Field(
        default="istio-system", description="Namespace of istiod and of the gateways"
    )
    istio: IstioSettings = Field(default=IstioSettings(), description="Istio's own: revision")
    clusters: tuple[ClusterSettings, ...] = Field(
        default=(
            ClusterSettings(name="cluster1", role=Role.PRIMARY, network="network1"),
            ClusterSettings(name="cluster2", role=Role.REMOTE, network="network2"),
        ),
        description="The clusters: name, role (primary, remote), network, platform (kind, existing, eks, gke, aks) and "
        "what the platform takes: podCidr, serviceCidr, nodeImage, kindConfig; kubeconfig (secret), context, "
        "apiServer, apiServerName, apiServerCa, v1Endpoints; or eks, gke, aks; helmValues, exposure, remoteCredential",
    )
    ip_family: IpFamily = Field(
        default=IpFamily.IPV4,
        description="IP addresses of clusters and gateways: ipv4, ipv6 or dual for both; kind clusters are made so, "
        "existing ones must be able to",
    )
    certificate_authority: AuthoritySettings = Field(
        default=AuthoritySettings(),
        description="Shared CA: source (generated, provided, existing); generated: algorithm (ecdsa-p256, rsa-4096), "
        "rootDays, intermediateDays, organization, rootKeyFile; provided: caCert, caKey (secret), rootCert, certChain",
    )
    exposure: ExposureSettings = Field(
        default=ExposureSettings(),
        description="How the east-west gateways are reached, by whom, over which TLS: serviceType (LoadBalancer, "
        "NodePort), nodeSelector, nodePorts, sourceRanges, internal (aws, azure, google), annotations, tlsMinimum "
        "(1.2, 1.3)",
    )
    remote_credential: RemoteCredentialSettings = Field(
        default=RemoteCredentialSettings(),
        description="With what istiod reads the remotes: kind (token-secret, bound); bound: lifetimeHours",
    )
    ingress_gateway: bool = Field(
        default=False, description="Also give every cluster an ingress gateway, for clients outside of the mesh"
    )
    verify: bool = Field(default=True, description="Prove with real requests that every cluster answers every other")
    container_runtime: ContainerRuntime = Field(
        default=ContainerRuntime.AUTO, description="What carries kind nodes: auto, podman or docker"
    )
    create_timeout_seconds: int = Field(
        default=300, ge=30, le=7200, description="How long the creation of one kind cluster may take"
    )
    ready_timeout_seconds: int = Field(
        default=300, ge=10, le=7200, description="How long a part of the mesh may take to become ready"
    )
    retain_on_failure: bool = Field(
        default=False, description="Keep the nodes of a kind cluster that could not be created, to look into them"
    )
    allow_unsupported: bool = Field(
        default=False, description="Only warn of versions that are known to be bad or do not go together"
    )
    helm_values: HelmValues = Field(
        default=HelmValues(),
        description="More Helm values by chart, in all clusters: base, istiod, gateway, metallb; those of a cluster "
        "are laid over them",
    )
    labels: Labels = Field(default={}, description="Labels on everything that Tether makes in Kubernetes")
    protect: bool = Field(
        default=False,
        description="Keep the clusters that Tether made and the CA's root from being deleted or replaced until this is "
        "false again",
    )
