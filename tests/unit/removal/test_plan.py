import json

from tests.unit.removal.fake_remote import NAMESPACE, put_bound, put_pod, put_record, remote
from tests.unit.removal.test_remnants import WEST
from tether.removal import document, plan
from tether.removal.plan import Inventory, Plan
from tether.topology import READER_TOKEN_SECRET, ClusterPlan, Platform, Role, Topology

KIND = ClusterPlan(name="cluster2", role=Role.REMOTE, network="n", platform=Platform.KIND, index=1)


def planned(cluster: ClusterPlan, found: Inventory, *, definitions: bool = False, silence: str = "") -> Plan:
    return Plan(
        remote=cluster, stack="three", kubectl="kubectl --context west", silence=silence, workloads=found.workloads,
        steps=plan.steps(mesh(cluster), cluster, found, definitions=definitions),
    )  # fmt: skip


def mesh(*remotes: ClusterPlan) -> Topology:
    platform = remotes[0].platform
    east = ClusterPlan(name="east", role=Role.PRIMARY, network="n-east", platform=platform, index=0)
    return Topology(mesh_id="m", trust_domain="t", istio_namespace=NAMESPACE, clusters=(east, *remotes))


def test_everything_is_listed_in_the_order_in_which_it_goes() -> None:
    cluster = remote()
    put_record(cluster, "istiod", 2, "pending-upgrade")
    put_pod(cluster, "shop", "web-0", owner=("StatefulSet", "web"))
    shown = "\n".join(planned(WEST, plan.inventory(cluster, NAMESPACE), definitions=True).lines())
    order = [
        "the cluster itself stays",
        "StatefulSet shop/web, 1 pod",
        "kubectl --context west -n shop rollout restart statefulset/web",
        "1. webhooks",
        "MutatingWebhookConfiguration istio-sidecar-injector",
        "2. gateways",
        "Helm release istio-system/istio-eastwestgateway",
        "3. remote secret in east",
        "Secret istio-system/istio-remote-secret-west",
        "4. charts",
        "Helm release istio-system/istiod, stuck in pending-upgrade",
        "Helm release istio-system/istio-base",
        f"Secret istio-system/{READER_TOKEN_SECRET}",
        "Namespace istio-system",
        "5. what istiod left",
        "ConfigMap shop/istio-ca-root-cert",
        "6. custom resource definitions",
        "CustomResourceDefinition gateways.networking.istio.io",
    ]
    places = [shown.index(words) for words in order]
    assert places == sorted(places)
    assert "example.com" not in shown


def test_the_secret_of_a_bound_token_is_listed_in_its_place() -> None:
    cluster = remote()
    put_bound(cluster)
    lines = list(planned(WEST, plan.inventory(cluster, NAMESPACE)).lines())
    assert "     Secret istio-system/reader-bound-1" in lines
    assert READER_TOKEN_SECRET not in "".join(lines)


def test_definitions_stay_unless_asked_for() -> None:
    shown = "\n".join(planned(WEST, plan.inventory(remote(), NAMESPACE)).lines())
    assert "definitions" not in shown
    assert "No workload of it has a proxy." in shown


def test_a_kind_cluster_is_the_last_step_and_its_workloads_need_no_command() -> None:
    cluster = remote()
    put_pod(cluster, "shop", "web-0")
    lines = list(planned(KIND, plan.inventory(cluster, NAMESPACE)).lines())
    assert "1 workload with proxies, which go with the cluster:" in lines
    assert lines[-2:] == ["5. the cluster", "     kind cluster cluster2, whatever is in it"]
    cluster.objects[f"/api/v1/namespaces/{NAMESPACE}"]["metadata"]["annotations"] = {}
    assert list(planned(KIND, plan.inventory(cluster, NAMESPACE)).lines()) == lines, "Pulumi's own marks nothing"
    assert not any("kubectl" in line for line in lines)


def test_a_cluster_in_a_cloud_goes_as_a_whole_too() -> None:
    made = ClusterPlan(name="cluster2", role=Role.REMOTE, network="n", platform=Platform.GKE, index=1)
    lines = list(planned(made, plan.inventory(remote(), NAMESPACE)).lines())
    assert "the cluster itself goes with it" in lines[0]
    assert lines[-2:] == ["5. the cluster", "     gke cluster cluster2, whatever is in it"]


def test_of_a_remote_that_is_silent_the_usual_is_listed_and_that_it_was_not_asked() -> None:
    shown = planned(WEST, plan.expected(NAMESPACE), silence="no route to host")
    lines = "\n".join(shown.lines())
    assert "It was not asked what is in it: no route to host" in lines
    assert "Helm release istio-system/istio-base" in lines
    assert not document.removal(shown, dry_run=True).asked


def test_programs_get_the_same_with_a_schema_version() -> None:
    cluster = remote()
    put_pod(cluster, "shop", "web-0", owner=("StatefulSet", "web"))
    shown = planned(WEST, plan.inventory(cluster, NAMESPACE))
    told = json.loads(document.removal(shown, dry_run=True).text())
    assert told["schemaVersion"] == 1
    assert told["remote"] == "west"
    assert told["workloads"][0]["pods"] == ["web-0"]
    assert told["workloads"][0]["commands"][0].endswith("istio-injection- istio.io/rev-")
    assert [step["title"].split()[0] for step in told["steps"]] == [
        "webhooks", "gateways", "remote", "charts,", "what",
    ]  # fmt: skip
