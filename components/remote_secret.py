"""The secret that lets the primary's istiod read a remote cluster."""

import base64
from typing import NotRequired, TypedDict

import pulumi

from components.cluster_provider import IN_PLACE
from components.kubernetes_object import Secret
from components.labels import metadata
from tether import kubeconfig as kubeconfigs
from tether.topology import OWN_AUTHORITY


class ApiServerTrustArgs(TypedDict):
    """What istiod goes by to know a remote's API server, where that shows another certificate than its own."""

    server_name: NotRequired[str]
    """Name in the certificate; that of the URL when left out."""
    certificate_authority: NotRequired[str]
    """CA of the certificate, PEM; the cluster's own when left out."""


class RemoteSecretArgs(TypedDict):
    """Which remote, and the credential for it."""

    cluster_name: pulumi.Input[str]
    """Istio cluster ID of the remote; becomes the Secret's data key, which is what istiod goes by."""
    secret_name: pulumi.Input[str]
    """Name of the Secret; istiod does not care, ``istioctl`` writes ``istio-remote-secret-<cluster>``."""
    api_server: pulumi.Input[str]
    """URL of the remote's API server as pods of the primary reach it."""
    certificate_authority: pulumi.Input[str]
    """The remote API server's CA certificate, PEM."""
    token: pulumi.Input[str]
    """Token of the reader service account in the remote; kept secret."""
    trust: NotRequired[ApiServerTrustArgs]
    """Where the API server shows another certificate at that URL, as behind a proxy."""
    istio_namespace: NotRequired[pulumi.Input[str]]
    """Namespace of the primary's istiod, the only one that it watches for these secrets."""
    labels: NotRequired[dict[str, str]]
    """Labels on everything that is made in Kubernetes."""


class RemoteSecret(pulumi.ComponentResource):
    """A remote secret, of the shape that ``istioctl create-remote-secret`` writes.

    Lives in the primary; pass the primary's Kubernetes provider by ``opts``. The remote's
    namespace must carry its annotation before this exists: istiod reads it only once, when
    the cluster is added (istio/istio multicluster.go, ``checkShouldLead``).
    """

    secret_name: pulumi.Output[str]
    """Name of the Secret."""

    def __init__(self, name: str, args: RemoteSecretArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("tether:index:RemoteSecret", name, {}, opts)
        cluster_name, trust = pulumi.Output.from_input(args["cluster_name"]), args.get("trust", {})
        kubeconfig = pulumi.Output.secret(
            pulumi.Output.all(
                cluster_name=cluster_name,
                server=args["api_server"],
                certificate_authority=trust.get("certificate_authority", args["certificate_authority"]),
                token=args["token"],
                server_name=trust.get("server_name", ""),
            ).apply(lambda parts: kubeconfigs.for_istiod(**parts))
        )
        own = {
            "name": args["secret_name"],
            "namespace": args.get("istio_namespace", "istio-system"),
            "labels": {"istio/multiCluster": "true"},
            "annotations": {
                "networking.istio.io/cluster": cluster_name,
                # Else ``tether doctor`` would take it for the CA of another cluster.
                **({OWN_AUTHORITY: "stated"} if "certificate_authority" in trust else {}),
                **IN_PLACE,
            },
        }
        data = pulumi.Output.all(cluster_name, kubeconfig).apply(
            lambda entry: {entry[0]: base64.b64encode(entry[1].encode()).decode()}
        )
        secret = Secret(
            name, {"metadata": metadata(own, args.get("labels")), "data": data}, pulumi.ResourceOptions(parent=self)
        )
        self.secret_name = secret.metadata["name"]
        self.register_outputs({"secretName": self.secret_name})
