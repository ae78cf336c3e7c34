"""Deploying into a test's namespace and calling within it, on clusters that exist in memory only."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.unit.kube.fake_api import FakeApi
from tests.unit.testing.meshes import PRIMARY, REMOTE, mesh
from tether import kube, parts
from tether.errors import UsageError
from tether.testing import MeshNamespace, WaitError
from tether.testing.namespace import name_for

SERVICE = """\
apiVersion: v1
kind: Service
metadata: {name: stock, labels: {in: "${cluster}"}}
spec: {ports: [{name: http, port: 80}]}
"""
STRICT = """\
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: strict}
spec: {mtls: {mode: STRICT}}
"""
DEPLOYMENT = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: stock}
spec: {replicas: 1, selector: {matchLabels: {app: stock}}, template: {}}
"""
WORKLOAD = "/apis/apps/v1/namespaces/test-1/deployments/stock"
PODS = "/api/v1/namespaces/test-1/pods"


@pytest.fixture
def namespace(tmp_path: Path) -> MeshNamespace:
    return MeshNamespace(mesh(tmp_path)[0], "test-1", tmp_path)


def api(namespace: MeshNamespace, cluster: str) -> FakeApi:
    found = namespace.mesh.api(cluster)
    assert isinstance(found, FakeApi)
    return found


def created(namespace: MeshNamespace, cluster: str) -> list[str]:
    return [path for path, _, _ in api(namespace, cluster).created]


def deployment(*, ready: int = 1, wanted: int = 1, there: int | None = None, observed: int = 2) -> dict[str, Any]:
    return {
        "metadata": {"name": "stock", "generation": 2},
        "spec": {"replicas": wanted, "selector": {"matchLabels": {"app": "stock"}}},
        "status": {
            "observedGeneration": observed, "readyReplicas": ready, "updatedReplicas": ready,
            "replicas": wanted if there is None else there,
        },
    }  # fmt: skip


def pod(waiting: str) -> dict[str, Any]:
    state = {"name": "stock", "state": {"waiting": {"reason": waiting}}}
    return {
        "metadata": {"name": "stock-1"},
        "spec": {"containers": [{"name": "stock"}]},
        "status": {"containerStatuses": [state], "conditions": []},
    }


def test_a_name_tells_the_test_and_is_new_each_time() -> None:
    first, second = (name_for("test_the_shop[it sells-Ümläut]") for _ in range(2))
    assert first != second
    assert re.fullmatch(r"test-the-shop-it-sells-ml-ut-[0-9a-f]{8}", first)
    assert len(name_for("test_" + "x" * 300)) <= 63
    assert re.fullmatch(r"test-[0-9a-f]{8}", name_for("test_ü"))


def test_it_is_made_in_every_cluster_with_injection_and_its_owner(namespace: MeshNamespace) -> None:
    namespace.create()
    for cluster in (PRIMARY, REMOTE):
        ((path, body, _),) = api(namespace, cluster).created
        assert path == "/api/v1/namespaces"
        assert body["metadata"]["labels"]["istio-injection"] == "enabled"
        assert body["metadata"]["annotations"]["tether.verification/owner"]
    namespace.remove()
    assert [api(namespace, cluster).deleted for cluster in (PRIMARY, REMOTE)] == [["/api/v1/namespaces/test-1"]] * 2


def test_a_manifest_goes_into_every_cluster_or_into_those_that_are_named(namespace: MeshNamespace) -> None:
    namespace.deploy(SERVICE)
    namespace.deploy(SERVICE, into=REMOTE)
    collection = "/api/v1/namespaces/test-1/services"
    assert created(namespace, PRIMARY) == [collection]
    assert created(namespace, REMOTE) == [collection] * 2
    assert api(namespace, REMOTE).created[0][1]["metadata"]["labels"] == {"in": REMOTE}


def test_istios_configuration_goes_into_the_primary_whatever_is_said(namespace: MeshNamespace) -> None:
    namespace.deploy(f"{SERVICE}---\n{STRICT}", into=REMOTE)
    assert created(namespace, PRIMARY) == ["/apis/security.istio.io/v1/namespaces/test-1/peerauthentications"]
    assert created(namespace, REMOTE) == ["/api/v1/namespaces/test-1/services"]


def test_what_is_there_is_changed(namespace: MeshNamespace) -> None:
    def refuse(path: str, body: kube.Object) -> kube.Object:
        raise kube.KubeError("already exists", 409)

    api(namespace, REMOTE).on_create = refuse
    namespace.deploy(SERVICE, into=REMOTE)
    ((path, body),) = api(namespace, REMOTE).patched
    assert path == "/api/v1/namespaces/test-1/services/stock"
    assert body["metadata"]["name"] == "stock"


def test_a_refusal_names_cluster_and_object(namespace: MeshNamespace) -> None:
    def refuse(path: str, body: kube.Object) -> kube.Object:
        raise kube.KubeError("no quota", 403)

    api(namespace, REMOTE).on_create = refuse
    with pytest.raises(kube.KubeError, match="cluster2 refuses Service stock: no quota"):
        namespace.deploy(SERVICE)


def test_files_folders_and_objects_are_manifests_too(namespace: MeshNamespace, tmp_path: Path) -> None:
    (tmp_path / "manifests").mkdir()
    (tmp_path / "manifests" / "a.yaml").write_text(SERVICE)
    (tmp_path / "manifests" / "b.yml").write_text(SERVICE.replace("stock", "shop"))
    namespace.deploy("manifests", into=REMOTE)
    namespace.deploy(tmp_path / "manifests" / "a.yaml", into=REMOTE)
    namespace.deploy(yaml.safe_load(SERVICE), into=REMOTE)
    namespace.deploy([yaml.safe_load(SERVICE)], into=REMOTE)
    names = [body["metadata"]["name"] for _, body, _ in api(namespace, REMOTE).created]
    assert names == ["stock", "shop", "stock", "stock", "stock"]


def test_values_are_filled_in_and_words_of_shells_stay(namespace: MeshNamespace) -> None:
    text = SERVICE.replace("${cluster}", "${size} ${namespace} ${HOME} ${trust_domain}")
    namespace.deploy(text, into=REMOTE, size=3)
    assert api(namespace, REMOTE).created[0][1]["metadata"]["labels"]["in"] == "3 test-1 ${HOME} cluster.local"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: [\n", "the manifest\n    is no YAML"),
        ("- 1\n- 2\n", "the manifest, object 1\n    has no apiVersion, kind, metadata.name"),
        ("\n", "has no object"),
        (SERVICE.replace("{name: stock,", "{name: stock, namespace: default,"), "is default, not the test's own"),
        (SERVICE.replace("Service", "Servise"), "is of a kind that cluster1 does not know: v1 Servise"),
        (SERVICE.replace("Service", "Namespace"), "is a Namespace, which lies in no namespace"),
    ],
)
def test_what_cannot_be_deployed_is_refused_before_anything_is_created(
    namespace: MeshNamespace, text: str, said: str
) -> None:
    with pytest.raises(UsageError) as error:
        namespace.deploy(f"{SERVICE}---\n{text}" if "object" not in said else text)
    assert said in str(error.value)
    assert "nothing was created" in str(error.value)
    assert created(namespace, PRIMARY) == []


def test_all_that_is_wrong_is_told_at_once(namespace: MeshNamespace) -> None:
    with pytest.raises(UsageError) as error:
        namespace.deploy("kind: A\n---\nkind: B\n")
    assert len(error.value.problems) == 2
    with pytest.raises(UsageError) as error:
        namespace.deploy(SERVICE, size=3, cluster="x")
    assert [problem.subject for problem in error.value.problems] == ["cluster", "size"]
    with pytest.raises(UsageError, match="cannot be read: No such file"):
        namespace.deploy("nowhere.yaml")
    with pytest.raises(UsageError, match=r"has no cluster cluster9, cluster8\. It has: cluster1, cluster2"):
        namespace.deploy(SERVICE, into=["cluster9", "cluster8", PRIMARY])


def test_a_deployment_is_waited_for_until_it_runs_as_it_was_asked_to(namespace: MeshNamespace) -> None:
    states = [deployment(observed=1), deployment(ready=0), deployment(there=2), deployment()]
    remote = api(namespace, REMOTE)

    def next_state(path: str, query: Any = None) -> kube.Object:
        if path == WORKLOAD:
            return states.pop(0)
        return {"items": []} if path == PODS else remote.objects[path]

    remote.get = next_state  # type: ignore[method-assign]
    namespace.deploy(DEPLOYMENT, into=REMOTE)
    assert states == []


def test_a_deployment_that_does_not_run_says_where_and_why(namespace: MeshNamespace) -> None:
    remote = api(namespace, REMOTE)
    remote.objects |= {WORKLOAD: deployment(ready=0), PODS: {"items": [pod("ImagePullBackOff")]}}
    with pytest.raises(WaitError) as error:
        namespace.deploy(DEPLOYMENT, into=REMOTE, timeout=0.1)
    assert "test-1 was not ready within 0.1 s: Deployment stock of cluster2: 0 of 1 pods are ready; pod stock-1" in str(
        error.value
    )
    assert "ImagePullBackOff" in str(error.value)


def test_a_pod_whose_image_can_never_come_ends_the_wait_at_once(namespace: MeshNamespace) -> None:
    remote = api(namespace, REMOTE)
    remote.objects |= {WORKLOAD: deployment(ready=0), PODS: {"items": [pod("ErrImageNeverPull")]}}
    with pytest.raises(WaitError, match=r"can no longer become ready: .*ErrImageNeverPull"):
        namespace.deploy(DEPLOYMENT, into=REMOTE)


def test_what_is_deployed_without_waiting_can_be_waited_for_later(namespace: MeshNamespace) -> None:
    namespace.deploy(DEPLOYMENT, into=REMOTE, wait=False)
    for cluster in (PRIMARY, REMOTE):
        for kind in ("deployments", "statefulsets", "daemonsets"):
            api(namespace, cluster).objects[f"/apis/apps/v1/namespaces/test-1/{kind}"] = {"items": []}
    api(namespace, REMOTE).objects |= {
        "/apis/apps/v1/namespaces/test-1/deployments": {"items": [deployment()]},
        WORKLOAD: deployment(ready=0),
        PODS: {"items": []},
    }
    with pytest.raises(WaitError, match="Deployment stock of cluster2: 0 of 1"):
        namespace.await_ready(timeout=0.1)


@pytest.fixture
def caller(namespace: MeshNamespace, monkeypatch: pytest.MonkeyPatch) -> FakeApi:
    """The primary with pods that call."""
    monkeypatch.setitem(namespace.mesh.__dict__, "echo_image", "app:1")
    primary = api(namespace, PRIMARY)
    ready = {"conditions": [{"type": "Ready", "status": "True"}]}
    primary.objects[PODS] = {"items": [{"metadata": {"name": "caller-1"}, "status": ready}]}
    for name in ("caller", "caller-web", "outsider"):
        primary.objects[f"/apis/apps/v1/namespaces/test-1/deployments/{name}"] = deployment()
    return primary


def test_calls_come_from_a_pod_of_the_named_cluster_that_is_made_once(
    namespace: MeshNamespace, caller: FakeApi
) -> None:
    asked: list[list[str]] = []

    def execute(pod: str, command: Any) -> kube.Executed:
        asked.append([pod, *command])
        return kube.Executed("[0] StatusCode=200\n[0 body] 12 left\n", "", 0)

    caller.on_execute = execute
    for _ in range(2):
        found = namespace.call("stock/left", source=PRIMARY)
        assert (found.ok, found.bodies) == (True, ["12 left"])
    assert [(words[0], words[-1]) for words in asked] == [("caller-1", "http://stock/left")] * 2
    assert [body["metadata"]["name"] for _, body, _ in caller.created] == ["caller", "caller"]


def test_a_call_may_have_the_identity_of_another_account_or_none(namespace: MeshNamespace, caller: FakeApi) -> None:
    namespace.call("http://stock", source=PRIMARY, account="web")
    namespace.call("http://stock", source=PRIMARY, proxy=False)
    _, web, _, outsider = (body for _, body, _ in caller.created)
    assert web["spec"]["template"]["spec"]["serviceAccountName"] == "web"
    assert web["metadata"]["name"] == "caller-web"
    assert outsider["spec"]["template"]["metadata"]["labels"]["sidecar.istio.io/inject"] == "false"
    assert namespace.identity("web") == "spiffe://cluster.local/ns/test-1/sa/web"


def test_a_call_that_cannot_be_made_is_no_answer(namespace: MeshNamespace, caller: FakeApi) -> None:
    def refuse(pod: str, command: Any) -> kube.Executed:
        raise kube.KubeError("cannot run a command in pod caller-1")

    caller.on_execute = refuse
    found = namespace.call("http://stock", source=PRIMARY, requests=3)
    assert (found.ok, found.failed) == (False, 3)
    assert "cannot run a command" in str(found)


def test_the_image_of_the_callers_is_that_of_the_parts(namespace: MeshNamespace) -> None:
    with pytest.raises(parts.PartsMissingError):
        _ = namespace.mesh.echo_image


def test_one_kubeconfig_has_a_context_for_each_cluster_and_is_private(namespace: MeshNamespace) -> None:
    file = namespace.mesh.kubeconfig
    document = yaml.safe_load(file.read_text())
    assert document["current-context"] == PRIMARY
    assert [one["name"] for one in document["contexts"]] == [PRIMARY, REMOTE]
    assert file.stat().st_mode & 0o777 == 0o600
