"""What cannot be read becomes a gap with its reason; the rest is shown."""

import base64
import json

from tests.unit.kube.fake_api import FakeApi, pod
from tether import kube
from tether.doctor.view import MeshView
from tether.mesh import Blueprint, Cluster, Member, Mesh
from tether.report.observation import Gaps, observe
from tether.topology import Role

SYSTEM = "/api/v1/namespaces/istio-system"
TOKEN = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4eXoifQ.c2lnbmF0dXJl"
KUBECONFIG = json.dumps({
    "current-context": "a", "contexts": [{"name": "a", "context": {"cluster": "a", "user": "a"}}],
    "clusters": [{"name": "a", "cluster": {"server": "https://two:6443"}}],
    "users": [{"name": "a", "user": {"token": TOKEN}}],
})  # fmt: skip


def service(network: str, address: str) -> kube.Object:
    return {
        "metadata": {"name": "gateway", "namespace": "istio-system", "labels": {"topology.istio.io/network": network}},
        "spec": {"type": "LoadBalancer", "ports": [{"port": 15443}, {"port": 15012}, {"port": 15017}]},
        "status": {"loadBalancer": {"ingress": [{"ip": address}]}},
    }


def primary() -> FakeApi:
    api = FakeApi()
    secret = {"metadata": {"name": "istio-remote-secret-two", "namespace": "istio-system",
                           "labels": {"istio/multiCluster": "true"}},
              "data": {"two": base64.b64encode(KUBECONFIG.encode()).decode()}}  # fmt: skip
    istiod = pod("istiod-1")
    istiod["metadata"]["labels"] = {"istio.io/rev": "default"}
    api.objects = {
        "/version": {"gitVersion": "v1.34.4"}, "/api/v1/secrets": {"items": [secret]},
        "/api/v1/services": {"items": [service("net1", "10.0.0.1")]}, f"{SYSTEM}/pods": {"items": [istiod]},
        "/api/v1/namespaces/istio-system": {"metadata": {"labels": {"topology.istio.io/network": "net1"}}},
        f"{SYSTEM}/configmaps/istio": {"data": {"mesh": "trustDomain: example.com\n"}},
        f"{SYSTEM}/configmaps/istio-sidecar-injector": {"data": {"values": '{"global": {"meshID": "m"}}'}},
    }  # fmt: skip
    answers = {"/debug/clusterz": '[{"id": "two", "syncStatus": "synced"}]', "/version": "1.31.1-0123abc-Clean"}
    api.on_ask = lambda pod, port, path: answers[path]
    return api


def remote() -> FakeApi:
    api = FakeApi()
    slices = {"items": [{"metadata": {"name": "istiod"}, "endpoints": [{"addresses": ["10.0.0.1"]}]}]}
    api.objects = {
        "/version": {"gitVersion": "v1.33.1"}, "/api/v1/services": {"items": [service("net2", "10.0.0.2")]},
        "/apis/discovery.k8s.io/v1/namespaces/istio-system/endpointslices": slices,
        "/api/v1/namespaces/istio-system": {"metadata": {"labels": {"topology.istio.io/network": "net2"}}},
    }  # fmt: skip
    return api


class Silent(FakeApi):
    """An API server that does not answer."""

    def get(self, path: str, query: object = None) -> kube.Object:
        raise kube.KubeError(f"https://two:6443 does not answer: Bearer {TOKEN}")


def view(one: FakeApi, two: FakeApi) -> MeshView:
    members = (
        Member(name="one", role=Role.PRIMARY, kubeconfig=KUBECONFIG, cluster_id="one"),
        Member(name="two", role=Role.REMOTE, kubeconfig=KUBECONFIG, cluster_id="two"),
    )
    clusters = tuple(Cluster(member=member, api=api) for member, api in zip(members, (one, two), strict=True))
    return MeshView(Mesh(blueprint=Blueprint(members=members), clusters=clusters))


def test_a_healthy_mesh_is_read_from_its_objects():
    picture = observe(view(primary(), remote()))
    assert (picture.mesh_id, picture.trust_domain, picture.istiod.version) == ("m", "example.com", "1.31.1")
    assert (picture.istiod.pods, picture.istiod.ready) == (1, 1)
    one, two = picture.clusters
    assert (one.network, one.gateway_addresses, one.kubernetes) == ("net1", ("10.0.0.1",), "v1.34.4")
    assert (two.network, two.gateway_addresses, two.istiod_addresses) == ("net2", ("10.0.0.2",), ("10.0.0.1",))
    assert two.secret is not None
    assert (two.secret.server, two.secret.state) == ("https://two:6443", "synced")
    assert picture.finds_istiod(two)


def test_a_remote_that_does_not_answer_is_a_gap_and_the_primary_is_still_shown():
    picture = observe(view(primary(), Silent()))
    one, two = picture.clusters
    assert one.gateway_addresses == ("10.0.0.1",)
    assert one.gaps == ()
    assert (two.kubernetes, two.gateways, two.api_server) == ("", (), "https://two:6443")
    assert len(two.gaps) == 1
    assert "does not answer" in two.gaps[0]
    assert TOKEN not in two.gaps[0]


def test_a_primary_that_does_not_answer_leaves_the_remote_to_be_shown():
    picture = observe(view(Silent(), remote()))
    assert (picture.istiod.pods, picture.istiod.version, picture.mesh_id) == (0, "", "")
    assert picture.remotes[0].gateway_addresses == ("10.0.0.2",)
    assert picture.primary.gaps


def test_the_same_reason_is_said_once():
    gaps = Gaps()

    def fail() -> str:
        raise kube.KubeError("no way")

    assert [gaps.read("one", fail, "-"), gaps.read("two", fail, "-")] == ["-", "-"]
    assert gaps.said == ["one: no way"]
