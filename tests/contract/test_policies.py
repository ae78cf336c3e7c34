"""Every policy of the pack, asked by the real engine: what it lets pass and what it refuses."""

from pathlib import Path

import pytest
from tether_policy.registry import POLICIES

from tests.contract import policy_engine
from tests.contract.policy_engine import Preview

BAD_ISTIO = "1.30.2"
CLUSTERS = [
    {"name": "prod-east", "role": "primary", "network": "net-east"},
    {"name": "prod-west", "role": "remote", "network": "net-west"},
]
TIGHT = {
    "clusters": CLUSTERS,
    "exposure": {"sourceRanges": ["10.89.0.0/16"]},
    "remoteCredential": {"kind": "bound", "lifetimeHours": 720},
    "labels": {"team": "mesh"},
    "protect": True,
}
LOOSE = {
    "clusters": [CLUSTERS[0], {**CLUSTERS[1], "name": "elsewhere"}],
    "certificateAuthority": {"rootDays": 7300, "intermediateDays": 3650},
    "allowUnsupported": True,
}
CONFIGURATION = {
    "remote-credential-lifetime": "mandatory",
    "names-and-labels": {"enforcementLevel": "mandatory", "clusters": "prod-[a-z]+", "labels": ["team"]},
}
STRICT = {"strict-mtls": {"namespaces": ["*", "shop"]}}
OF_OBJECTS = frozenset({"istiod-by-name", "no-plaintext-secret", "strict-mtls"})
OF_MESH = [policy.name for policy in POLICIES if policy.name not in OF_OBJECTS]


@pytest.fixture(scope="module")
def tight_mesh(tmp_path_factory: pytest.TempPathFactory) -> Preview:
    return policy_engine.of_mesh(tmp_path_factory.mktemp("tight"), "prod-tight", TIGHT, CONFIGURATION)


@pytest.fixture(scope="module")
def loose_mesh(tmp_path_factory: pytest.TempPathFactory) -> Preview:
    folder = tmp_path_factory.mktemp("loose")
    return policy_engine.of_mesh(folder, "prod-loose", LOOSE, CONFIGURATION, istio=BAD_ISTIO)


@pytest.fixture(scope="module")
def good_objects(tmp_path_factory: pytest.TempPathFactory) -> Preview:
    return policy_engine.of_objects(tmp_path_factory.mktemp("good"), "good", STRICT)


@pytest.fixture(scope="module")
def bad_objects(tmp_path_factory: pytest.TempPathFactory) -> Preview:
    return policy_engine.of_objects(tmp_path_factory.mktemp("bad"), "bad", STRICT)


def test_a_mesh_that_keeps_every_policy_passes(tight_mesh: Preview) -> None:
    assert tight_mesh.violations == (), tight_mesh.shown
    assert tight_mesh.code == 0, tight_mesh.shown


@pytest.mark.parametrize("policy", OF_MESH)
def test_a_mesh_is_refused_by_every_policy_that_it_breaks(policy: str, loose_mesh: Preview) -> None:
    found = loose_mesh.of(policy)

    assert found, loose_mesh.shown
    assert {one.level for one in found} == {"mandatory"}
    assert all("Why: " in one.message and "Fix: " in one.message for one in found)
    assert loose_mesh.code != 0


def test_a_mesh_is_refused_by_no_policy_that_it_keeps(loose_mesh: Preview) -> None:
    assert {one.policy for one in loose_mesh.violations} == {*OF_MESH}, loose_mesh.shown


def test_source_ranges_are_asked_of_every_gateway(loose_mesh: Preview) -> None:
    assert {one.resource for one in loose_mesh.of("gateway-source-ranges")} == {"prod-east", "elsewhere"}


def test_both_lifetimes_of_the_authority_are_judged(loose_mesh: Preview) -> None:
    told = "".join(one.message for one in loose_mesh.of("ca-lifetime"))
    assert "rootDays = 7300" in told
    assert "intermediateDays = 3650" in told


def test_a_bad_version_is_refused_although_the_settings_allow_it(loose_mesh: Preview) -> None:
    told = "".join(one.message for one in loose_mesh.of("known-bad-versions"))
    assert BAD_ISTIO in told
    assert "fixed in 1.30.3" in told


def test_clusters_the_authority_and_the_mesh_must_be_protected(loose_mesh: Preview) -> None:
    named = {one.resource for one in loose_mesh.of("protected-mesh")}
    assert named == {"mesh", "prod-east", "elsewhere"}


def test_names_and_labels_are_told_one_by_one(loose_mesh: Preview) -> None:
    told = "".join(one.message for one in loose_mesh.of("names-and-labels"))
    assert "clusterName = elsewhere" in told
    assert "metadata.labels.team\n" in told


def test_a_protected_stack_whose_mesh_is_declared_no_more_is_refused(tmp_path: Path) -> None:
    seen = policy_engine.of_nothing(tmp_path, "prod")

    assert [one.policy for one in seen.violations] == ["protected-mesh"]
    assert "declares no mesh any more" in seen.violations[0].message
    assert seen.code != 0


def test_objects_that_keep_every_policy_pass(good_objects: Preview) -> None:
    assert good_objects.violations == (), good_objects.shown
    assert good_objects.code == 0, good_objects.shown


@pytest.mark.parametrize("policy", sorted(OF_OBJECTS))
def test_objects_are_refused_by_every_policy_that_they_break(policy: str, bad_objects: Preview) -> None:
    assert bad_objects.of(policy), bad_objects.shown
    assert bad_objects.code != 0


def test_wildcards_are_seen_in_gateways_and_in_routes(bad_objects: Preview) -> None:
    assert {one.resource for one in bad_objects.of("istiod-by-name")} == {"istiod-gateway", "istiod-vs"}


def test_two_halves_of_the_world_are_the_world(bad_objects: Preview) -> None:
    (found,) = bad_objects.of("gateway-source-ranges")
    assert "let the whole world in together" in found.message


def test_a_plain_credential_is_named_by_its_place_and_never_shown(bad_objects: Preview) -> None:
    (found,) = bad_objects.of("no-plaintext-secret")

    assert found.resource == "config"
    assert "data.tls.key" in found.message
    assert "MIIB" not in found.message


def test_strict_mtls_is_missed_where_it_was_asked_for(bad_objects: Preview) -> None:
    told = "".join(one.message for one in bad_objects.of("strict-mtls"))
    assert "namespace istio-system" in told
    assert "namespace shop" in told
    assert "portLevelMtls.8080.mode = DISABLE" in told


def test_an_organisation_chooses_the_levels(tmp_path: Path) -> None:
    """Everything advisory but one that is off: the run goes on, and says what it saw."""
    chosen = {"all": "advisory", "istiod-by-name": "disabled", **STRICT}
    seen = policy_engine.of_objects(tmp_path, "bad", chosen)

    assert seen.code == 0, seen.shown
    assert seen.levels() == {"advisory"}
    assert not seen.of("istiod-by-name")
    assert seen.of("no-plaintext-secret")


def test_an_option_that_no_policy_has_is_refused(tmp_path: Path) -> None:
    seen = policy_engine.of_objects(tmp_path, "good", {"ca-lifetime": {"rootDays": "long"}})

    assert seen.code != 0
    assert "rootDays" in seen.shown
