from tests.unit.removal.fake_remote import NAMESPACE, SECRETS, FakeRemote, put_held, remote
from tether.errors import Problem
from tether.removal import remnants
from tether.topology import READER_TOKEN_SECRET, ClusterPlan, Platform, Role

WEST = ClusterPlan(name="west", role=Role.REMOTE, network="n-west", platform=Platform.EXISTING, index=1)


def look(cluster: FakeRemote, *, definitions: bool = False) -> list[Problem]:
    kubectl, by_force = "kubectl --context west", "tether remote remove west --force"
    return list(remnants.in_remote(cluster, "west", NAMESPACE, kubectl, by_force, definitions=definitions))


def test_everything_that_is_left_is_told_with_the_command_that_removes_it() -> None:
    problems = {problem.shown: problem for problem in look(remote())}
    assert set(problems) == {
        "MutatingWebhookConfiguration istio-sidecar-injector",
        "ClusterRole istio-reader-clusterrole-istio-system",
        "ClusterRoleBinding istio-reader-clusterrole-istio-system",
        f"Secret istio-system/{READER_TOKEN_SECRET}",
        "ConfigMap istio-system/istio-ca-root-cert",
        "ConfigMap shop/istio-ca-root-cert",
        "ConfigMap istio-system/istio-ca-crl",
        "ConfigMap shop/istio-ca-crl",
        "ConfigMap istio-system/istio-namespace-controller-election",
        "Namespace istio-system",
    }
    hook = problems["MutatingWebhookConfiguration istio-sidecar-injector"]
    assert hook.fix == "kubectl --context west delete mutatingwebhookconfiguration istio-sidecar-injector"
    assert "refuses pods" in hook.why
    assert problems["Namespace istio-system"].fix == "kubectl --context west delete namespace istio-system"


def test_a_namespace_that_was_there_before_the_mesh_is_no_remnant() -> None:
    cluster = remote()
    cluster.objects[f"/api/v1/namespaces/{NAMESPACE}"]["metadata"]["annotations"] = {}
    assert "Namespace istio-system" not in {problem.shown for problem in look(cluster)}


def test_definitions_are_remnants_only_where_they_were_to_go() -> None:
    wanted = {problem.shown for problem in look(remote(), definitions=True)} - {one.shown for one in look(remote())}
    assert wanted == {"CustomResourceDefinition gateways.networking.istio.io"}


def test_a_namespace_that_does_not_end_is_told_with_what_holds_it() -> None:
    cluster = remote()
    put_held(cluster)
    cluster.objects[f"/api/v1/namespaces/{NAMESPACE}"]["metadata"]["deletionTimestamp"] = "2026-11-26T00:00:00Z"
    told = look(cluster)[-1]
    assert told.wrong == "does not end: Widget w waits for example.com/clean"
    assert told.fix == "tether remote remove west --force"


def test_in_an_empty_cluster_nothing_is_left() -> None:
    assert look(FakeRemote(), definitions=True) == []


def test_the_primary_is_asked_for_the_one_remote_secret() -> None:
    primary = FakeRemote("east")
    primary.put(f"{SECRETS}/istio-remote-secret-north")
    assert remnants.in_primary(primary, "east", NAMESPACE, WEST, "kubectl") == []
    primary.put(f"{SECRETS}/istio-remote-secret-west")
    (problem,) = remnants.in_primary(primary, "east", NAMESPACE, WEST, "kubectl")
    assert problem.fix == "kubectl -n istio-system delete secret istio-remote-secret-west"
