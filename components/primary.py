"""The cluster that runs istiod for the whole mesh."""

from typing import Any, NotRequired, TypedDict

import pulumi

from components.certificate_authority import CertificateAuthority
from components.cluster_provider import IN_PLACE
from components.istio import (
    IstioArgs,
    ca_bundle,
    istio_release,
    proxy_families,
    proxy_values,
    revision,
    service_families,
)
from components.istio_namespace import istio_namespace
from components.kubernetes_object import KubernetesObject, Secret
from components.labels import metadata
from components.resources import IstiodReady
from tether import helm_values
from tether.helm_values import Chart
from tether.revision import Revision
from tether.topology import CA_SECRET, CROSS_NETWORK_PORT, WEBHOOK_PORT, XDS_PORT


class SigningAuthorityArgs(TypedDict):
    """What istiod signs with, as a CertificateAuthority has it."""

    root_certificate: pulumi.Input[str]
    """The root certificate, PEM."""
    cacerts: pulumi.Input[dict[str, str]]
    """The data of istiod's Secret ``cacerts``; kept secret."""


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
    authority: NotRequired[SigningAuthorityArgs]
    """What istiod signs with; left out, Secret ``cacerts`` is somebody else's, and is awaited."""
    kubeconfig: pulumi.Input[str]
    """Kubeconfig for this machine, to see that istiod's webhooks answer; kept secret."""
    istio: IstioArgs
    """Charts and images."""
    namespace_may_exist: NotRequired[bool]
    """Whether the namespace may be somebody else's: it is patched then, and given back as it was."""
    mesh_networks: NotRequired[dict[str, pulumi.Input[dict[str, Any]]]]
    """By network: the gateway into it that istiod cannot find by itself, as Istio's ``meshNetworks`` have it."""
    tls_minimum: NotRequired[str]
    """Oldest TLS that istiod and sidecars take, ``1.2`` or ``1.3``; Istio's own default when left out."""
    requests: NotRequired[dict[str, str]]
    """``cpu`` and ``memory`` that istiod asks of a node; the chart's half a core and 2 GiB when left out."""


class Primary(pulumi.ComponentResource):
    """istiod as the external control plane of the remotes, exposed through the east-west gateway.

    Pass the cluster's Kubernetes provider by ``opts``.
    """

    root_certificate: pulumi.Output[str]
    """The root certificate of what istiod signs with, PEM."""

    def __init__(self, name: str, args: PrimaryArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("tether:index:Primary", name, {}, opts)
        istio = args["istio"]
        labels = istio.get("labels")
        namespace_name = pulumi.Output.from_input(args["istio_namespace"])
        self.namespace, inside = istio_namespace(
            self,
            name,
            {
                "namespace": namespace_name,
                "network": args["network"],
                "labels": labels or {},
                "kubeconfig": args["kubeconfig"],
                "may_exist": args.get("namespace_may_exist", False),
            },
        )
        """istiod's namespace."""
        self.authority: CertificateAuthority | None = None
        """The authority that somebody else keeps, where it was awaited."""
        root_certificate, signing = self._authority(name, args, inside)
        self.root_certificate = pulumi.Output.from_input(root_certificate)
        bundle = ca_bundle(root_certificate)
        base = istio_release(
            self,
            f"{name}-base",
            istio,
            Chart.BASE,
            release_name="istio-base",
            namespace=inside,
            values={
                "base": {"validationCABundle": bundle},
                "global": {"istioNamespace": namespace_name},
                # Whose istiod validates what names no revision.
                **({"defaultRevision": istio["revision"]} if "revision" in istio else {}),
            },
        )
        self.istiod = istio_release(
            self,
            f"{name}-istiod",
            istio,
            Chart.ISTIOD,
            release_name="istiod",
            namespace=inside,
            values=_istiod_values(args, bundle),
            # Side by side with the base chart, istiod lists kinds that are only half there, and then backs off
            # for up to twenty seconds in which gateways get no configuration.
            depends_on=[base, signing],
        )
        """istiod's Release: there when its objects are."""
        answers = IstiodReady(
            name,
            {
                "kubeconfig": args["kubeconfig"],
                "istioNamespace": namespace_name,
                **({"revision": istio["revision"]} if "revision" in istio else {}),
                "timeoutSeconds": istio["timeout_seconds"],
                # After every change of it another istiod validates.
                "triggers": {"release": self.istiod.revision},
            },
            pulumi.ResourceOptions(parent=self, depends_on=[self.istiod]),
        )
        self.exposure = self._expose(name, namespace_name, revision(istio), labels, [answers])
        """The Istio objects that open istiod and the mesh's services on the gateway."""
        self.register_outputs({})

    def _authority(
        self, name: str, args: PrimaryArgs, namespace: pulumi.Output[str]
    ) -> tuple[pulumi.Input[str], pulumi.Resource]:
        """Give istiod its authority, or wait until somebody else has.

        Returns:
            The root certificate, and what istiod waits for.
        """
        child = pulumi.ResourceOptions(parent=self)
        if "authority" in args:
            about = {"name": CA_SECRET, "namespace": namespace, "annotations": IN_PLACE}
            cacerts = Secret(
                f"{name}-cacerts",
                {
                    "metadata": metadata(about, args["istio"].get("labels")),
                    "stringData": args["authority"]["cacerts"],
                },
                child,
            )
            return args["authority"]["root_certificate"], cacerts
        self.authority = CertificateAuthority(
            name,
            {
                "source": "existing",
                "istio_namespace": namespace,
                "kubeconfig": args["kubeconfig"],
                "timeout_seconds": args["istio"]["timeout_seconds"],
            },
            child,
        )
        return self.authority.root_certificate, self.authority

    def _expose(
        self,
        name: str,
        namespace: pulumi.Output[str],
        revision: Revision,
        labels: dict[str, str] | None,
        depends_on: list[pulumi.Resource],
    ) -> list[pulumi.Resource]:
        """Open istiod to the remotes, by the names in its certificate only, and services to other networks."""
        names = namespace.apply(lambda ns: [revision.host(ns)])
        istiod = namespace.apply(lambda ns: f"{revision.host(ns)}.cluster.local")
        ports = {XDS_PORT: XDS_PORT, WEBHOOK_PORT: 443}

        def istio_object(kind: str, object_name: str, spec: dict[str, Any]) -> pulumi.Resource:
            about = metadata({"name": object_name, "namespace": namespace}, labels)
            return KubernetesObject(
                f"{name}-{object_name}",
                {"apiVersion": "networking.istio.io/v1", "kind": kind, "metadata": about, "spec": spec},
                pulumi.ResourceOptions(parent=self, depends_on=depends_on),
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
    tls = _tls_values(args["tls_minimum"]) if "tls_minimum" in args else {}
    own = {
        **values,
        **tls,
        **service_families(args["istio"]),
        "autoscaleEnabled": False,
        **({"resources": {"requests": args["requests"]}} if "requests" in args else {}),
        "base": {"validationCABundle": bundle},
        "istiodRemote": {"injectionCABundle": bundle},
        "meshConfig": {"trustDomain": args["trust_domain"], **tls.get("meshConfig", {})},
        "global": {
            **values["global"],
            "istioNamespace": args["istio_namespace"],
            "meshID": args["mesh_id"],
            "network": args["network"],
            "externalIstiod": True,
            "multiCluster": {"clusterName": args["cluster_name"]},
            **({"meshNetworks": args["mesh_networks"]} if "mesh_networks" in args else {}),
        },
    }
    return helm_values.merged(own, proxy_families(args["istio"]))


def _tls_values(minimum: str) -> dict[str, Any]:
    """Helm values of istiod: what it serves itself, and what it tells sidecars."""
    return {
        "extraContainerArgs": [f"--tls-min-version={minimum}"],
        "meshConfig": {"meshMTLS": {"minProtocolVersion": f"TLSV{minimum.replace('.', '_')}"}},
    }
