from tests.unit.removal.fake_remote import HOOKS, NAMESPACE, RBAC, SECRETS, put_bound, put_hook, remote
from tether import reader_rights
from tether.removal import traces
from tether.topology import READER_TOKEN_SECRET


def test_webhooks_are_those_that_call_this_mesh_s_istiod() -> None:
    cluster = remote()
    put_hook(cluster, "istio-revision-tag-default", NAMESPACE)
    put_hook(cluster, "istio-validator-istio-system", NAMESPACE, kind="validating")
    put_hook(cluster, "istio-sidecar-injector-other", "other-istio")
    cluster.put(f"{HOOKS}/mutatingwebhookconfigurations/cert-manager", {"metadata": {"labels": {"app": "webhook"}}})
    assert [str(thing) for thing in traces.webhooks(cluster, NAMESPACE)] == [
        "MutatingWebhookConfiguration istio-sidecar-injector",
        "MutatingWebhookConfiguration istio-revision-tag-default",
        "ValidatingWebhookConfiguration istio-validator-istio-system",
    ]


def test_a_webhook_that_calls_a_url_belongs_to_the_namespace_that_helm_installed_it_from() -> None:
    cluster = remote()
    for name, namespace in (("ours", NAMESPACE), ("theirs", "other-istio")):
        meta = {"labels": {"app": "sidecar-injector"}, "annotations": {"meta.helm.sh/release-namespace": namespace}}
        body = {"metadata": meta, "webhooks": [{"clientConfig": {"url": "https://istiod/inject"}}]}
        cluster.put(f"{HOOKS}/mutatingwebhookconfigurations/{name}", body)
    names = [thing.name for thing in traces.webhooks(cluster, NAMESPACE)]
    assert names == ["istio-sidecar-injector", "ours"]


def test_only_istio_s_rights_config_maps_and_definitions_are_found() -> None:
    cluster = remote()
    assert [str(one) for one in traces.rights(cluster, NAMESPACE)] == [
        "ClusterRoleBinding istio-reader-clusterrole-istio-system",
        "ClusterRole istio-reader-clusterrole-istio-system",
    ]
    assert traces.rights(cluster, "system") == traces.rights(cluster, "other-istio") == []
    assert {one.namespace for one in traces.root_certificates(cluster)} == {NAMESPACE, "shop"}
    assert [one.name for one in traces.elections(cluster, NAMESPACE)] == ["istio-namespace-controller-election"]
    assert [one.name for one in traces.definitions(cluster)] == ["gateways.networking.istio.io"]


def test_the_reader_s_own_role_is_found_by_its_name() -> None:
    cluster = remote()
    for kind in ("clusterroles", "clusterrolebindings"):
        cluster.put(f"{RBAC}/{kind}/{reader_rights.role_name(NAMESPACE)}", {"metadata": {}})
    names = [str(one) for one in traces.rights(cluster, NAMESPACE)]
    assert {f"{kind} tether-reader-istio-system" for kind in ("ClusterRole", "ClusterRoleBinding")} <= {*names}
    assert traces.rights(cluster, "other-istio") == []


def test_the_reader_s_token_is_found_whether_a_secret_keeps_it_or_bounds_it() -> None:
    cluster = remote()
    cluster.put(f"{SECRETS}/somebody-elses")
    assert [one.name for one in traces.credentials(cluster, NAMESPACE)] == [READER_TOKEN_SECRET]

    put_bound(cluster)

    (found,) = traces.credentials(cluster, NAMESPACE)
    assert (str(found), found.path) == ("Secret istio-system/reader-bound-1", f"{SECRETS}/reader-bound-1")


def test_what_is_found_is_deleted_by_its_path() -> None:
    cluster = remote()
    everything = [
        *traces.webhooks(cluster, NAMESPACE), *traces.rights(cluster, NAMESPACE),
        *traces.credentials(cluster, NAMESPACE), *traces.root_certificates(cluster),
        *traces.elections(cluster, NAMESPACE), *traces.definitions(cluster),
    ]  # fmt: skip
    assert {thing.path for thing in everything} <= set(cluster.objects)
    assert everything[0].deletion == "delete mutatingwebhookconfiguration istio-sidecar-injector"
    assert traces.elections(cluster, NAMESPACE)[0].deletion.startswith(f"-n {NAMESPACE} delete configmap ")


def test_a_webhook_that_is_put_back_is_the_same_but_for_what_the_api_server_writes() -> None:
    cluster = remote()
    (hook,) = traces.webhooks(cluster, NAMESPACE)
    hook.body["metadata"] |= {"resourceVersion": "7", "uid": "u", "managedFields": []}
    cluster.delete(hook.path)
    traces.put_back(cluster, hook)
    (again,) = traces.webhooks(cluster, NAMESPACE)
    assert again.body["webhooks"] == hook.body["webhooks"]
    assert again.body["kind"] == "MutatingWebhookConfiguration"
    assert set(again.body["metadata"]) == {"name", "labels"}
