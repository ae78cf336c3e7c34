"""What is refused of a mesh that stands: another root, namespace, role, or way into one of its networks."""

import json
from typing import Any

import pytest

from tether import standing
from tether.errors import ExitCode, SettingsError
from tether.settings import Settings, read

LISTED: list[dict[str, Any]] = [
    {"name": "east", "role": "primary", "network": "n1"},
    {"name": "west", "role": "remote", "network": "n2"},
    {"name": "north", "role": "remote", "network": "n3"},
]
RELEASE, SERVICE = "kubernetes:helm.sh/v3:Release", "kubernetes:core/v1:Service"
GATE = "tether:index:GatewayReady"
WAY = standing.anew("", "kind")


def settings(mesh: str = "", **own: str) -> Settings:
    listed = [{**one, "exposure": {"serviceType": own[one["name"]]}} if one["name"] in own else one for one in LISTED]
    raw = {"tether:clusters": json.dumps(listed)}
    return read({**raw, "tether:exposure": json.dumps({"serviceType": mesh})} if mesh else raw)


def recorded(*made: tuple[str, str]) -> list[dict[str, str]]:
    return [{"type": kind, "urn": f"urn:pulumi:kind::tether::tether:index:Mesh${kind}::{name}"} for kind, name in made]


BALANCED = recorded((RELEASE, "east-istiod"), (RELEASE, "west-istiod"), (RELEASE, "north-istiod"))
AT_NODES = [*BALANCED, *recorded((SERVICE, "west-istiod"), (SERVICE, "north-istiod"))]


@pytest.mark.parametrize(
    ("wanted", "resources", "told", "way_back"),
    [
        (settings("NodePort"), BALANCED, "tether:exposure.serviceType = NodePort", "LoadBalancer"),
        (settings(east="NodePort"), BALANCED, "tether:clusters[0].exposure.serviceType = NodePort", "LoadBalancer"),
        (settings(), AT_NODES, "tether:exposure.serviceType = LoadBalancer", "NodePort"),
        (
            settings("NodePort", east="LoadBalancer"), AT_NODES,
            "tether:clusters[0].exposure.serviceType = LoadBalancer", "NodePort",
        ),
    ],
    ids=["for all", "for the primary", "taken out", "back for the primary"],
)  # fmt: skip
def test_another_way_into_the_primary_is_refused_while_remotes_go_by_the_one_there_is(
    wanted: Settings, resources: Any, told: str, way_back: str
) -> None:
    with pytest.raises(SettingsError) as raised:
        standing.refuse(wanted, resources, "tether", "node:1", way=WAY)
    assert raised.value.exit_code is ExitCode.USAGE
    (problem,) = raised.value.problems
    said = str(raised.value)
    assert "1 problem in the settings; nothing was changed." in said
    assert told in said
    assert f"the east-west gateway of east is a {way_back} in it" in said
    assert problem.fix.startswith("pulumi config set --path ")
    assert f"serviceType' {way_back}  # as it stands; to change it: tether down" in problem.fix


@pytest.mark.parametrize(
    ("wanted", "resources"),
    [
        (settings(), BALANCED),
        (settings("NodePort"), AT_NODES),
        (settings("NodePort"), []),
        (settings("NodePort"), recorded((RELEASE, "east-istiod"), (RELEASE, "gone-istiod"))),
    ],
    ids=[
        "load balancers stay", "nodes stay", "there is no mesh", "no remote has its Service yet",
    ],
)  # fmt: skip
def test_what_leaves_the_way_to_istiod_alone_is_taken(wanted: Settings, resources: Any) -> None:
    standing.refuse(wanted, resources, "tether", "node:1", way=WAY)


def gates(**at_nodes: bool) -> list[dict[str, Any]]:
    return [
        {**one, "inputs": {"triggers": {"tls": "30043"}} if at_nodes[one["urn"].rpartition("::")[2]] else {}}
        for one in recorded(*((GATE, name) for name in at_nodes))
    ]


MIXED = [*BALANCED, *gates(east=False, west=True, north=False)]


def test_another_way_into_a_remote_is_refused_too_and_all_are_told_at_once() -> None:
    with pytest.raises(SettingsError) as raised:
        standing.refuse(settings(east="NodePort", north="NodePort"), MIXED, "tether", "node:1", way=WAY)
    found = {problem.subject: problem for problem in raised.value.problems}
    assert {subject: problem.wrong.rpartition(" gateway of ")[2] for subject, problem in found.items()} == {
        "tether:clusters[0].exposure.serviceType": "east is a LoadBalancer in it",
        "tether:exposure.serviceType": "west is a NodePort in it",
        "tether:clusters[2].exposure.serviceType": "north is a LoadBalancer in it",
    }


def test_a_setting_of_the_mesh_that_others_go_by_is_not_the_way_back_for_one() -> None:
    with pytest.raises(SettingsError) as raised:
        standing.refuse(settings(), MIXED, "tether", "node:1", way=WAY)
    (problem,) = raised.value.problems
    assert (problem.subject, problem.shown) == ("tether:clusters[1].exposure.serviceType", "LoadBalancer")
    assert problem.fix.startswith("pulumi config set --path 'tether:clusters[1].exposure.serviceType' NodePort  #")


def test_one_setting_for_several_clusters_is_one_problem() -> None:
    with pytest.raises(SettingsError) as raised:
        standing.refuse(
            settings("NodePort"),
            [*BALANCED, *gates(east=False, west=False, north=False)],
            "tether",
            "node:1",
            way=WAY,
        )
    (problem,) = raised.value.problems
    assert "gateway of east, west, north is a LoadBalancer" in problem.wrong


def test_remotes_that_are_entered_as_before_are_taken_and_so_are_new_ones() -> None:
    standing.refuse(settings(west="NodePort"), MIXED, "tether", "node:1", way=WAY)
    standing.refuse(
        settings(west="NodePort", north="NodePort"), [*BALANCED, *gates(west=True)], "tether", "node:1", way=WAY
    )


PRIMARY, REMOTE = "tether:index:Primary", "tether:index:Remote"
CHAIN = "tether:index:CertificateChain"
ROOT = {"algorithm": "ecdsa-p256", "rootDays": 3650, "organization": "Tether"}


def built(*, istiod: bool = True, **changes: Any) -> list[dict[str, Any]]:
    """A mesh of the settings above, with what its chain was made with; with or without an istiod that answers."""
    gate = [{**recorded(("tether:index:IstiodReady", "east"))[0], "inputs": {"istioNamespace": "istio-system"}}]
    (chain,) = recorded((CHAIN, "mesh"))
    roles = recorded((PRIMARY, "east"), (REMOTE, "west"), (REMOTE, "north"))
    return [*roles, *(gate if istiod else ()), {**chain, "inputs": {**ROOT, **changes}}]


def refusal(raw: dict[str, Any], resources: Any) -> dict[str, str]:
    """What is said of each setting, with the way back."""
    wanted = read({"tether:clusters": json.dumps(LISTED), **{key: one if isinstance(one, str) else json.dumps(one)
                                                              for key, one in raw.items()}})  # fmt: skip
    with pytest.raises(SettingsError) as raised:
        standing.refuse(wanted, resources, "tether", "node:1", way=WAY)
    return {one.subject: f"{one.wrong}; {one.fix}" for one in raised.value.problems}


def test_another_generated_root_is_refused_with_everything_that_makes_it_another() -> None:
    told = refusal({"tether:certificateAuthority": {"algorithm": "rsa-4096", "rootDays": 4000, "organization": "X"}},
                   built())  # fmt: skip
    assert list(told) == [f"tether:certificateAuthority.{name}" for name in ROOT]
    for (name, before), said in zip(ROOT.items(), told.values(), strict=True):
        assert f"its root certificate was made with {before}; " in said
        assert f"certificateAuthority.{name}' {before}  # as it stands; to change it: tether down" in said


def test_another_namespace_of_istio_is_refused() -> None:
    (said,) = refusal({"tether:istioNamespace": "mesh-system"}, built()).values()
    assert said.startswith("the mesh stands, and istiod is in istio-system; pulumi config set")


def test_clusters_that_change_places_are_refused_each() -> None:
    swapped = [{**LISTED[0], "role": "remote"}, {**LISTED[1], "role": "primary"}, LISTED[2]]
    told = refusal({"tether:clusters": swapped}, built())
    assert list(told) == ["tether:clusters[0].role", "tether:clusters[1].role"]
    assert told["tether:clusters[0].role"].startswith("the mesh stands, and east is a primary in it; pulumi config set")


@pytest.mark.parametrize(
    ("raw", "resources"),
    [
        ({}, built()),
        ({"certificateAuthority": {"intermediateDays": 100}}, built()),
        ({"certificateAuthority": {"algorithm": "rsa-4096"}}, built(istiod=False)),
        ({}, [*built(), {**built(algorithm="rsa-4096")[-1], "delete": True}]),
    ],
    ids=["as it stands", "another intermediate", "no istiod has one yet", "one that goes"],
)
def test_what_leaves_root_roles_and_namespace_alone_is_taken(raw: dict[str, Any], resources: Any) -> None:
    given = {f"tether:{key}": json.dumps(one) for key, one in raw.items()}
    standing.refuse(read({"tether:clusters": json.dumps(LISTED), **given}), resources, "tether", "node:1", way=WAY)


def clusters(**changes: Any) -> list[dict[str, Any]]:
    """The mesh, with what its clusters were made with; ``west`` has the changes."""
    own: dict[str, Any] = {
        "ipFamily": "ipv4", "podCidr": "10.244.0.0/16", "serviceCidr": "10.96.0.0/16", "nodeImage": "node:1",
        "kindConfig": {},
    }  # fmt: skip
    held: list[dict[str, Any]] = [{**one, "inputs": {**own, **(changes if one["urn"].endswith("west") else {})}}
            for one in recorded(*(("tether:index:Cluster", one["name"]) for one in LISTED))]  # fmt: skip
    return [*built(), *held, *recorded(*((RELEASE, f"{one['name']}-base") for one in LISTED))]


@pytest.mark.parametrize(
    ("raw", "made", "told"),
    [
        ({}, clusters(), []),
        ({}, clusters(podCidr="10.1.0.0/16"), ["tether:clusters[1].podCidr"]),
        ({}, clusters(kindConfig={"nodes": []}, serviceCidr="10.2.0.0/16"),
         ["tether:clusters[1].serviceCidr", "tether:clusters[1].kindConfig"]),
        ({}, clusters(nodeImage="node:0"), ["tether:clusters[1].nodeImage"]),
        ({"tether:ipFamily": "ipv6"}, clusters(), ["tether:ipFamily"]),
        ({}, [one for one in clusters(podCidr="10.1.0.0/16") if not one["urn"].endswith("-base")], []),
    ],
    ids=["as it stands", "pods", "more than one", "nodes", "family", "nothing is in it yet"],
)  # fmt: skip
def test_a_kind_cluster_that_would_be_made_anew_is_refused(raw: dict[str, str], made: Any, told: list[str]) -> None:
    if told:
        assert list(refusal(raw, made)) == told
    else:
        standing.refuse(read({"tether:clusters": json.dumps(LISTED), **raw}), made, "tether", "node:1", way=WAY)


def test_a_refused_cluster_is_given_back_what_it_was_made_with_by_a_command() -> None:
    told = refusal({}, clusters(podCidr="10.1.0.0/16", kindConfig={"nodes": []}))
    assert told["tether:clusters[1].podCidr"] == (
        "the mesh stands, and west was made with 10.1.0.0/16; "
        "pulumi config set --path 'tether:clusters[1].podCidr' 10.1.0.0/16"
        "  # as it stands; to change it: tether down --stack kind, and then tether up --stack kind"
    )
    said = told["tether:clusters[1].kindConfig"]
    assert '; edit it back to {"nodes": []}  # as it stands; to change it: tether down' in said


def test_another_family_is_one_problem_of_all_clusters() -> None:
    (said,) = refusal({"tether:ipFamily": "ipv6"}, clusters()).values()
    assert said.startswith("the mesh stands, and east, west, north were made with ipv4; pulumi config set 'tether:ip")


def test_what_makes_a_mesh_anew_is_the_command_of_its_own_stack_or_environment() -> None:
    assert WAY == "tether down --stack kind, and then tether up --stack kind"
    assert standing.anew("pr-1", "pr-1") == "tether env down pr-1, and then the same again"
