import pytest

from tests.unit.removal.fake_remote import NAMESPACE, FakeRemote, put_pod
from tether.removal.plan import GATEWAYS
from tether.removal.workloads import Workload, injected

HASH = {"pod-template-hash": "7d4b9"}


def found(cluster: FakeRemote) -> list[Workload]:
    return injected(cluster, NAMESPACE, GATEWAYS)


@pytest.mark.parametrize("by", ["annotation", "container", "init"])
def test_a_proxy_is_seen_however_it_came_into_the_pod(by: str) -> None:
    cluster = FakeRemote()
    put_pod(cluster, "shop", "cron", by=by)
    put_pod(cluster, "shop", "plain", by="none")
    assert list(map(str, found(cluster))) == ["Pod shop/cron, 1 pod"]


def test_pods_are_told_by_what_makes_them_a_replica_set_as_its_deployment() -> None:
    cluster = FakeRemote()
    for name in ("web-7d4b9-a", "web-7d4b9-b"):
        put_pod(cluster, "shop", name, owner=("ReplicaSet", "web-7d4b9"), labels=HASH)
    put_pod(cluster, "shop", "own-x", owner=("ReplicaSet", "own"))
    put_pod(cluster, "bank", "ledger-0", owner=("StatefulSet", "ledger"))
    assert list(map(str, found(cluster))) == [
        "StatefulSet bank/ledger, 1 pod", "Deployment shop/web, 2 pods", "ReplicaSet shop/own, 1 pod",
    ]  # fmt: skip


def test_the_mesh_s_own_gateways_are_no_workloads_but_a_user_s_pod_beside_them_is() -> None:
    cluster = FakeRemote()
    owner = ("ReplicaSet", "istio-eastwestgateway-7d4b9")
    put_pod(cluster, NAMESPACE, "istio-eastwestgateway-7d4b9-a", owner=owner, labels=HASH)
    put_pod(cluster, "edge", "istio-eastwestgateway-7d4b9-a", owner=owner, labels=HASH)
    put_pod(cluster, NAMESPACE, "mine")
    assert [(one.namespace, one.name) for one in found(cluster)] == [
        ("edge", "istio-eastwestgateway"), (NAMESPACE, "mine"),
    ]  # fmt: skip


@pytest.mark.parametrize("phase", ["Succeeded", "Failed"])
def test_pods_that_have_ended_lose_nothing(phase: str) -> None:
    cluster = FakeRemote()
    put_pod(cluster, "shop", "job", owner=("Job", "j"), phase=phase)
    assert found(cluster) == []


def test_a_deployment_leaves_the_mesh_by_the_namespace_s_label_and_new_pods() -> None:
    workload = Workload(namespace="shop", kind="Deployment", name="web", pods=("a",))
    assert workload.way_out("kubectl --context west") == (
        "kubectl --context west label namespace shop istio-injection- istio.io/rev-",
        "kubectl --context west -n shop rollout restart deployment/web",
    )


@pytest.mark.parametrize("asks", [{"sidecar.istio.io/inject": "true"}, {"istio.io/rev": "blue"}])
def test_pods_that_ask_for_injection_themselves_get_another_template(asks: dict[str, str]) -> None:
    cluster = FakeRemote()
    put_pod(cluster, "shop", "web-7d4b9-a", owner=("ReplicaSet", "web-7d4b9"), labels={**HASH, **asks})
    _, command = found(cluster)[0].way_out("kubectl")
    assert command.startswith("kubectl -n shop patch deployment/web --type merge -p '{")
    assert '"sidecar.istio.io/inject": "false"' in command


def test_what_has_no_rollout_is_deleted_pod_by_pod() -> None:
    workload = Workload(namespace="shop", kind="Job", name="once", pods=("once-a", "once-b"))
    assert workload.way_out("kubectl")[1] == "kubectl -n shop delete pod once-a once-b"
