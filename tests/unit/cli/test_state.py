import json

from tests.unit.cli.workbench import SUFFIX, cluster, exported, random_id, resource, stack
from tether.cli.state import CLUSTER, NETWORK, State

SIGNATURE = "4dabf18193072939515e22adb298388d"


def test_suffixes_are_found_in_what_is_made_and_in_what_was_being_made() -> None:
    network = resource(NETWORK, "mesh", inputs={"name": "tether-11112222"})
    pending = resource(NETWORK, "mesh", inputs={"name": "tether-33334444"})
    state = State(exported(random_id(), network, pending=[("creating", pending)]))
    assert state.suffixes() == {SUFFIX, "11112222", "33334444"}


def test_other_random_values_and_foreign_networks_give_no_suffix() -> None:
    state = State(exported(random_id("abc"), resource(NETWORK, "n", inputs={"name": "kind"})))
    assert state.suffixes() == set()


def test_a_state_with_the_stack_alone_is_empty() -> None:
    assert State(exported()).is_empty
    assert State(exported(stack())).is_empty
    assert not State(exported(stack(), random_id())).is_empty
    assert not State(exported(stack(), pending=[("creating", cluster("cluster1"))])).is_empty


def test_clusters_are_counted_without_those_that_wait_for_deletion() -> None:
    state = State(exported(cluster("cluster1"), {**cluster("cluster2"), "delete": True}))
    assert state.clusters() == [f"cluster1-{SUFFIX}"]


def test_only_creations_that_were_cut_off_are_half_made() -> None:
    pending = [("creating", cluster("cluster1")), ("deleting", cluster("cluster2")), ("creating", random_id())]
    assert State(exported(pending=pending)).half_made(CLUSTER) == [f"cluster1-{SUFFIX}"]


def test_a_state_without_pending_operations_is_otherwise_the_same() -> None:
    document = exported(stack(), random_id(), pending=[("creating", cluster("cluster1"))])
    before = json.dumps(document)
    mended = State(document).without_pending()
    assert mended["deployment"] == {"resources": document["deployment"]["resources"]}
    assert json.dumps(document) == before


def test_objects_in_clusters_of_others_are_told_from_those_that_go_with_their_cluster() -> None:
    own = cluster("cluster1")
    inside = resource("kubernetes:core/v1:Namespace", "a", deletedWith=own["urn"])
    outside = resource("kubernetes:core/v1:Namespace", "b")
    assert not State(exported(own, inside)).has_foreign_clusters
    assert State(exported(own, inside, outside)).has_foreign_clusters


def test_a_kubeconfig_is_found_by_the_reference_of_its_provider() -> None:
    secret = {SIGNATURE: "1b47061264138c4ac30d75fd1eb44270", "plaintext": json.dumps("apiVersion: v1")}
    provider = resource("pulumi:providers:kubernetes", "cluster1", inputs={"kubeconfig": secret})
    plain = resource("pulumi:providers:kubernetes", "cluster2", inputs={"kubeconfig": "kind: Config"})
    state = State(exported(provider, plain))
    assert state.kubeconfig_of(f"{provider['urn']}::some-id") == "apiVersion: v1"
    assert state.kubeconfig_of(f"{plain['urn']}::some-id") == "kind: Config"
    assert state.kubeconfig_of("urn:other::id") is None


def test_an_encrypted_kubeconfig_is_none() -> None:
    provider = resource("pulumi:providers:kubernetes", "c", inputs={"kubeconfig": {SIGNATURE: "x", "ciphertext": "y"}})
    assert State(exported(provider)).kubeconfig_of(f"{provider['urn']}::id") is None


def test_outputs_are_those_of_the_stack() -> None:
    assert State(exported(random_id(), stack(clusters=["a"]))).outputs == {"clusters": ["a"]}
    assert State(exported()).outputs == {}
