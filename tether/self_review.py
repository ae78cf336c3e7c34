"""Who an API server takes the caller for (SelfSubjectReview); whoever has a credential may ask (Kubernetes 1.28)."""

from tether import kube


def username(api: kube.Api) -> str:
    """Name of the caller.

    Raises:
        tether.kube.KubeError: with status 401 where the credential is not taken.
    """
    body: kube.Object = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
    found = api.create("/apis/authentication.k8s.io/v1/selfsubjectreviews", body)
    return str(found["status"]["userInfo"]["username"])
