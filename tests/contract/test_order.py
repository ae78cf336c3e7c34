"""The order of reference: what must wait for what, and what must not."""

import pytest

from tests.contract.recording import Recording

RELEASE = "kubernetes:helm.sh/v3:Release"
SECRET = "kubernetes:core/v1:Secret"
CUSTOM = "kubernetes:networking.istio.io/v1:"


@pytest.mark.parametrize(
    ("later", "earlier", "because"),
    [
        ((RELEASE, "cluster1-istiod"), (SECRET, "cluster1-cacerts"), "istiod makes a CA of its own without cacerts"),
        ((RELEASE, "cluster1-istiod"), (RELEASE, "cluster1-base"), "Istio's kinds come with chart base"),
        ((RELEASE, "cluster1"), (RELEASE, "cluster1-istiod"), "the gateway's pod is injected by istiod"),
        (
            (RELEASE, "cluster1"),
            (f"{CUSTOM}Gateway", "cluster1-istiod-gateway"),
            "whoever reaches the gateway first, finds istiod behind it",
        ),
        (
            (f"{CUSTOM}Gateway", "cluster1-istiod-gateway"),
            ("tether:index:IstiodReady", "cluster1"),
            "istiod's webhook validates Istio's objects, and a ready pod is not yet reached",
        ),
        (
            (SECRET, "cluster2"),
            ("kubernetes:core/v1:Namespace", "cluster2"),
            "istiod reads the annotation once, when the remote secret appears",
        ),
        ((SECRET, "cluster2"), (RELEASE, "cluster2-istiod"), "the reader's rights come with the remote's chart"),
        (
            ("tether:index:RemoteReady", "cluster2"),
            (SECRET, "cluster2"),
            "the remote is served only after its secret is there",
        ),
        (
            ("tether:index:RemoteReady", "cluster2"),
            ("tether:index:GatewayReady", "cluster1"),
            "the remote reaches istiod through the primary's gateway",
        ),
        (
            ("tether:index:RemoteReady", "cluster2"),
            (f"{CUSTOM}VirtualService", "cluster1-istiod-vs"),
            "istiod is not exposed before",
        ),
        ((RELEASE, "cluster2"), ("tether:index:RemoteReady", "cluster2"), "the webhook must answer in the remote"),
        (("tether:index:Verification", "mesh"), ("tether:index:RemoteReady", "cluster2"), "its pods are injected"),
        (("tether:index:Verification", "mesh"), (RELEASE, "cluster2"), "traffic crosses what was changed last"),
    ],
)
def test_this_waits_for_that(
    two_clusters: Recording, later: tuple[str, str], earlier: tuple[str, str], because: str
) -> None:
    assert two_clusters.reaches(two_clusters.one(*later), two_clusters.one(*earlier)), because


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("tether:index:Cluster", "cluster2"), ("tether:index:Cluster", "cluster1")),
        ((RELEASE, "cluster2-istiod"), (RELEASE, "cluster1-istiod")),
        ((RELEASE, "cluster2-istiod"), (RELEASE, "cluster1")),
        ((RELEASE, "cluster1-istiod"), ("tether:index:Cluster", "cluster2")),
        ((RELEASE, "cluster1"), (RELEASE, "cluster1-load-balancer")),
        (("tether:index:Verification", "mesh"), ("tether:index:GatewayReady", "cluster2")),
    ],
)
def test_this_does_not_wait_for_that(two_clusters: Recording, one: tuple[str, str], other: tuple[str, str]) -> None:
    assert not two_clusters.reaches(two_clusters.one(*one), two_clusters.one(*other))


def test_a_remote_never_waits_for_another(four_clusters: Recording) -> None:
    remotes = ("cluster2", "cluster3", "cluster4")
    for waiting in remotes:
        for other in set(remotes) - {waiting}:
            gateway = four_clusters.one(RELEASE, waiting)
            assert not four_clusters.reaches(gateway, four_clusters.one("tether:index:Cluster", other))


@pytest.mark.parametrize("cluster", ["cluster1", "cluster2"])
def test_the_ingress_gateway_waits_for_the_address_of_the_east_west_gateway(
    ingress_gateways: Recording, cluster: str
) -> None:
    """The first to ask gets the first address of the pool, where the remotes look for istiod."""
    ingress = ingress_gateways.one(RELEASE, f"{cluster}-ingress")
    assert ingress_gateways.reaches(ingress, ingress_gateways.one("tether:index:GatewayReady", cluster))


def test_the_proof_waits_itself_for_the_gateways_that_it_starts_beside(two_clusters: Recording) -> None:
    proof, gate = (two_clusters.one(f"tether:index:{noun}", name) for noun, name in (
        ("Verification", "mesh"), ("GatewayReady", "cluster2"),
    ))  # fmt: skip

    assert proof.inputs["istioNamespace"] == gate.inputs["namespace"]
    assert proof.inputs["gatewayTimeoutSeconds"] == gate.inputs["timeoutSeconds"]


def test_the_proof_waits_for_ingress_gateways_too(ingress_gateways: Recording) -> None:
    proof = ingress_gateways.one("tether:index:Verification", "mesh")
    assert ingress_gateways.reaches(proof, ingress_gateways.one("tether:index:GatewayReady", "cluster2-ingress"))


def test_istio_s_objects_wait_anew_for_istiod_whenever_its_release_was_changed(two_clusters: Recording) -> None:
    gate = two_clusters.one("tether:index:IstiodReady", "cluster1")
    assert gate.inputs["triggers"] == {"release": "3"}
