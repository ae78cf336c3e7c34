"""What the checks are made of: namespaces that istiod looks at, firewalls, istiod's answers, refusals, rights."""

import base64
import subprocess
from dataclasses import replace
from typing import Any

import pytest
import yaml

from tests.unit.doctor.breaking import ending, met, refused
from tests.unit.doctor.fake_cluster import FakeCluster
from tests.unit.doctor.fake_mesh import (
    NAMES,
    SECRET,
    SYSTEM,
    FakeMesh,
    encoded,
    kubeconfig,
    put_webhook,
    remote_secret,
)
from tether import kube
from tether.doctor import discovery, firewall, handshake, istiod, objects, rights
from tether.doctor.check import Status
from tether.doctor.handshake import Handshake, Outcome
from tether.doctor.view import MeshView
from tether.topology import OWN_AUTHORITY

CLOUDS = {
    "gce://my-project/europe-west1-b/gke-node-1": "gcloud compute firewall-rules create tether-15012-15017",
    "aws:///eu-west-1a/i-0abc": "aws ec2 authorize-security-group-ingress --region eu-west-1 --group-id",
    "azure:///subscriptions/s/resourceGroups/g/providers/x": "az network nsg rule create --subscription s",
    "kind://docker/one/one-control-plane": "docker exec one-control-plane sh -c",
}


@pytest.mark.parametrize(("place", "command"), CLOUDS.items())
def test_a_port_is_let_through_in_the_words_of_the_nodes_owner(mesh: FakeMesh, place: str, command: str) -> None:
    mesh.primary.objects["/api/v1/nodes/cluster1-control-plane"]["spec"]["providerID"] = place

    said = firewall.let_through([MeshView(mesh.mesh).primary], [15012, 15017], why="because")

    assert said.startswith(f"# let TCP 15012, 15017 through: because\n{command}")
    assert "15012" in said.splitlines()[1]
    read = subprocess.run(["bash", "-n"], input=said, text=True, capture_output=True, check=False)
    assert read.stderr == ""


@pytest.mark.parametrize("place", ["", "vsphere://x"])
def test_whose_nodes_nobody_knows_gets_a_sentence(mesh: FakeMesh, place: str) -> None:
    mesh.primary.objects["/api/v1/nodes/cluster1-control-plane"]["spec"]["providerID"] = place

    assert firewall.let_through([MeshView(mesh.mesh).primary], [15443], why="w") == "# let TCP 15443 through: w"


def test_who_may_not_read_nodes_gets_a_sentence_and_the_finding_stays(mesh: FakeMesh) -> None:
    mesh.primary.refuse(r"get /api/v1/nodes", "nodes")
    met(Outcome.TIMED_OUT, "is silent", "10.0.1.1", 15017)(mesh)

    (first, *_) = mesh.examine().wrong

    assert first.check.id == "D20"
    assert first.answer.fix.startswith("# let TCP 15017 through")


@pytest.mark.parametrize(
    ("selector", "labels", "fits"),
    [
        ({"matchLabels": {"a": "1"}}, {"a": "1", "b": "2"}, True),
        ({"matchLabels": {"a": "1"}}, {"a": "2"}, False),
        ({"matchExpressions": [{"key": "a", "operator": "In", "values": ["1", "2"]}]}, {"a": "2"}, True),
        ({"matchExpressions": [{"key": "a", "operator": "In", "values": ["1"]}]}, {}, False),
        ({"matchExpressions": [{"key": "a", "operator": "NotIn", "values": ["1"]}]}, {}, True),
        ({"matchExpressions": [{"key": "a", "operator": "NotIn", "values": ["1"]}]}, {"a": "1"}, False),
        ({"matchExpressions": [{"key": "a", "operator": "Exists"}]}, {"a": ""}, True),
        ({"matchExpressions": [{"key": "a", "operator": "DoesNotExist"}]}, {"a": ""}, False),
        ({"matchLabels": {"a": "1"}, "matchExpressions": [{"key": "b", "operator": "Exists"}]}, {"a": "1"}, False),
        ({}, {}, True),
    ],
)
def test_a_namespace_is_chosen_as_kubernetes_chooses(
    mesh: FakeMesh, selector: dict[str, Any], labels: dict[str, str], fits: bool
) -> None:
    config = yaml.safe_dump({"discoverySelectors": [selector]})
    mesh.primary.put(f"{SYSTEM}/configmaps/istio", {"data": {"mesh": config}})

    assert discovery.looks_at(MeshView(mesh.mesh), {"metadata": {"labels": labels}}) is fits


def test_a_remote_s_own_mesh_configuration_chooses_no_namespaces(mesh: FakeMesh) -> None:
    config = "discoverySelectors:\n- matchLabels: {a: b}\n"
    mesh.remote.put(f"{SYSTEM}/configmaps/istio", {"data": {"mesh": config}})
    view = MeshView(mesh.mesh)

    assert discovery.looks_at(view, {"metadata": {}})
    assert discovery.label(view) == ""


def test_labels_that_make_istiod_look_are_those_of_the_first_selector_that_has_no_more(mesh: FakeMesh) -> None:
    config = "discoverySelectors:\n- matchExpressions: [{key: x, operator: Exists}]\n- matchLabels: {a: b}\n"
    mesh.primary.put(f"{SYSTEM}/configmaps/istio", {"data": {"mesh": config}})

    assert discovery.label(MeshView(mesh.mesh)) == "a=b"


def test_a_namespace_that_istiod_does_not_look_at_needs_no_root(mesh: FakeMesh) -> None:
    config = "discoverySelectors:\n- matchLabels: {topology.istio.io/network: network2}\n"
    mesh.primary.put(f"{SYSTEM}/configmaps/istio", {"data": {"mesh": config}})
    mesh.remote.objects.pop("/api/v1/namespaces/app/configmaps/istio-ca-root-cert")

    assert {one.status for one in mesh.examine("D24").findings} == {Status.OK}


def test_a_service_that_is_not_for_every_namespace_proves_nothing_and_is_not_asked(mesh: FakeMesh) -> None:
    mesh.remote.objects["/api/v1/namespaces/app/services/echo"]["metadata"]["annotations"] = {
        "networking.istio.io/exportTo": "."
    }

    (answer,) = [one.answer for one in mesh.examine("D28").findings if one.subject == "cluster2"]

    assert answer.seen.startswith("no workload with a proxy yet")


def test_a_workload_that_ended_after_istiod_was_asked_is_no_error(
    mesh: FakeMesh, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = handshake.greet

    def ended(*where: Any, **how: Any) -> Handshake:
        met = asked(*where, **how)
        if where[0] == "10.0.2.1":
            mesh.debug("endpointShardz", {})
            return replace(met, outcome=Outcome.CLOSED, seen="closes the connection")
        return met

    monkeypatch.setattr(handshake, "greet", ended)

    found = {one.subject: one.answer for one in mesh.examine("D28").findings}

    assert found["cluster2"].status is Status.OK
    assert found["cluster2"].seen.startswith("no workload with a proxy yet")


METRICS = """\
# HELP istiod_remote_cluster_sync_status x
istiod_remote_cluster_sync_status{cluster="cluster2",cluster_type="remote",status="synced"} 1
istiod_remote_cluster_sync_status{cluster="cluster2",cluster_type="remote",status="timeout"} 0
remote_cluster_sync_timeouts_total{cluster="cluster2"} 0
"""


def test_who_may_not_ask_inside_istiod_s_pod_reads_its_metrics_through_the_api_server(mesh: FakeMesh) -> None:
    mesh.primary.refuse(r"create .*/portforward$", "pods/portforward")
    mesh.primary.texts[f"{SYSTEM}/pods/istiod-1:15014/proxy/metrics"] = METRICS
    mesh.primary.texts[f"{SYSTEM}/pods/istiod-1:15014/proxy/version"] = "1.31.1"

    found = mesh.examine()

    open_questions = {one.check.id for one in found.unknown}
    assert open_questions == {"D25", "D27", "D28", "D29", "D35"}
    assert {"create and get pods/portforward" in one.answer.seen for one in found.unknown} == {True}
    assert found.wrong == ()


def test_a_remote_that_the_metrics_call_unsynced_is_found(mesh: FakeMesh) -> None:
    mesh.primary.refuse(r"create .*/portforward$", "pods/portforward")
    mesh.primary.texts[f"{SYSTEM}/pods/istiod-1:15014/proxy/metrics"] = METRICS.replace("} 1", "} 2").replace(
        '"synced"} 2', '"synced"} 0').replace('"timeout"} 0', '"timeout"} 1')  # fmt: skip

    (first,) = mesh.examine("D17").findings

    assert first.answer.seen == "istiod says timeout for cluster2"


def test_metrics_that_speak_of_a_former_connection_leave_the_question_open(mesh: FakeMesh) -> None:
    mesh.primary.refuse(r"create .*/portforward$", "pods/portforward")
    mesh.primary.texts[f"{SYSTEM}/pods/istiod-1:15014/proxy/metrics"] = METRICS.replace("} 1", "} 0").replace(
        '"timeout"', '"closed"').replace('"closed"} 0', '"closed"} 1')  # fmt: skip

    (first,) = mesh.examine("D17").findings

    assert first.answer.status is Status.UNKNOWN
    assert "create and get pods/portforward" in first.answer.seen


def test_an_istiod_that_does_not_answer_is_no_missing_right(mesh: FakeMesh) -> None:
    mesh.primary.refused[r"/portforward$"] = kube.KubeError("the connection ended early")

    (first,) = mesh.examine("D17").findings

    assert first.status is Status.UNKNOWN
    assert "right" not in first.answer.seen


def test_metrics_are_read_by_name_and_label(mesh: FakeMesh) -> None:
    mesh.primary.pages["/metrics"] = METRICS + "go_goroutines 12\n"

    view = MeshView(mesh.mesh)

    assert istiod.metric(view, "go_goroutines") == [({}, 12.0)]
    assert istiod.metric(view, "remote_cluster_sync_timeouts_total") == [({"cluster": "cluster2"}, 0.0)]


@pytest.mark.parametrize(
    ("reason", "cause"),
    [
        ("the service account authentication returns an error: [invalid bearer token, token has expired]", "has ended"),
        ("service account token has been invalidated", "was deleted"),
        ("target JWT extraction error: no HTTP authorization header exists", "cannot read the token file"),
        ('client claims to be in cluster "c9", but we only know about local cluster "cluster1"', "no remote secret"),
        ("[invalid bearer token, square/go-jose: error in cryptographic primitive]", "signed by another cluster"),
    ],
)
def test_a_refusal_is_told_with_its_cause(mesh: FakeMesh, reason: str, cause: str) -> None:
    refused(reason)(mesh)

    (found,) = mesh.examine("D39").findings

    assert reason in found.answer.seen
    assert cause in found.answer.cause


def test_a_refusal_of_earlier_is_not_one_of_now(mesh: FakeMesh) -> None:
    refused("token has expired", seconds=90)(mesh)

    assert mesh.examine("D39").wrong == ()


def test_who_may_read_the_secrets_of_istio_s_namespace_only_gets_the_same_answers(mesh: FakeMesh) -> None:
    mesh.primary.refuse(r"get /api/v1/secrets$", "secrets")

    assert {one.status for one in mesh.examine().findings} == {Status.OK}


def test_a_secret_belongs_to_a_remote_by_the_ca_in_it_where_no_key_fits(mesh: FakeMesh) -> None:
    content = yaml.safe_load(kube_content(mesh))
    mesh.primary.put(SECRET, remote_secret(content, key="other"))
    view = MeshView(mesh.mesh)

    found = objects.secret_of(view, view.remotes[0])

    assert found is not None
    assert found[1] == "other"


def kube_content(mesh: FakeMesh) -> str:
    return objects.decoded(mesh.primary.objects[SECRET]["data"]["cluster2"])


def test_a_mesh_of_somebody_else_s_is_what_its_webhooks_and_istiod_say(mesh: FakeMesh) -> None:
    mesh.planned = False

    assert {one.status for one in mesh.examine().findings} == {Status.OK}


def test_a_loopback_kubeconfig_gets_the_api_server_s_own_address_into_the_fix(mesh: FakeMesh) -> None:
    mesh.primary.objects.pop(SECRET)
    mesh.remote.put("/apis/discovery.k8s.io/v1/namespaces/default/endpointslices/kubernetes", {
        "metadata": {"labels": {"kubernetes.io/service-name": "kubernetes"}},
        "endpoints": [{"addresses": ["10.89.0.3"]}], "ports": [{"port": 6443}],
    })  # fmt: skip
    mesh.server = "https://127.0.0.1:33001"

    fix = mesh.examine().wrong[0].answer.fix

    assert fix == (
        "istioctl create-remote-secret --name cluster2 -n istio-system --context cluster2 "
        "--server https://10.89.0.3:6443 | kubectl --context cluster1 apply -f -"
    )


@pytest.mark.parametrize("content", ["", "x", "[]", "current-context: a", "{contexts: [], current-context: a}"])
def test_what_is_no_kubeconfig_is_no_credential(content: str) -> None:
    assert objects.credential(content) is None


@pytest.mark.parametrize("field", ["exec", "auth-provider", "tokenFile", "client-key", "client-certificate"])
def test_every_field_that_istiod_refuses_is_named(mesh: FakeMesh, field: str) -> None:
    from tests.unit.doctor.breaking import secret

    secret(user={field: {"x": "y"}})(mesh)

    assert f"uses {field}, which istiod refuses" in mesh.examine("D12").wrong[0].answer.seen


def test_a_ca_that_somebody_chose_is_no_other_cluster_s(mesh: FakeMesh) -> None:
    other = kubeconfig(cluster={"certificate-authority-data": encoded("of a proxy")})
    mesh.primary.put(SECRET, remote_secret(other, annotations={OWN_AUTHORITY: "stated"}))

    (found,) = mesh.examine("D12").findings
    assert (found.status, "with the CA that was chosen for it" in found.answer.seen) == (Status.OK, True)


def test_a_token_that_lasts_is_told_with_its_end_and_one_without_an_end_as_such(mesh: FakeMesh) -> None:
    (found,) = mesh.examine("D40").findings
    assert (found.status, found.answer.seen) == (
        Status.OK, "Secret istio-remote-secret-cluster2 holds no token that ends",
    )  # fmt: skip

    ending(7 * 3600)(mesh)

    (found,) = mesh.examine("D40").findings
    assert found.status is Status.OK
    assert "ends in 7 h, at " in found.answer.seen


def test_no_answer_about_a_token_shows_it(mesh: FakeMesh) -> None:
    ending(-60, "reader-bound-1", refused=True)(mesh)
    shown = "".join(f"{one.answer.seen}{one.answer.fix}{one.answer.cause}" for one in mesh.examine().findings)
    kubeconfig = mesh.primary.objects[SECRET]["data"]["cluster2"]
    assert yaml.safe_load(base64.b64decode(kubeconfig))["users"][0]["user"]["token"] not in shown


def test_a_webhook_that_calls_a_url_needs_no_endpoints(mesh: FakeMesh) -> None:
    put_webhook(mesh.remote, "/inject/cluster/cluster2/net/network2")
    path = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/istio-sidecar-injector"
    client = mesh.remote.objects[path]["webhooks"][0]["clientConfig"]
    client.pop("service")
    client["url"] = "https://istiod.example/inject/cluster/cluster2/net/network2"
    view = MeshView(mesh.mesh)

    assert objects.injected_identity(view.remotes[0]) == ("cluster2", "network2")


def test_the_rights_are_only_those_to_read_one_dry_run_and_one_question() -> None:
    changing = {
        (resource, verb)
        for document in rights.documents("istio-system") if document["kind"] in ("Role", "ClusterRole")
        for rule in document["rules"] for resource in rule["resources"] for verb in rule["verbs"]
        if verb not in ("get", "list")
    }  # fmt: skip
    assert changing == {("pods", "create"), ("pods/portforward", "create")}


def test_secrets_are_read_in_istio_s_namespace_only() -> None:
    (everywhere,) = [one for one in rights.documents("istio-system") if one["kind"] == "ClusterRole"]

    assert "secrets" not in {resource for rule in everywhere["rules"] for resource in rule["resources"]}


def test_the_rights_are_yaml_for_the_namespace_that_is_named() -> None:
    documents: list[dict[str, Any]] = list(yaml.safe_load_all(rights.render("istio-prod")))

    assert [one["kind"] for one in documents] == ["ServiceAccount", "ClusterRole", "ClusterRoleBinding", "Role",
                                                  "RoleBinding"]  # fmt: skip
    assert documents[3]["metadata"]["namespace"] == "istio-prod"


def test_a_list_that_may_not_be_read_is_empty_where_it_only_adds(mesh: FakeMesh) -> None:
    mesh.remote.refuse("nodes", "nodes")

    assert MeshView(mesh.mesh).remotes[0].glimpse("/api/v1/nodes") == []


def test_the_fake_cluster_selects_as_kubernetes_does() -> None:
    cluster = FakeCluster("x")
    cluster.put("/api/v1/namespaces/a/pods/p", {"metadata": {"labels": {"app": "x"}}})
    cluster.put("/api/v1/namespaces/b/pods/q", {"data": {"k": encoded("v")}})

    assert len(cluster.get("/api/v1/pods")["items"]) == 2
    assert [one["metadata"]["name"] for one in cluster.get("/api/v1/pods", {"labelSelector": "app=x"})["items"]] == [
        "p"
    ]
    assert cluster.get("/api/v1/namespaces/b/pods", {"fieldSelector": "metadata.name=q"})["items"] != []


def test_an_authority_that_cert_manager_keeps_is_as_good_as_istiods_own_form(mesh: FakeMesh) -> None:
    path = f"{SYSTEM}/secrets/cacerts"
    held = objects.data(mesh.primary.objects[path])
    in_its_form = {"tls.crt": held["cert-chain.pem"], "tls.key": held["ca-key.pem"], "ca.crt": held["root-cert.pem"]}
    before = [one.answer.seen for one in mesh.examine().findings if one.check.id in ("D06", "D33")]
    mesh.primary.put(path, {"data": in_its_form})

    after = [one for one in mesh.examine().findings if one.check.id in ("D06", "D33")]

    assert [one.status for one in after] == [Status.OK, Status.OK]
    assert [one.answer.seen for one in after] == before


def test_a_name_service_that_is_not_coredns_is_no_finding(mesh: FakeMesh) -> None:
    mesh.remote.objects.pop(f"{NAMES}/kube-dns-1")
    mesh.primary.objects[f"{NAMES}/kube-dns-1"]["endpoints"] = None
    mesh.primary.put("/api/v1/nodes/gke-1", {"spec": {"providerID": "gce://project/zone/gke-1"}})

    found = {one.subject: one for one in mesh.examine("D42").findings if one.check.id == "D42"}

    assert {one.status for one in found.values()} == {Status.OK}
    assert "Cloud DNS" in found["cluster1"].answer.seen
    assert "another name service" in found["cluster2"].answer.seen


def test_an_endpoint_that_does_not_say_whether_it_is_ready_is(mesh: FakeMesh) -> None:
    mesh.remote.objects[f"{NAMES}/kube-dns-1"]["endpoints"] = [{"addresses": ["10.244.0.2"]}]

    assert mesh.examine("D42").wrong == ()
