"""From a stack's settings and the parts on this machine to the arguments of a mesh."""

from pathlib import Path
from typing import Any, cast

import pulumi

from components.certificate_authority import CertificateAuthorityArgs
from components.east_west_gateway import ExposureArgs, NodePortsArgs
from components.istio import HelmValuesArgs
from components.mesh import MeshArgs
from components.mesh_cluster import MeshClusterArgs, MeshClusterSettingsArgs
from components.remote_secret import ApiServerTrustArgs
from tether import kubeconfig
from tether.credential import CredentialKind
from tether.parts import Parts
from tether.settings import AuthoritySource, HelmValues, Settings, authority, credential, exposure
from tether.settings.base import pem_text
from tether.settings.exposure import TlsVersion
from tether.settings.models import ClusterSettings
from tether.settings.node_ports import ServiceType
from tether.settings.stack import NAMESPACE
from tether.topology import ClusterPlan, IpFamily, Platform, Role, Topology


def mesh_args(settings: Settings, plan: Topology, parts: Parts) -> MeshArgs:
    """Everything that :class:`components.mesh.Mesh` asks for."""
    timeout = settings.ready_timeout_seconds
    arguments: MeshArgs = {
        "mesh_id": plan.mesh_id,
        "trust_domain": plan.trust_domain,
        "istio_namespace": plan.istio_namespace,
        "clusters": [_cluster(cluster) for cluster in plan.clusters],
        "certificate_authority": _authority(settings, plan),
        "istio": {
            "base_chart": parts.charts["base"].path,
            "istiod_chart": parts.charts["istiod"].path,
            "gateway_chart": parts.charts["gateway"].path,
            "tag": parts.istio_version,
            "pilot_image": parts.images.pilot,
            "proxy_image": parts.images.proxy,
            "plain_envoy": parts.data_plane == "envoy",
            "timeout_seconds": timeout,
        },
        "kind": {
            "node_image": parts.images.node,
            "node_image_has_network": parts.source == "packages",
            "kubernetes_version": parts.kubernetes_version,
            "container_runtime": settings.container_runtime.value,
            "create_timeout_seconds": settings.create_timeout_seconds,
            "retain_on_failure": settings.retain_on_failure,
            "load_balancer_chart": parts.charts["metallb"].path,
            "load_balancer_controller_image": parts.images.metallb_controller,
            "load_balancer_speaker_image": parts.images.metallb_speaker,
            "load_balancer_timeout_seconds": timeout,
        },
    }
    for made, written, planned in zip(arguments["clusters"], settings.clusters, plan.clusters, strict=True):
        if values := _helm_values("clusters", written.helm_values):
            made["helm_values"] = values
        if trust := _trust(planned):
            made["api_server_trust"] = trust
        if _has_v1_endpoints(planned):
            made["v1_endpoints"] = True
        if held := _exposure(settings, written):
            made["exposure"] = held
        reader = credential.in_force(settings.remote_credential, written.remote_credential)
        if reader.kind is CredentialKind.BOUND and written.role is Role.REMOTE:
            made["bound_token_hours"] = reader.lifetime_hours
    if settings.exposure.tls_minimum is not TlsVersion.TLS_1_2:
        arguments["tls_minimum"] = settings.exposure.tls_minimum.value
    if values := _helm_values("helmValues", settings.helm_values):
        arguments["istio"]["helm_values"] = values
    if plan.revision.name:
        arguments["istio"]["revision"] = plan.revision.name
    if settings.labels:
        arguments["istio"]["labels"] = dict(settings.labels)
    if plan.ip_family is not IpFamily.IPV4:
        arguments["istio"]["ip_family"] = arguments["kind"]["ip_family"] = plan.ip_family.value
    if settings.ingress_gateway:
        arguments["ingress_gateway"] = True
    if settings.verify:
        arguments["verification"] = {"image": parts.images.echo, "timeout_seconds": timeout}
    return arguments


def _helm_values(key: str, written: HelmValues) -> HelmValuesArgs:
    """The charts that got values; secret as a whole where the stack file holds a secret under the key."""
    values = written.model_dump(exclude_defaults=True)
    names = [f"{namespace}:{key}" for namespace in (pulumi.get_project(), NAMESPACE)]
    if any(map(pulumi.runtime.is_config_secret, names)):
        values = _secret(values)
    return cast(HelmValuesArgs, values)


def _secret(value: Any) -> Any:
    """Mark every single value, since objects must stay open to be merged."""
    if isinstance(value, dict):
        return {key: _secret(inner) for key, inner in cast("dict[str, Any]", value).items()}
    return pulumi.Output.secret(value)


def _exposure(settings: Settings, cluster: ClusterSettings) -> ExposureArgs:
    """Who may reach a gateway, and where; empty where everybody may, at a load balancer."""
    held = exposure.in_force(settings.exposure, cluster.exposure, cluster.platform)
    arguments: ExposureArgs = {}
    if held.service_type is ServiceType.NODE_PORT:
        arguments["node_ports"] = cast(NodePortsArgs, settings.exposure.node_ports.model_dump())
        if cluster.exposure.node_addresses:
            arguments["node_addresses"] = list(cluster.exposure.node_addresses)
        if settings.exposure.node_selector:
            arguments["node_selector"] = dict(settings.exposure.node_selector)
    if held.source_ranges:
        arguments["source_ranges"] = list(held.source_ranges)
    if held.annotations:
        arguments["annotations"] = dict(held.annotations)
    return arguments


def _authority(settings: Settings, plan: Topology) -> CertificateAuthorityArgs:
    chosen = settings.certificate_authority
    arguments: CertificateAuthorityArgs = {"source": chosen.source.value, "istio_namespace": plan.istio_namespace}
    if chosen.source is AuthoritySource.EXISTING:
        return arguments
    if chosen.source is AuthoritySource.PROVIDED:
        try:
            material = authority.material(chosen, Path.cwd())
        except OSError as error:
            raise pulumi.RunError(f"certificateAuthority: {error.filename} cannot be read: {error.strerror}") from None
        return {
            **arguments,
            "ca_cert": material.ca_cert,
            "ca_key": pulumi.Output.secret(material.ca_key or ""),
            "root_cert": material.root_cert,
            "cert_chain": material.cert_chain,
        }
    arguments = {
        **arguments,
        "trust_domain": plan.trust_domain,
        "algorithm": chosen.algorithm,
        "root_days": chosen.root_days,
        "intermediate_days": chosen.intermediate_days,
        "organization": chosen.organization,
    }
    if chosen.root_key_file:
        # The provider is a process of its own, in a folder of its own.
        arguments["root_key_file"] = str(Path(chosen.root_key_file).expanduser().absolute())
    return arguments


def _cluster(cluster: ClusterPlan) -> MeshClusterArgs:
    return {
        "name": cluster.name,
        "role": cluster.role.value,
        "network": cluster.network,
        "platform": cluster.platform.value,
        "settings": cast(MeshClusterSettingsArgs, _own_settings(cluster)),
    }


def _own_settings(cluster: ClusterPlan) -> dict[str, Any]:
    if cluster.cloud:
        return cluster.cloud.model_dump(mode="json", exclude_none=True)
    return _kind_settings(cluster) if cluster.is_kind else _existing_settings(cluster)


def _kind_settings(cluster: ClusterPlan) -> dict[str, Any]:
    own: dict[str, Any] = {"pod_cidr": cluster.pod_cidr, "service_cidr": cluster.service_cidr}
    if cluster.kind_config:
        own["kind_config"] = dict(cluster.kind_config)
    if cluster.node_image is not None:
        own["node_image"] = cluster.node_image
        own["node_image_has_network"] = False
        own["kubernetes_version"] = cluster.kubernetes_version
    return own


def _has_v1_endpoints(cluster: ClusterPlan) -> bool:
    """Whether a remote needs v1 Endpoints: as said, else as its platform or its kubeconfig shows."""
    if cluster.is_kind or cluster.role is Role.PRIMARY:
        return False
    if cluster.cloud is not None:
        return cluster.platform in (Platform.GKE, Platform.AKS)
    said = cluster.v1_endpoints
    return kubeconfig.is_of_endpoints_cloud(_kubeconfig(cluster)) if said is None else said


def _trust(cluster: ClusterPlan) -> ApiServerTrustArgs:
    """What istiod goes by to know the API server; empty where that shows the cluster's own certificate."""
    trust: ApiServerTrustArgs = {}
    if cluster.api_server_name is not None:
        trust["server_name"] = cluster.api_server_name
    if cluster.api_server_ca is not None:
        try:
            trust["certificate_authority"] = pem_text(cluster.api_server_ca, Path.cwd())
        except OSError as error:
            raise pulumi.RunError(f"apiServerCa of {cluster.name} cannot be read: {error.strerror}") from None
    return trust


def _existing_settings(cluster: ClusterPlan) -> dict[str, Any]:
    own: dict[str, Any] = {"kubeconfig": pulumi.Output.secret(_kubeconfig(cluster))}
    return own if cluster.api_server is None else {**own, "api_server": cluster.api_server}


def _kubeconfig(cluster: ClusterPlan) -> str:
    try:
        return kubeconfig.load(cluster.kubeconfig or "", cluster.context)
    except kubeconfig.KubeconfigFileError as error:
        key = f"tether:clusters[{cluster.index}].kubeconfig"
        raise pulumi.RunError(
            f"{key} — {error} — cluster {cluster.name} is reached with it. "
            f"Set it with: pulumi config set --path --secret '{key}' -- \"$(cat KUBECONFIG)\""
        ) from None
