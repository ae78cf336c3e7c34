import json
from typing import Any

import pytest

from tether.errors import Problem, SettingsError
from tether.redact import HIDDEN
from tether.settings import read


def kind(name: str, role: str, network: str, **more: object) -> dict[str, Any]:
    return {"name": name, "role": role, "network": network, **more}


def existing(name: str, role: str, network: str, **more: object) -> dict[str, Any]:
    return kind(name, role, network, platform="existing", **more)


def problems(*clusters: dict[str, Any]) -> list[Problem]:
    with pytest.raises(SettingsError) as caught:
        read({"tether:clusters": json.dumps(clusters)})
    return list(caught.value.problems)


def one_problem(*clusters: dict[str, Any]) -> Problem:
    (problem,) = problems(*clusters)
    return problem


def test_two_clusters_of_one_name_are_refused_with_a_free_name() -> None:
    problem = one_problem(kind("cluster1", "primary", "n1"), kind("cluster1", "remote", "n2"))
    assert problem.subject == "tether:clusters[1].name"
    assert problem.wrong == "is also the name of clusters[0]"
    assert problem.fix == "pulumi config set --path 'tether:clusters[1].name' cluster2"


def test_a_mesh_without_primary_is_refused() -> None:
    problem = one_problem(kind("a", "remote", "n1"), kind("b", "remote", "n2"))
    assert problem.wrong == "name no primary"
    assert problem.fix == "pulumi config set --path 'tether:clusters[0].role' primary"


def test_a_misspelt_role_is_not_reported_as_a_missing_primary_too() -> None:
    problem = one_problem(kind("a", "primry", "n1"), kind("b", "remote", "n2"))
    assert problem.subject == "tether:clusters[0].role"
    assert problem.fix.endswith(" primary")


def test_every_further_primary_is_refused() -> None:
    found = problems(kind("a", "primary", "n1"), kind("b", "primary", "n2"), kind("c", "primary", "n3"))
    assert [problem.subject for problem in found] == ["tether:clusters[1].role", "tether:clusters[2].role"]
    assert found[0].wrong == "makes b a second primary beside a"


@pytest.mark.parametrize("role", ["primary", "remote"])
def test_one_cluster_alone_is_refused_and_the_second_is_spelt_out(role: str) -> None:
    problem = problems(kind("cluster1", role, "network1"))[0]
    assert problem.wrong == "names only one cluster"
    assert "'tether:clusters[1].role' remote" in problem.fix
    assert "'tether:clusters[1].network' network2" in problem.fix


def test_no_cluster_at_all_is_refused() -> None:
    assert one_problem().wrong == "names no cluster"


def test_a_network_used_for_both_sides_is_refused() -> None:
    problem = one_problem(kind("a", "primary", "network1"), kind("b", "remote", "network1"))
    assert problem.subject == "tether:clusters[1].network"
    assert problem.wrong == "is the network of a too; b needs one of its own"
    assert problem.fix.endswith(" network2")


def test_a_network_shared_by_two_remotes_is_refused() -> None:
    problem = one_problem(kind("a", "primary", "x"), kind("b", "remote", "y"), kind("c", "remote", "y"))
    assert problem.subject == "tether:clusters[2].network"


def test_settings_of_the_other_platform_are_refused() -> None:
    found = problems(
        kind("a", "primary", "n1", context="c", apiServer="https://api.example.org"),
        existing("b", "remote", "n2", context="b", apiServer="https://b.example.org", podCidr="10.1.0.0/16"),
    )
    assert {problem.subject for problem in found} == {
        "tether:clusters[0].context",
        "tether:clusters[0].apiServer",
        "tether:clusters[1].podCidr",
    }
    assert all(problem.fix.startswith("pulumi config rm --path") for problem in found)


def test_v1_endpoints_are_for_existing_remotes_and_refused_elsewhere() -> None:
    remote = existing("b", "remote", "n2", context="b", apiServer="https://b.example.org", v1Endpoints=True)
    fine = json.dumps([existing("a", "primary", "n1", context="a"), remote])
    assert read({"tether:clusters": fine}).clusters[1].v1_endpoints is True

    primary = one_problem(existing("a", "primary", "n1", context="a", v1Endpoints=True), remote)
    assert primary.subject == "tether:clusters[0].v1Endpoints"
    assert primary.wrong == "is for remotes, and a is the primary"
    assert primary.fix.startswith("pulumi config rm --path")

    made = one_problem(kind("a", "primary", "n1"), kind("b", "remote", "n2", v1Endpoints=False))
    assert made.subject == "tether:clusters[1].v1Endpoints"


def test_an_existing_cluster_that_nothing_leads_to_is_refused() -> None:
    problem = one_problem(kind("a", "primary", "n1"), existing("b", "remote", "n2", apiServer="https://b.example.org"))
    assert problem.subject == "tether:clusters[1].context"
    assert "neither kubeconfig nor context" in problem.wrong


def test_an_existing_remote_without_api_address_is_refused() -> None:
    problem = one_problem(kind("a", "primary", "n1"), existing("b", "remote", "n2", context="b"))
    assert problem.subject == "tether:clusters[1].apiServer"
    assert "is missing" in problem.wrong


def test_an_existing_primary_needs_no_api_address() -> None:
    settings = read(
        {
            "tether:clusters": json.dumps(
                [
                    existing("a", "primary", "n1", context="a"),
                    existing("b", "remote", "n2", context="b", apiServer="https://b.example.org:6443"),
                ]
            )
        }
    )
    assert settings.clusters[0].api_server is None


@pytest.mark.parametrize(
    ("address", "wrong"),
    [
        ("https://127.0.0.1:6443", "a loopback address"),
        ("https://127.8.9.10", "a loopback address"),
        ("https://localhost:6443", "a loopback address"),
        ("https://LOCALHOST.:6443", "a loopback address"),
        ("https://api.localhost", "a loopback address"),
        ("https://[::1]:6443", "a loopback address"),
        ("https://[::ffff:127.0.0.1]:6443", "a loopback address"),
        ("https://0.0.0.0:6443", "the unspecified address"),
        ("https://169.254.1.1", "a link-local address"),
        ("https://[fe80::1%25eth0]:6443", "a link-local address"),
        ("https://kubernetes.default.svc", "every cluster gives its own API server"),
        ("http://b.example.org:6443", "is plain http"),
        ("b.example.org:6443", "is no URL"),
        ("https://", "is no URL"),
        ("https://b.example.org:port", "is no URL"),
        ("https://b.example.org:99999", "is no URL"),
        ("https://user@b.example.org", "carries more than"),
        ("https://b.example.org/?x=1", "carries more than"),
    ],
)
def test_an_api_address_that_other_clusters_cannot_use_is_refused(address: str, wrong: str) -> None:
    problem = one_problem(kind("a", "primary", "n1"), existing("b", "remote", "n2", context="b", apiServer=address))
    assert problem.subject == "tether:clusters[1].apiServer"
    assert wrong in problem.wrong


@pytest.mark.parametrize(
    "address",
    [
        "https://b.example.org",
        "https://10.1.2.3:6443",
        "https://[2001:db8::1]:6443",
        "https://b.example.org/k8s/clusters/c-1",
    ],
)
def test_an_api_address_that_others_can_use_is_taken(address: str) -> None:
    clusters = [kind("a", "primary", "n1"), existing("b", "remote", "n2", context="b", apiServer=address)]
    assert read({"tether:clusters": json.dumps(clusters)}).clusters[1].api_server == address


def test_two_clusters_behind_one_context_are_refused() -> None:
    problem = one_problem(
        existing("a", "primary", "n1", context="c"),
        existing("b", "remote", "n2", context="c", apiServer="https://b.example.org"),
    )
    assert "leads b to the same cluster as a" in problem.wrong


def test_two_kubeconfigs_that_are_still_encrypted_are_not_taken_for_one() -> None:
    clusters = [
        existing("a", "primary", "n1", kubeconfig=HIDDEN),
        existing("b", "remote", "n2", kubeconfig=HIDDEN, apiServer="https://b.example.org"),
    ]
    assert len(read({"tether:clusters": json.dumps(clusters)}).clusters) == 2


def test_two_clusters_with_one_api_server_are_refused() -> None:
    problem = one_problem(
        kind("a", "primary", "n1"),
        existing("b", "remote", "n2", context="b", apiServer="https://b.example.org"),
        existing("c", "remote", "n3", context="c", apiServer="https://b.example.org"),
    )
    assert problem.subject == "tether:clusters[2].apiServer"


def test_pods_and_services_that_overlap_are_refused() -> None:
    problem = one_problem(
        kind("a", "primary", "n1", podCidr="10.20.0.0/16", serviceCidr="10.20.128.0/20"), kind("b", "remote", "n2")
    )
    assert problem.subject == "tether:clusters[0].podCidr"


def test_pods_that_overlap_the_default_services_are_refused() -> None:
    problem = one_problem(kind("a", "primary", "n1", podCidr="10.96.0.0/12"), kind("b", "remote", "n2"))
    assert "10.96.0.0/16" in problem.wrong


def test_clusters_may_use_the_same_addresses_because_their_networks_differ() -> None:
    clusters = [kind(name, role, name, podCidr="10.20.0.0/16") for name, role in (("a", "primary"), ("b", "remote"))]
    assert len(read({"tether:clusters": json.dumps(clusters)}).clusters) == 2


def test_an_intermediate_certificate_may_not_outlive_the_root() -> None:
    with pytest.raises(SettingsError) as caught:
        read({"tether:certificateAuthority": json.dumps({"rootDays": 100})})
    (problem,) = caught.value.problems
    assert problem.subject == "tether:certificateAuthority.intermediateDays"
    assert problem.fix == "pulumi config set --path 'tether:certificateAuthority.intermediateDays' 100"


def test_more_clusters_than_there_are_addresses_for_are_refused() -> None:
    clusters = [kind(f"c{index}", "remote" if index else "primary", f"n{index}") for index in range(16)]
    assert one_problem(*clusters).wrong == "names 16 kind clusters, the limit is 15"


def test_clusters_of_others_are_not_limited() -> None:
    clusters = [
        existing(f"c{index}", "remote" if index else "primary", f"n{index}", context=f"c{index}",
                 apiServer=f"https://c{index}.example.org")
        for index in range(40)
    ]  # fmt: skip
    assert len(read({"tether:clusters": json.dumps(clusters)}).clusters) == 40
