"""A cluster whose proxies belong to an istiod elsewhere."""

import base64
from typing import NotRequired, TypedDict

import pulumi
import pulumi_kubernetes as kubernetes

from components.istio import IstioArgs, ca_bundle, istio_release
from components.istio_namespace import istio_namespace
from components.labels import metadata
from tether.helm_values import Chart
from tether.topology import READER_SERVICE_ACCOUNT, READER_TOKEN_SECRET

_TOKEN_MARKS = [f'metadata.labels["kubernetes.io/legacy-token-{mark}"]' for mark in ("last-used", "invalid-since")]
"""Kubernetes marks the day of a token's last use in labels, which are no change of ours. The engine can look past
single ones only where we have labels too ("cannot ignore changes in added or removed elements")."""


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
    istiod_address: pulumi.Input[str]
    """IP address of the primary's east-west gateway; a host name would make an ExternalName
    Service, which webhooks refuse (istio/istio#45014)."""
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


class Remote(pulumi.ComponentResource):
    """The remote's half of the chain: namespace, istiod Service, webhook, reader credential.

    Pass the cluster's Kubernetes provider by ``opts``.
    """

    reader_token: pulumi.Output[str]
    """Token of the reader service account; secret."""
    certificate_authority: pulumi.Output[str]
    """CA of the cluster's API server, PEM."""
    istiod: kubernetes.helm.v3.Release
    """Release with the Service, the webhook and the reader's rights."""

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
                    "remotePilotAddress": args["istiod_address"],
                },
            },
            depends_on=[base],
        )
        credential = kubernetes.core.v1.Secret(
            f"{name}-reader-token",
            type="kubernetes.io/service-account-token",
            metadata=metadata(
                {
                    "name": READER_TOKEN_SECRET,
                    "namespace": inside,
                    "annotations": {"kubernetes.io/service-account.name": READER_SERVICE_ACCOUNT},
                },
                labels,
            ),
            opts=pulumi.ResourceOptions(
                parent=self,
                depends_on=[base],
                additional_secret_outputs=["data"],
                ignore_changes=["data", *(_TOKEN_MARKS if labels else ["metadata.labels"])],
            ),
        )
        data = pulumi.Output.secret(credential.data)
        self.reader_token = data.apply(lambda entries: base64.b64decode(entries["token"]).decode())
        self.certificate_authority = data.apply(lambda entries: base64.b64decode(entries["ca.crt"]).decode())
        self.register_outputs({})
