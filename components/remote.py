"""A cluster whose proxies belong to an istiod elsewhere."""

from typing import Any, NotRequired, TypedDict

import pulumi

from components.istio import IstioArgs, ca_bundle, istio_release, remote_service_families, revision
from components.istio_namespace import istio_namespace
from components.istiod_endpoints import IstiodEndpointsArgs, IstiodPortsArgs, istiod_endpoints
from components.reader_credential import ReaderCredentialArgs, reader_credential
from components.reader_role import reader_role
from tether.helm_values import Chart


class RemoteArgs(TypedDict):
    """What the remote is told about its istiod."""

    cluster_name: pulumi.Input[str]
    """Istio cluster ID."""
    network: pulumi.Input[str]
    """Network that the cluster's pods are on."""
    mesh_id: pulumi.Input[str]
    """Mesh ID."""
    trust_domain: pulumi.Input[str]
    """Trust domain of every identity in the mesh."""
    primary_cluster_name: pulumi.Input[str]
    """Cluster ID of the primary, which is allowed to lead here."""
    istio_namespace: pulumi.Input[str]
    """Namespace of istiod, of the same name as in the primary."""
    istiod_addresses: pulumi.Input[list[str]]
    """IP addresses of the primary's east-west gateway, of one family, one at least; a host name would make an
    ExternalName Service, which webhooks refuse (istio/istio#45014)."""
    several_addresses: NotRequired[bool]
    """Whether there may be more than one; false where a single one was asked for."""
    v1_endpoints: NotRequired[bool]
    """Whether the API server finds the Services of webhooks through v1 Endpoints, as on GKE and AKS."""
    istiod_ports: NotRequired[IstiodPortsArgs]
    """Where the addresses are those of nodes; 15012 and 15017 when left out."""
    injection_path: pulumi.Input[str]
    """Path of the webhook, which carries cluster ID and network to every injected proxy."""
    root_certificate: pulumi.Input[str]
    """Root certificate, PEM; byte for byte what the primary's ``cacerts`` holds."""
    kubeconfig: pulumi.Input[str]
    """Kubeconfig for this machine; kept secret."""
    istio: IstioArgs
    """Charts."""
    namespace_may_exist: NotRequired[bool]
    """Whether the namespace may be somebody else's: it is patched then, and given back as it was."""
    bound_token_hours: NotRequired[pulumi.Input[int]]
    """Lifetime of a token that Tether renews; left out, the reader's token has no end."""


class Remote(pulumi.ComponentResource):
    """The remote's half of the chain: namespace, istiod Service, webhook, reader credential.

    Pass the cluster's Kubernetes provider by ``opts``.
    """

    reader_token: pulumi.Output[str]
    """Token with which istiod reads the cluster; secret."""
    certificate_authority: pulumi.Output[str]
    """CA of the cluster's API server, PEM."""

    def __init__(self, name: str, args: RemoteArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("tether:index:Remote", name, {}, opts)
        istio = args["istio"]
        labels = istio.get("labels")
        bundle = ca_bundle(args["root_certificate"])
        self.namespace, inside = istio_namespace(
            self,
            name,
            {
                "namespace": args["istio_namespace"],
                "network": args["network"],
                "led_by": args["primary_cluster_name"],
                "labels": labels or {},
                "kubeconfig": args["kubeconfig"],
                "may_exist": args.get("namespace_may_exist", False),
            },
        )
        base = istio_release(
            self,
            f"{name}-base",
            istio,
            Chart.BASE,
            release_name="istio-base",
            namespace=inside,
            # Without a default revision the chart leaves out a validating webhook that
            # nobody in a remote would ever give a CA bundle.
            values={"profile": "remote", "defaultRevision": "", "global": {"istioNamespace": args["istio_namespace"]}},
        )
        role = reader_role(self, f"{name}-reader", {"namespace": inside, "labels": labels or {}})
        ways: IstiodEndpointsArgs = {
            "namespace": inside,
            "service": revision(istio).istiod,
            "addresses": args["istiod_addresses"],
            "several": args.get("several_addresses", False),
            "v1_endpoints": args.get("v1_endpoints", False),
            "service_families": remote_service_families(istio),
            "labels": labels or {},
        }
        if "istiod_ports" in args:
            ways["ports"] = args["istiod_ports"]
        self.istiod = istio_release(
            self,
            f"{name}-istiod",
            istio,
            Chart.ISTIOD,
            release_name="istiod",
            namespace=inside,
            values={
                "profile": "remote",
                # istiod reads each remote's mesh configuration; without one it takes the default
                # trust domain for that cluster (istio/istio pkg/config/mesh/watchers.go, since 1.29).
                "configMap": True,
                "meshConfig": {"trustDomain": args["trust_domain"]},
                "istiodRemote": {"injectionPath": args["injection_path"], "injectionCABundle": bundle},
                "global": {
                    "istioNamespace": args["istio_namespace"],
                    "meshID": args["mesh_id"],
                    "network": args["network"],
                    "multiCluster": {"clusterName": args["cluster_name"]},
                    # The reader's role is Tether's own: the chart's allows more than istiod needs.
                    "enableReaderRBAC": False,
                    **_pilot_address(args),
                },
            },
            # Whoever calls the webhook goes by them: they are there before it, and still when it leaves.
            depends_on=[base, role, *istiod_endpoints(self, name, ways)],
        )
        """Release with the Service and the webhook, after the reader's rights."""
        reader: ReaderCredentialArgs = {
            "namespace": inside,
            "kubeconfig": args["kubeconfig"],
            "labels": labels or {},
        }
        if "bound_token_hours" in args:
            reader["bound_token_hours"] = args["bound_token_hours"]
        self.credential = reader_credential(self, f"{name}-reader-token", reader, [base])
        """With what istiod reads the cluster."""
        self.reader_token = self.credential.token
        self.certificate_authority = self.credential.certificate_authority
        self.register_outputs({})


def _pilot_address(args: RemoteArgs) -> dict[str, Any]:
    """The values for which the chart makes Service and EndpointSlice; without them, it makes neither."""
    if "istiod_ports" in args:
        return {}
    return {
        "remotePilotAddress": pulumi.Output.from_input(args["istiod_addresses"]).apply(_first),
        **remote_service_families(args["istio"]),
    }


def _first(found: list[str]) -> str:
    """The address for the chart, whose value holds one."""
    return found[0]
