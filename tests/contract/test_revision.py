"""A mesh whose istiod has a revision: what is asked of the engine on its account, and nothing else."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.contract.conftest import RELEASE, of_settings
from tests.contract.recording import Recording, Registration
from tether import settings, topology

HOST = "istiod-1-31.mesh-system.svc"
ISTIO = "kubernetes:networking.istio.io/v1"
CLUSTERS = [
    {"name": "cluster1", "role": "primary", "network": "n1", "platform": "existing", "kubeconfig": "k1"},
    {"name": "cluster2", "role": "remote", "network": "n2", "platform": "existing", "kubeconfig": "k2",
     "apiServer": "https://10.0.0.2:6443", "v1Endpoints": True},
]  # fmt: skip


def made(**istio: Any) -> Recording:
    raw = {"clusters": CLUSTERS, "istio": istio, "ingressGateway": True}
    texts = {f"tether:{key}": json.dumps(value) for key, value in raw.items()}
    return of_settings({**texts, "tether:istioNamespace": "mesh-system"}, [])


def as_it_is(source: str, context: str | None) -> str:
    return source


@pytest.fixture(scope="module")
def kubeconfigs() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tether.kubeconfig.load", as_it_is)
        yield


@pytest.fixture(scope="module")
def revised(kubeconfigs: None) -> Recording:
    return made(revision="1-31")


@pytest.fixture(scope="module")
def plain(kubeconfigs: None) -> Recording:
    return made()


def values(recording: Recording, release: str) -> dict[str, Any]:
    return recording.one(RELEASE, release).inputs["values"]


def exposure(recording: Recording, kind: str, name: str) -> dict[str, Any]:
    return recording.one(f"{ISTIO}:{kind}", f"cluster1-{name}").inputs["spec"]


def test_istiod_and_every_gateway_are_of_the_revision_in_all_clusters(revised: Recording) -> None:
    for cluster in ("cluster1", "cluster2"):
        for release in (f"{cluster}-istiod", cluster, f"{cluster}-ingress"):
            assert values(revised, release)["revision"] == "1-31"


def test_the_primarys_istiod_validates_what_names_no_revision_and_nobody_does_in_a_remote(revised: Recording) -> None:
    assert values(revised, "cluster1-base")["defaultRevision"] == "1-31"
    assert values(revised, "cluster2-base")["defaultRevision"] == ""
    assert not any("revision" in values(revised, f"{cluster}-base") for cluster in ("cluster1", "cluster2"))


def test_istiod_is_exposed_by_the_revisions_own_name_alone(revised: Recording) -> None:
    opened = exposure(revised, "Gateway", "istiod-gateway")["servers"]
    assert [server["hosts"] for server in opened] == [[HOST], [HOST]]
    led = exposure(revised, "VirtualService", "istiod-vs")
    assert led["hosts"] == [HOST]
    assert [one["match"][0]["sniHosts"] for one in led["tls"]] == [[HOST], [HOST]]
    assert {one["route"][0]["destination"]["host"] for one in led["tls"]} == {f"{HOST}.cluster.local"}


def test_what_stands_behind_the_remotes_service_is_of_its_name(revised: Recording) -> None:
    slice_ = revised.one("kubernetes:discovery.k8s.io/v1:EndpointSlice", "cluster2-istiod").inputs["metadata"]
    assert slice_["name"] == "istiod-1-31-gateway"
    assert slice_["labels"]["kubernetes.io/service-name"] == "istiod-1-31"
    assert revised.one("kubernetes:core/v1:Endpoints", "cluster2-istiod").inputs["metadata"]["name"] == "istiod-1-31"


def test_gates_and_proof_ask_for_a_proxy_of_the_revision(revised: Recording) -> None:
    assert revised.one("tether:index:RemoteReady", "cluster2").inputs["revision"] == "1-31"
    assert revised.one("tether:index:Verification", "mesh").inputs["revision"] == "1-31"


def test_a_revision_neither_adds_resources_nor_changes_their_names_and_order(
    revised: Recording, plain: Recording
) -> None:
    def shape(one: Registration) -> tuple[Any, ...]:
        return one.parent, one.provider, one.dependencies, one.secret_outputs

    before, after = ({one.urn: shape(one) for one in recording.all()} for recording in (plain, revised))
    assert after == before


def test_without_a_revision_nothing_is_said_of_one(plain: Recording) -> None:
    said = [one.key for one in plain.all() if "evision" in json.dumps(one.inputs)]
    assert said == [f"{RELEASE} cluster2-base"], "whose default revision is empty, as it always was"
    assert exposure(plain, "VirtualService", "istiod-vs")["hosts"] == ["istiod.mesh-system.svc"]
    endpoints = plain.one("kubernetes:core/v1:Endpoints", "cluster2-istiod").inputs["metadata"]
    assert endpoints["name"] == "istiod"


def test_the_plan_and_the_exposure_mean_the_same_name() -> None:
    raw = {"tether:istio": '{"revision": "1-31"}', "tether:istioNamespace": "mesh-system"}
    assert topology.plan(settings.read(raw)).istiod_host == HOST
