import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from tether import topology
from tether.errors import Problem, SettingsError
from tether.settings import cloud_tools, read
from tether.settings.clouds import AksSettings, CloudSettings, EksSettings, Endpoint, GkeSettings
from tether.topology import Platform

ROOT = Path(__file__).parents[3]
REGIONS = {"eks": "eu-central-1", "gke": "europe-west3-a", "aks": "westeurope"}
SUBNET = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/virtualNetworks/n/subnets/nodes"


def mesh(platform: str, own: Any, **more: Any) -> dict[str, str]:
    made: dict[str, Any] = {"name": "west", "role": "remote", "network": "n2", "platform": platform, **more}
    if own is not None:
        made[platform] = own
    return {"tether:clusters": json.dumps([{"name": "east", "role": "primary", "network": "n1"}, made])}


def problems(platform: str, own: Any, **more: Any) -> list[Problem]:
    with pytest.raises(SettingsError) as caught:
        read(mesh(platform, own, **more))
    return list(caught.value.problems)


def one_problem(platform: str, own: Any, **more: Any) -> Problem:
    (problem,) = problems(platform, own, **more)
    return problem


@pytest.mark.parametrize(("platform", "model"), [("eks", EksSettings), ("gke", GkeSettings), ("aks", AksSettings)])
def test_a_region_is_enough(platform: str, model: type[CloudSettings]) -> None:
    west = topology.plan(read(mesh(platform, {"region": REGIONS[platform]}))).remotes[0]
    assert isinstance(west.cloud, model)
    assert (west.cloud.endpoint, west.cloud.endpoint_sources, west.kubernetes_version) == (Endpoint.PUBLIC, (), None)
    assert west.is_made
    assert not west.is_kind


@pytest.mark.parametrize("platform", REGIONS)
def test_a_cloud_without_a_region_is_refused_with_the_key_to_set(platform: str) -> None:
    problem = one_problem(platform, None)
    assert problem.subject == f"tether:clusters[1].{platform}.region"
    assert problem.fix == f"pulumi config set --path 'tether:clusters[1].{platform}.region' VALUE"
    assert one_problem(platform, {}).subject == problem.subject


def test_what_belongs_to_another_platform_is_refused() -> None:
    found = problems("eks", {"region": "eu-west-1"}, gke={"region": "europe-west3"}, podCidr="10.1.0.0/16")
    assert [problem.subject for problem in found] == ["tether:clusters[1].gke", "tether:clusters[1].podCidr"]
    assert found[0].wrong == "belongs to clusters of platform gke, and west is of platform eks"


@pytest.mark.parametrize(
    ("platform", "key", "value", "wrong"),
    [
        ("aks", "region", "West Europe", "is no region"),
        ("eks", "version", "1.3", "is no version of Kubernetes"),
        ("eks", "version", "latest", "is no version of Kubernetes"),
        ("gke", "nodes", 0, "is less than 1"),
        ("gke", "endpoint", "internal", "is none of: public, private"),
        ("aks", "networkCidr", "10.0.0.1/16", "host bits zero"),
        ("eks", "networkCidr", "10.0.0.0/8", "has a prefix of /8; it must be /16 to /22"),
        ("gke", "controlPlaneCidr", "172.16.0.0/24", "is no IPv4 network of size /28"),
        ("aks", "subnet", "nodes", "is no resource ID of a subnet"),
    ],
)
def test_a_single_value_that_a_cloud_would_refuse_is_refused_here(
    platform: str, key: str, value: Any, wrong: str
) -> None:
    problem = one_problem(platform, {"region": REGIONS[platform], key: value})
    assert problem.subject == f"tether:clusters[1].{platform}.{key}"
    assert wrong in problem.wrong


def test_a_caller_that_is_no_network_is_named_by_its_place() -> None:
    problem = one_problem("eks", {"region": "eu-west-1", "endpointSources": ["10.0.0.0/8", "me"]})
    assert problem.subject == "tether:clusters[1].eks.endpointSources[1]"


@pytest.mark.parametrize(
    ("platform", "own", "removed"),
    [
        ("eks", {"subnets": ["subnet-1", "subnet-2"], "networkCidr": "10.1.0.0/16"}, "networkCidr"),
        ("eks", {"subnets": ["subnet-1"]}, "subnets"),
        ("gke", {"network": "n", "subnetwork": "s", "networkCidr": "10.1.0.0/16"}, "networkCidr"),
        ("gke", {"network": "n"}, "network"),
        ("gke", {"subnetwork": "s"}, "subnetwork"),
        ("aks", {"subnet": SUBNET, "networkCidr": "10.1.0.0/16"}, "networkCidr"),
        ("aks", {"endpoint": "private", "endpointSources": ["10.0.0.0/8"]}, "endpointSources"),
    ],
)
def test_values_that_do_not_go_together_are_refused_with_the_one_to_take_out(
    platform: str, own: dict[str, Any], removed: str
) -> None:
    problem = one_problem(platform, {"region": REGIONS[platform], **own})
    assert problem.subject == f"tether:clusters[1].{platform}"
    assert problem.fix == f"pulumi config rm --path 'tether:clusters[1].{platform}.{removed}'"


def test_an_internal_gateway_of_another_cloud_is_refused_wherever_it_was_asked_for() -> None:
    problem = one_problem("eks", {"region": "eu-west-1"}, exposure={"internal": "google"})
    assert problem.subject == "tether:clusters[1].exposure.internal"
    assert problem.fix.endswith(" aws")
    east = {"name": "east", "role": "primary", "network": "n1", "platform": "gke", "gke": {"region": "europe-west3"}}
    west = {"name": "west", "role": "remote", "network": "n2", "platform": "aks", "aks": {"region": "westeurope"}}
    with pytest.raises(SettingsError) as caught:
        read({"tether:clusters": json.dumps([east, west]), "tether:exposure": '{"internal": "google"}'})
    assert [problem.subject for problem in caught.value.problems] == ["tether:clusters[1].exposure.internal"]


def test_the_chosen_version_is_what_the_cluster_is_expected_to_have() -> None:
    west = topology.plan(read(mesh("eks", {"region": "eu-west-1", "version": 1.34}))).remotes[0]
    assert west.kubernetes_version == "1.34"


def missing(*platforms: str, modules: bool = True, programs: bool = True) -> list[Problem]:
    clusters = [{"platform": platform} for platform in platforms]
    return list(cloud_tools.check(clusters, "tether", has_module=lambda _: modules, has_program=lambda _: programs))


def test_a_missing_package_is_one_problem_with_the_command_that_installs_it() -> None:
    (problem,) = missing("kind", "eks", modules=False)
    assert problem.subject == "tether:clusters[1].platform"
    assert problem.wrong == "needs the Python package pulumi-aws, which is not installed"
    assert problem.fix.startswith("make clouds ")
    assert problem.fix.endswith("uv sync --inexact --extra eks")


def test_a_missing_login_program_is_named_where_a_kubeconfig_calls_one() -> None:
    found = missing("eks", "gke", "aks", programs=False)
    assert ["aws" in found[0].wrong, "gke-gcloud-auth-plugin" in found[1].wrong, len(found)] == [True, True, 2]


def test_nothing_is_looked_for_where_no_cluster_is_in_a_cloud() -> None:
    assert missing("kind", "existing", "nonsense", modules=False, programs=False) == []
    assert missing("eks", "gke", "aks") == []


def test_a_package_and_a_program_are_looked_for_where_python_and_the_shell_look(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    (problem,) = cloud_tools.check([{"platform": "eks"}], "tether")
    assert "program aws" in problem.wrong, "the package itself is in this environment"


@pytest.mark.parametrize("platform", REGIONS)
def test_every_cloud_s_extra_brings_the_package_that_is_looked_for(platform: str) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    (requirement,) = project["optional-dependencies"][platform]
    assert requirement.partition(">=")[0] == cloud_tools.TOOLS[Platform(platform)].package


@pytest.mark.parametrize("platform", ["kind", "existing", *REGIONS])
def test_the_settings_of_every_how_to_can_be_used(platform: str) -> None:
    page = (ROOT / f"docs/how-to/use-{platform}-clusters.md").read_text()
    config = yaml.safe_load(page.partition("```yaml\n")[2].partition("```")[0])["config"]
    written = {key: value if isinstance(value, str) else json.dumps(value) for key, value in config.items()}
    assert {cluster.platform for cluster in read(written).clusters} == {platform}
