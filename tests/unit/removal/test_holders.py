from tests.unit.removal.fake_remote import NAMESPACE, WIDGETS, put_held, remote
from tether.removal import holders, remnants


def test_deleted_objects_with_finalizers_hold_a_namespace_whatever_kind_they_are() -> None:
    cluster = remote()
    put_held(cluster)
    cluster.put(f"{WIDGETS}/alive", {"metadata": {"finalizers": ["example.com/clean"]}})
    cluster.put(
        "/apis/example.com/v1/namespaces/shop/widgets/w", {"metadata": cluster.objects[f"{WIDGETS}/w"]["metadata"]}
    )
    assert list(map(str, holders.holders(cluster, NAMESPACE))) == ["Widget w waits for example.com/clean"]


def test_a_namespace_can_hold_itself() -> None:
    cluster = remote()
    meta = {"finalizers": ["example.com/ns"], "deletionTimestamp": "2026-11-26T00:00:00Z"}
    cluster.put(f"/api/v1/namespaces/{NAMESPACE}", {"metadata": meta})
    assert list(map(str, holders.holders(cluster, NAMESPACE))) == [f"Namespace {NAMESPACE} waits for example.com/ns"]


def test_kinds_that_may_not_be_listed_are_left_out() -> None:
    cluster = remote()
    put_held(cluster)
    cluster.refuse("get .*/configmaps", "configmaps")
    assert len(holders.holders(cluster, NAMESPACE)) == 1


def test_without_its_finalizers_an_object_ends() -> None:
    cluster = remote()
    path = put_held(cluster)
    holders.let_go(cluster, holders.holders(cluster, NAMESPACE)[0])
    assert cluster.patched == [(path, {"metadata": {"finalizers": None}})]
    assert holders.holders(cluster, NAMESPACE) == []


def test_a_namespace_that_no_object_holds_is_explained_in_kubernetes_own_words() -> None:
    cluster = remote()
    body = {
        "metadata": {"deletionTimestamp": "2026-11-26T00:00:00Z"},
        "status": {"conditions": [{"status": "True", "message": "Discovery failed for gone.example.com/v1"},
                                  {"status": "False", "message": "All content deleted"}]},
    }  # fmt: skip
    cluster.put(f"/api/v1/namespaces/{NAMESPACE}", body)
    problem = remnants.hanging(cluster, "west", NAMESPACE, "try again")
    assert problem.wrong == "does not end: Discovery failed for gone.example.com/v1"
