"""The cluster that runs istiod for the whole mesh."""

from typing import Any, TypedDict

import pulumi
import pulumi_kubernetes as kubernetes

from components.istio import IstioArgs, ca_bundle, proxy_values, release
from components.resources import IstiodReady
from tether.topology import CA_SECRET, CROSS_NETWORK_PORT, WEBHOOK_PORT, XDS_PORT


class PrimaryArgs(TypedDict):
    """What istiod is told about its mesh and its cluster."""

    cluster_name: pulumi.Input[str]
    """Istio cluster ID."""
    network: pulumi.Input[str]
    """Network that the cluster's pods are on."""
    mesh_id: pulumi.Input[str]
    """Mesh ID."""
    trust_domain: pulumi.Input[str]
    """Trust domain of every identity in the mesh."""
    istio_namespace: pulumi.Input[str]
    """Namespace of istiod; the remotes use the same name, since istiod's certificate holds it (istio/istio#32702)."""
    root_certificate: pulumi.Input[str]
    """Root certificate, PEM; byte for byte what ``cacerts`` holds."""
    cacerts: pulumi.Input[dict[str, str]]
    """Data of the Secret ``cacerts``; kept secret."""
    kubeconfig: pulumi.Input[str]
    """Kubeconfig for this machine, to see that istiod's webhooks answer; kept secret."""
    istio: IstioArgs
    """Charts and images."""


class Primary(pulumi.ComponentResource):
    """istiod as the external control plane of the remotes, exposed through the east-west gateway.

    Pass the cluster's Kubernetes provider by ``opts``.
    """

    namespace: kubernetes.core.v1.Namespace
    """istiod's namespace."""
    istiod: kubernetes.helm.v3.Release
    """istiod's Release: ready when istiod is."""
    exposure: list[pulumi.Resource]
    """The Istio objects that open istiod and the mesh's services on the gateway."""

    def __init__(self, name: str, args: PrimaryArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("tether:index:Primary", name, {}, opts)
        child = pulumi.ResourceOptions(parent=self)
        namespace_name = pulumi.Output.from_input(args["istio_namespace"])
        self.namespace = kubernetes.core.v1.Namespace(
            name,
            metadata={"name": namespace_name, "labels": {"topology.istio.io/network": args["network"]}},
            opts=child,
        )
        inside = self.namespace.metadata["name"]
        cacerts = kubernetes.core.v1.Secret(
            f"{name}-cacerts",
            metadata={"name": CA_SECRET, "namespace": inside},
            string_data=pulumi.Output.secret(args["cacerts"]),
            opts=child,
        )
        istio = args["istio"]
        bundle = ca_bundle(args["root_certificate"])
        base = release(
            self,
            f"{name}-base",
            chart=istio["base_chart"],
            release_name="istio-base",
            namespace=inside,
            timeout_seconds=istio["timeout_seconds"],
            values={"base": {"validationCABundle": bundle}, "global": {"istioNamespace": namespace_name}},
        )
        self.istiod = release(
            self,
            f"{name}-istiod",
            chart=istio["istiod_chart"],
            release_name="istiod",
            namespace=inside,
            timeout_seconds=istio["timeout_seconds"],
            values=_istiod_values(args, bundle),
            # Side by side with the base chart, istiod lists kinds that are only half there, and then backs off
            # for up to twenty seconds in which gateways get no configuration.
            depends_on=[base, cacerts],
        )
        answers = IstiodReady(
            name,
            {
                "kubeconfig": args["kubeconfig"],
                "istioNamespace": namespace_name,
                "timeoutSeconds": istio["timeout_seconds"],
            },
            pulumi.ResourceOptions(parent=self, depends_on=[self.istiod]),
        )
        self.exposure = self._expose(name, namespace_name, [answers])
        self.register_outputs({})

    def _expose(
        self, name: str, namespace: pulumi.Output[str], depends_on: list[pulumi.Resource]
    ) -> list[pulumi.Resource]:
        """Open istiod to the remotes, by the names in its certificate only, and services to other networks."""
        names = namespace.apply(lambda ns: [f"istiod.{ns}.svc"])
        istiod = namespace.apply(lambda ns: f"istiod.{ns}.svc.cluster.local")
        ports = {XDS_PORT: XDS_PORT, WEBHOOK_PORT: 443}

        def istio_object(kind: str, object_name: str, spec: dict[str, Any]) -> pulumi.Resource:
            return kubernetes.apiextensions.CustomResource(
                f"{name}-{object_name}",
                api_version="networking.istio.io/v1",
                kind=kind,
                metadata={"name": object_name, "namespace": namespace},
                spec=spec,
                opts=pulumi.ResourceOptions(parent=self, depends_on=depends_on),
            )

        def server(port: int, tls_mode: str, port_name: str, hosts: pulumi.Input[list[str]]) -> dict[str, Any]:
            return {
                "port": {"number": port, "name": port_name, "protocol": "TLS"},
                "tls": {"mode": tls_mode},
                "hosts": hosts,
            }

        selector = {"istio": "eastwestgateway"}
        return [
            istio_object(
                "Gateway",
                "istiod-gateway",
                {
                    "selector": selector,
                    "servers": [
                        server(XDS_PORT, "PASSTHROUGH", "tls-istiod", names),
                        server(WEBHOOK_PORT, "PASSTHROUGH", "tls-istiodwebhook", names),
                    ],
                },
            ),
            istio_object(
                "VirtualService",
                "istiod-vs",
                {
                    "hosts": names,
                    "gateways": ["istiod-gateway"],
                    "tls": [
                        {
                            "match": [{"port": port, "sniHosts": names}],
                            "route": [{"destination": {"host": istiod, "port": {"number": target}}}],
                        }
                        for port, target in ports.items()
                    ],
                },
            ),
            istio_object(
                "Gateway",
                "cross-network-gateway",
                {
                    "selector": selector,
                    "servers": [server(CROSS_NETWORK_PORT, "AUTO_PASSTHROUGH", "tls", ["*.local"])],
                },
            ),
        ]


def _istiod_values(args: PrimaryArgs, bundle: pulumi.Output[str]) -> dict[str, Any]:
    """Helm values of the primary's istiod.

    ``externalIstiod`` makes istiod lead in the remotes (istio/istio multicluster.go); both
    bundles are preset so that istiod, which compares bytes, has nothing to patch.
    """
    values = proxy_values(args["istio"])
    return {
        **values,
        "autoscaleEnabled": False,
        "base": {"validationCABundle": bundle},
        "istiodRemote": {"injectionCABundle": bundle},
        "meshConfig": {"trustDomain": args["trust_domain"]},
        "global": {
            **values["global"],
            "istioNamespace": args["istio_namespace"],
            "meshID": args["mesh_id"],
            "network": args["network"],
            "externalIstiod": True,
            "multiCluster": {"clusterName": args["cluster_name"]},
        },
    }
