"""The kubeconfig inside a remote secret."""

import base64

import yaml


def render(*, cluster_name: str, server: str, certificate_authority: str, token: str) -> str:
    """Write the kubeconfig with which istiod reads a remote cluster.

    Same fields and same order as ``istioctl create-remote-secret``
    (istio/istio istioctl/pkg/multicluster/remote_secret.go). Credentials are inline:
    istiod refuses exec, tokenFile and key files (istio/istio pkg/kube/util.go).

    Args:
        cluster_name: Istio cluster ID; names the cluster, the user and the context.
        server: URL of the API server as the primary's pods reach it.
        certificate_authority: PEM of the CA that signed the API server's certificate.
        token: bearer token of the reader service account.
    """
    bundle = base64.b64encode(certificate_authority.encode()).decode()
    document = {
        "apiVersion": "v1",
        "clusters": [
            {"cluster": {"certificate-authority-data": bundle, "server": server}, "name": cluster_name},
        ],
        "contexts": [{"context": {"cluster": cluster_name, "user": cluster_name}, "name": cluster_name}],
        "current-context": cluster_name,
        "kind": "Config",
        "preferences": {},
        "users": [{"name": cluster_name, "user": {"token": token}}],
    }
    return yaml.safe_dump(document, sort_keys=True, width=float("inf"))
