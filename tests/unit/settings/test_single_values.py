import json
import shlex

import pytest

from tether.errors import ExitCode, Problem, SettingsError
from tether.settings import Algorithm, ContainerRuntime, Settings, read
from tether.topology import Platform, Role

TWO = [
    {"name": "cluster1", "role": "primary", "network": "network1"},
    {"name": "cluster2", "role": "remote", "network": "network2"},
]


def problems(raw: dict[str, str]) -> dict[str, Problem]:
    with pytest.raises(SettingsError) as caught:
        read(raw)
    assert caught.value.exit_code is ExitCode.USAGE
    return {problem.subject: problem for problem in caught.value.problems}


def with_cluster(**changes: object) -> dict[str, str]:
    return {"tether:clusters": json.dumps([TWO[0], {**TWO[1], **changes}])}


def test_no_settings_at_all_make_two_kind_clusters() -> None:
    settings = read({})
    assert [(cluster.name, cluster.role, cluster.network) for cluster in settings.clusters] == [
        ("cluster1", Role.PRIMARY, "network1"),
        ("cluster2", Role.REMOTE, "network2"),
    ]
    assert {cluster.platform for cluster in settings.clusters} == {Platform.KIND}
    assert settings.verify
    assert settings.container_runtime is ContainerRuntime.AUTO


def test_every_setting_is_read_from_the_engines_text() -> None:
    settings = read(
        {
            "tether:meshId": "mesh7",
            "tether:trustDomain": "example.org",
            "tether:istioNamespace": "mesh-system",
            "tether:clusters": json.dumps([TWO[0], {**TWO[1], "podCidr": "10.20.0.0/16", "kindConfig": {"nodes": []}}]),
            "tether:certificateAuthority": json.dumps(
                {"algorithm": "rsa-4096", "rootDays": 20, "intermediateDays": 10}
            ),
            "tether:verify": "false",
            "tether:containerRuntime": "docker",
            "tether:createTimeoutSeconds": "60",
            "tether:readyTimeoutSeconds": "61",
            "tether:retainOnFailure": "true",
        }
    )
    assert settings.mesh_id == "mesh7"
    assert settings.trust_domain == "example.org"
    assert settings.istio_namespace == "mesh-system"
    assert settings.clusters[1].pod_cidr == "10.20.0.0/16"
    assert settings.clusters[1].kind_config == {"nodes": []}
    assert settings.certificate_authority.algorithm is Algorithm.RSA_4096
    assert (settings.certificate_authority.root_days, settings.certificate_authority.intermediate_days) == (20, 10)
    assert settings.certificate_authority.organization == "Tether"
    assert (settings.verify, settings.retain_on_failure) == (False, True)
    assert (settings.create_timeout_seconds, settings.ready_timeout_seconds) == (60, 61)


def test_keys_of_providers_are_left_alone() -> None:
    assert read({"kubernetes:context": "x", "pulumi:tags": "{}"}) == Settings()


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="frozen"):
        read({}).mesh_id = "other"  # pyright: ignore[reportAttributeAccessIssue]


def test_a_misspelt_key_gets_a_suggestion_and_the_commands_that_move_its_value() -> None:
    problem = problems({"tether:meshID": "east"})["tether:meshID"]
    assert "did you mean meshId?" in problem.wrong
    assert problem.fix == "pulumi config rm 'tether:meshID' && pulumi config set 'tether:meshId' east"


def test_a_misspelt_key_inside_a_cluster_gets_a_suggestion() -> None:
    problem = problems(with_cluster(podCIDR="10.9.0.0/16"))["tether:clusters[1].podCIDR"]
    assert "did you mean podCidr?" in problem.wrong
    assert "--path 'tether:clusters[1].podCidr' 10.9.0.0/16" in problem.fix


def test_an_unknown_key_that_is_like_nothing_lists_what_is_known() -> None:
    problem = problems({"tether:zzz": "1"})["tether:zzz"]
    assert "meshId, trustDomain" in problem.wrong
    assert problem.fix == "pulumi config rm 'tether:zzz'"


def test_all_problems_come_at_once() -> None:
    found = problems(
        {
            "tether:meshID": "m",
            "tether:trustDomain": "Not A Domain",
            "tether:verify": "yess",
            "tether:createTimeoutSeconds": "1",
            "tether:certificateAuthority": json.dumps({"algorithm": "dsa", "rootDays": 1, "intermediateDays": 2}),
            "tether:clusters": json.dumps([{"name": "A_b", "role": "primry", "network": "n"}, TWO[1], TWO[1]]),
        }
    )
    assert set(found) == {
        "tether:meshID",
        "tether:trustDomain",
        "tether:verify",
        "tether:createTimeoutSeconds",
        "tether:certificateAuthority.algorithm",
        "tether:certificateAuthority.intermediateDays",
        "tether:clusters[0].name",
        "tether:clusters[0].role",
        "tether:clusters[2].name",
        "tether:clusters[2].network",
    }
    for problem in found.values():
        assert problem.wrong
        assert problem.why
        assert problem.fix.startswith("pulumi config ")


@pytest.mark.parametrize(
    ("key", "value", "wrong", "example"),
    [
        ("verify", "yess", "is not true or false", "true"),
        ("createTimeoutSeconds", "soon", "is not a whole number", "300"),
        ("createTimeoutSeconds", "29", "is less than 30", "30"),
        ("readyTimeoutSeconds", "7201", "is more than 7200", "7200"),
        ("ipFamily", "dualstack", "is none of: ipv4, ipv6, dual", "dual"),
        ("containerRuntime", "dokcer", "is none of: auto, podman, docker", "docker"),
        ("meshId", "-mesh-", "is no label value", "mesh"),
        ("trustDomain", "cluster..local", "is no trust domain", "cluster.local"),
        ("istioNamespace", "kube-system", "Kubernetes itself uses", "istio-system"),
        ("istioNamespace", "Istio_System", "is no DNS-1123 label", "istio-system"),
    ],
)
def test_a_wrong_value_is_named_with_one_that_would_do(key: str, value: str, wrong: str, example: str) -> None:
    problem = problems({f"tether:{key}": value})[f"tether:{key}"]
    assert wrong in problem.wrong
    assert problem.shown == json.dumps(value)
    assert problem.fix == f"pulumi config set 'tether:{key}' {example}"


@pytest.mark.parametrize(
    ("key", "value", "wrong"),
    [
        ("name", "Cluster_2", "is no DNS-1123 label"),
        ("name", "c" * 41, "at most 40"),
        ("network", "net work", "is no DNS-1123 label"),
        ("role", "secondary", "is none of: primary, remote"),
        ("platform", "kindd", "is none of: kind, existing"),
        ("podCidr", "10.20.0.1/16", "host bits zero"),
        ("podCidr", "10.20.0.0/25", "pods need /8 to /24"),
        ("podCidr", "pods", "is no network in CIDR notation"),
        ("podCidr", "fd00:10::/56", "not of the mesh's ipFamily, ipv4"),
        ("podCidr", "10.20.0.0/16,10.21.0.0/16", "one of IPv4 and then one of IPv6"),
        ("podCidr", "fd00:10::/56,10.20.0.0/16", "one of IPv4 and then one of IPv6"),
        ("podCidr", "fd00:10::/80", "pods need /48 to /64"),
        ("podCidr", "ff02::/56", "reserved"),
        ("podCidr", "fd74:1::/56", "overlaps fd74::/16"),
        ("serviceCidr", "fd00:20::/64", "Services need /108 to /124"),
        ("podCidr", "224.0.0.0/16", "reserved"),
        ("podCidr", "10.80.0.0/12", "overlaps 10.89.0.0/16"),
        ("serviceCidr", "10.20.0.0/29", "Services need /12 to /28"),
        ("serviceCidr", "127.0.0.0/16", "reserved"),
        ("nodeImage", "two words", "is no image reference"),
        ("kindConfig", [], "is not an object"),
        ("kindConfig", {"networking": {"podSubnet": "10.0.0.0/8"}}, "the setting podCidr says it"),
        ("kindConfig", {"name": "x"}, "sets name"),
    ],
)
def test_a_wrong_value_of_a_cluster_is_named(key: str, value: object, wrong: str) -> None:
    problem = problems(with_cluster(**{key: value}))[f"tether:clusters[1].{key}"]
    assert wrong in problem.wrong


def test_a_superfluous_kind_setting_is_removed_by_its_own_path() -> None:
    problem = problems(with_cluster(kindConfig={"networking": {"podSubnet": "10.0.0.0/8"}}))[
        "tether:clusters[1].kindConfig"
    ]
    assert problem.fix == "pulumi config rm --path 'tether:clusters[1].kindConfig.networking.podSubnet'"


@pytest.mark.parametrize("image", ["kindest/node:v1.34.4", "registry:5000/node", "kindest/node:latest", "n@sha256:abc"])
def test_node_images_of_fitting_or_unknown_versions_are_taken(image: str) -> None:
    assert read(with_cluster(nodeImage=image)).clusters[1].node_image == image


def test_a_missing_part_of_a_cluster_is_named() -> None:
    clusters = [TWO[0], {"role": "remote", "network": "network2"}]
    problem = problems({"tether:clusters": json.dumps(clusters)})["tether:clusters[1].name"]
    assert problem.wrong == "is missing"
    assert problem.fix == "pulumi config set --path 'tether:clusters[1].name' VALUE"


@pytest.mark.parametrize("text", ["cluster1,cluster2", "{", '"text"', "7", "null"])
def test_clusters_that_are_no_list_of_objects_are_refused(text: str) -> None:
    assert "tether:clusters" in problems({"tether:clusters": text})


def test_a_cluster_that_is_no_object_is_refused() -> None:
    found = problems({"tether:clusters": json.dumps([*TWO, "cluster3"])})
    assert found["tether:clusters[2]"].wrong == "is not an object"


@pytest.mark.parametrize("key", ["kubeconfig", "kubeConfig", "kube_config", "kubeconfg", "token", "clientSecret"])
def test_a_credential_is_never_shown_not_even_under_a_misspelt_key(key: str) -> None:
    secret = "apiVersion: v1\nusers: [{user: {token: abc123}}]"
    with pytest.raises(SettingsError) as caught:
        read(with_cluster(**{key: secret}))
    assert "abc123" not in str(caught.value)


def test_a_credential_is_set_from_a_file_never_from_the_command_line() -> None:
    problem = problems(with_cluster(kubeConfig="path"))["tether:clusters[1].kubeConfig"]
    assert problem.fix.endswith("pulumi config set --secret --path 'tether:clusters[1].kubeconfig' < FILE")


def test_a_multi_line_value_is_masked_whatever_its_key() -> None:
    assert problems({"tether:unknown": "a\nb"})["tether:unknown"].shown == "[secret]"


def test_a_long_value_is_cut() -> None:
    shown = problems({"tether:meshId": "ä" * 500})["tether:meshId"].shown
    assert len(shown) <= 60


def test_a_kubeconfig_does_not_show_in_the_settings_text() -> None:
    settings = read(
        with_cluster(platform="existing", kubeconfig="token: abc123", apiServer="https://api.example.org:6443")
    )
    assert "abc123" not in repr(settings)
    assert settings.clusters[1].kubeconfig is not None
    assert settings.clusters[1].kubeconfig.get_secret_value() == "token: abc123"


def test_labels_are_read_as_kubernetes_takes_them() -> None:
    labels = {"team": "mesh", "example.com/cost-center": 4711, "empty": "", "audited": True}
    assert read({"tether:labels": json.dumps(labels)}).labels == {
        "team": "mesh",
        "example.com/cost-center": "4711",
        "empty": "",
        "audited": "true",
    }


@pytest.mark.parametrize(
    ("key", "wrong"),
    [
        ("-team", "is no label key"),
        ("a/b/c", "is no label key"),
        ("/team", "is no label key"),
        ("Example.com/team", "is no label key"),
        ("t" * 64, "is no label key"),
        ("app", "belongs to the charts, Kubernetes or istiod"),
        ("istio/multiCluster", "belongs to istio"),
        ("topology.istio.io/network", "belongs to istio.io"),
        ("app.kubernetes.io/name", "belongs to kubernetes.io"),
    ],
)
def test_a_label_that_kubernetes_refuses_or_that_has_a_meaning_is_removed(key: str, wrong: str) -> None:
    (problem,) = problems({"tether:labels": json.dumps({key: "x"})}).values()
    assert wrong in problem.wrong
    assert problem.fix.startswith("pulumi config rm --path 'tether:labels")
    assert key in problem.fix


def test_all_wrong_labels_are_named_at_once() -> None:
    found = problems({"tether:labels": json.dumps({"app": "x", "team": "not a value", "-": "", "ok": "yes", "l": []})})
    assert set(found) == {"tether:labels.app", "tether:labels.team", "tether:labels.-", "tether:labels.l"}
    assert found["tether:labels.team"].fix == "pulumi config set --path 'tether:labels.team' not-a-value"


def test_a_key_with_dots_is_named_as_pulumi_reads_paths() -> None:
    (problem,) = problems({"tether:labels": json.dumps({"istio.io/rev": "x"})}).values()
    assert problem.fix == "pulumi config rm --path 'tether:labels[\"istio.io/rev\"]'"


def test_a_quotation_mark_in_a_key_does_not_end_the_quoted_path() -> None:
    problem = problems({"tether:it's": "x"})["tether:it's"]
    assert shlex.split(problem.fix)[3] == "tether:it's"
