"""Clusters in clouds: what their providers are asked for. No cloud has seen these requests."""

import base64
from typing import Any

import pytest
import yaml

from tests.contract.conftest import in_clouds, releases
from tests.contract.recording import Recording, Registration, is_secret
from tether.topology import GATEWAY_PORTS

EKS = "aws:eks/cluster:Cluster"
GKE = "gcp:container/cluster:Cluster"
AKS = "azure:containerservice/kubernetesCluster:KubernetesCluster"
INGRESS = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
GKE_NODES = "gcp:container/nodePool:NodePool"
FIREWALL = "gcp:compute/firewall:Firewall"
SECURITY_RULE = "azure:network/networkSecurityRule:NetworkSecurityRule"
PROVIDER = "pulumi:providers:kubernetes"
SOURCES = ["192.0.2.0/24", "203.0.113.7/32"]
NAMES = ("east", "north", "west")


@pytest.fixture(scope="module")
def private() -> Recording:
    sources = {"endpointSources": ["10.1.0.0/16"]}
    own = {"eks": sources, "gke": sources, "aks": {}}
    return in_clouds(
        exposure={"sourceRanges": SOURCES}, **{key: {"endpoint": "private", **more} for key, more in own.items()}
    )


def of_type(recording: Recording, type_: str) -> list[Registration]:
    return [one for one in recording.all() if one.type == type_]


def kubeconfig(recording: Recording, name: str) -> dict[str, Any]:
    written = recording.one(PROVIDER, name).inputs["kubeconfig"]
    assert is_secret(written)
    return yaml.safe_load(written["value"])


def server(document: dict[str, Any]) -> str:
    return document["clusters"][0]["cluster"]["server"]


def remote_secret(recording: Recording, name: str) -> dict[str, Any]:
    data = recording.one("kubernetes:core/v1:Secret", name).inputs["data"]
    assert is_secret(data)
    (content,) = data["value"].values()
    return yaml.safe_load(base64.b64decode(content))


def annotations(recording: Recording, name: str) -> dict[str, str]:
    return releases(recording)[name].inputs["values"]["service"]["annotations"]


def opened(recording: Recording) -> set[tuple[int, str]]:
    """Ports and sources that EKS's security group lets in."""
    rules = of_type(recording, INGRESS)
    for one in rules:
        assert one.inputs["securityGroupId"] == "sg-of-the-cluster"
        assert one.inputs["ipProtocol"] == "tcp"
        assert one.inputs["fromPort"] == one.inputs["toPort"]
    return {(int(one.inputs["fromPort"]), one.inputs.get("cidrIpv4") or one.inputs["cidrIpv6"]) for one in rules}


def test_everybody_may_reach_the_gateways_ports_where_nobody_is_named(cloud_clusters: Recording) -> None:
    assert opened(cloud_clusters) == {(port, "0.0.0.0/0") for port in GATEWAY_PORTS}
    assert cloud_clusters.one(FIREWALL, "north-gateway").inputs["sourceRanges"] == ["0.0.0.0/0"]
    assert cloud_clusters.one(SECURITY_RULE, "west-gateway").inputs["sourceAddressPrefixes"] == ["0.0.0.0/0"]


def test_the_network_lets_in_who_the_load_balancer_lets_in_and_on_the_gateways_ports_alone(private: Recording) -> None:
    ports = [str(port) for port in GATEWAY_PORTS]
    assert {rule for rule in opened(private) if rule[0] != 443} == {
        (port, one) for port in GATEWAY_PORTS for one in SOURCES
    }
    firewall, rule = private.one(FIREWALL, "north-gateway"), private.one(SECURITY_RULE, "west-gateway")
    assert firewall.inputs["sourceRanges"] == rule.inputs["sourceAddressPrefixes"] == SOURCES
    assert firewall.inputs["allows"] == [{"protocol": "tcp", "ports": ports}]
    assert rule.inputs["destinationPortRanges"] == ports
    assert (rule.inputs["access"], rule.inputs["direction"], rule.inputs["protocol"]) == ("Allow", "Inbound", "Tcp")


def test_sources_of_ipv6_get_rules_of_their_own() -> None:
    recording = in_clouds(exposure={"sourceRanges": ["2001:db8::/32", "192.0.2.0/24"]})
    assert {source for _, source in opened(recording)} == {"2001:db8::/32", "192.0.2.0/24"}
    assert recording.one(FIREWALL, "north-gateway").inputs["sourceRanges"] == ["192.0.2.0/24"]
    assert recording.one(FIREWALL, "north-gateway-ipv6").inputs["sourceRanges"] == ["2001:db8::/32"]
    rules = [recording.one(SECURITY_RULE, f"west-{name}").inputs for name in ("gateway", "gateway-ipv6")]
    assert [rule["sourceAddressPrefixes"] for rule in rules] == [["192.0.2.0/24"], ["2001:db8::/32"]]
    assert rules[0]["priority"] != rules[1]["priority"], "Azure refuses two of one priority"


def test_gke_s_api_server_may_call_istiod_s_webhook_on_nodes_of_the_cluster(cloud_clusters: Recording) -> None:
    rule, nodes = (
        cloud_clusters.one(FIREWALL, "north-webhook"),
        cloud_clusters.one(GKE_NODES, "north"),
    )
    control_plane = cloud_clusters.one(GKE, "north").inputs["privateClusterConfig"]["masterIpv4CidrBlock"]
    assert rule.inputs["sourceRanges"] == [control_plane]
    assert rule.inputs["allows"] == [{"protocol": "tcp", "ports": ["15017"]}]
    assert rule.inputs["targetTags"] == nodes.inputs["nodeConfig"]["tags"] == ["north-1a2b3c4"]


def test_eks_s_nodes_carry_the_cluster_s_security_group_so_that_webhooks_need_no_rule(
    cloud_clusters: Recording,
) -> None:
    (nodes,) = of_type(cloud_clusters, "aws:eks/nodeGroup:NodeGroup")
    assert not {"launchTemplate", "remoteAccess"} & nodes.inputs.keys()


def test_a_public_endpoint_is_open_to_everybody_unless_callers_are_named(cloud_clusters: Recording) -> None:
    vpc = cloud_clusters.one(EKS, "east").inputs["vpcConfig"]
    assert (vpc["endpointPublicAccess"], vpc["publicAccessCidrs"]) == (True, ["0.0.0.0/0"])
    assert vpc["endpointPrivateAccess"], "nodes stay in their network"
    google = cloud_clusters.one(GKE, "north").inputs
    assert not google["privateClusterConfig"]["enablePrivateEndpoint"]
    assert "masterAuthorizedNetworksConfig" not in google
    microsoft = cloud_clusters.one(AKS, "west").inputs
    assert not microsoft["privateClusterEnabled"]
    assert not {"apiServerAccessProfile", "privateDnsZoneId"} & microsoft.keys()


def test_callers_of_a_public_endpoint_are_told_to_the_cloud() -> None:
    recording = in_clouds(**{key: {"endpointSources": SOURCES} for key in ("eks", "gke", "aks")})
    assert recording.one(EKS, "east").inputs["vpcConfig"]["publicAccessCidrs"] == SOURCES
    assert 443 not in {port for port, _ in opened(recording)}
    allowed = recording.one(GKE, "north").inputs["masterAuthorizedNetworksConfig"]["cidrBlocks"]
    assert [one["cidrBlock"] for one in allowed] == SOURCES
    assert recording.one(AKS, "west").inputs["apiServerAccessProfile"] == {"authorizedIpRanges": SOURCES}


def test_a_private_endpoint_has_no_address_on_the_internet(private: Recording) -> None:
    vpc = private.one(EKS, "east").inputs["vpcConfig"]
    assert not vpc["endpointPublicAccess"]
    assert vpc["endpointPrivateAccess"]
    assert vpc["publicAccessCidrs"] is None
    assert (443, "10.1.0.0/16") in opened(private)
    google = private.one(GKE, "north").inputs
    assert google["privateClusterConfig"]["enablePrivateEndpoint"]
    assert google["masterAuthorizedNetworksConfig"] == {"cidrBlocks": [{"cidrBlock": "10.1.0.0/16"}]}
    microsoft = private.one(AKS, "west").inputs
    assert microsoft["privateClusterEnabled"]
    assert microsoft["privateClusterPublicFqdnEnabled"], "or the primary's pods would need its private DNS zone"
    assert microsoft["privateDnsZoneId"] == "None"
    assert "apiServerAccessProfile" not in microsoft, "AKS takes it for public clusters only"


def test_a_private_endpoint_of_gke_whose_callers_nobody_named_serves_its_own_network() -> None:
    google = in_clouds(gke={"endpoint": "private"}).one(GKE, "north").inputs
    assert google["masterAuthorizedNetworksConfig"] == {"cidrBlocks": []}


@pytest.mark.parametrize(
    ("recorded", "north"), [("cloud_clusters", "https://203.0.113.10"), ("private", "https://172.16.0.2")]
)
def test_istiod_and_this_machine_reach_the_api_server_where_the_endpoint_is(
    recorded: str, north: str, request: pytest.FixtureRequest
) -> None:
    recording = request.getfixturevalue(recorded)
    assert server(kubeconfig(recording, "north")) == server(remote_secret(recording, "north")) == north
    west = "https://west-x.azmk8s.test:443"
    assert server(kubeconfig(recording, "west")) == server(remote_secret(recording, "west")) == west
    assert server(kubeconfig(recording, "east")) == "https://0123456789.eks.amazonaws.test"


@pytest.mark.parametrize("name", ["north", "west"])
def test_the_remote_secret_holds_the_reader_s_token_and_no_login_program(cloud_clusters: Recording, name: str) -> None:
    (user,) = remote_secret(cloud_clusters, name)["users"]
    assert user["user"] == {"token": "token-of-the-reader"}


def test_this_machine_logs_in_by_the_clouds_own_programs_or_a_client_certificate(cloud_clusters: Recording) -> None:
    east, north, west = (kubeconfig(cloud_clusters, name)["users"][0]["user"] for name in NAMES)
    assert [east["exec"]["command"], *east["exec"]["args"]] == [
        "aws", "eks", "get-token", "--cluster-name", "east-1a2b3c4", "--region", "eu-central-1", "--output", "json",
    ]  # fmt: skip
    assert north["exec"]["command"] == "gke-gcloud-auth-plugin"
    assert west == {"client-certificate-data": "Y2VydA==", "client-key-data": "key-of-the-account"}


@pytest.mark.parametrize("name", NAMES)
def test_what_is_in_a_cloud_cluster_goes_before_its_nodes_rules_and_ways_out(
    cloud_clusters: Recording, name: str
) -> None:
    """A load balancer that outlives its cluster costs money, and keeps its network from being deleted."""
    gateway, provider = releases(cloud_clusters)[name], cloud_clusters.one(PROVIDER, name)
    assert gateway.deleted_with == ""
    cluster = cloud_clusters.by_urn[provider.parent]
    needed = [
        one for one in cloud_clusters.all()
        if one.urn != provider.urn and one.custom and cloud_clusters.is_below(one, cluster)
    ]  # fmt: skip
    assert len(needed) > 5
    for one in needed:
        assert cloud_clusters.reaches(provider, one), f"{one.key} might go first"


def test_no_cloud_is_given_credentials_or_an_account_of_its_own(cloud_clusters: Recording) -> None:
    """The default providers take them from the stack's configuration and the environment, as everywhere in Pulumi."""
    for one in cloud_clusters.all():
        if one.type.startswith(("aws:", "gcp:", "azure:")):
            assert one.provider == "", one.key
    assert [one.type for one in cloud_clusters.all() if one.type.startswith("pulumi:providers:")] == [PROVIDER] * 3


def test_a_region_is_said_to_everything_that_lies_in_one() -> None:
    for one in in_clouds().all():
        if one.type.startswith(("aws:ec2/", "aws:eks/", "aws:vpc/")):
            assert one.inputs["region"] == "eu-central-1", one.key


def test_a_zone_of_gke_has_its_network_in_the_region_around() -> None:
    recording = in_clouds(gke={"region": "europe-west3-a", "project": "mesh-project"})
    assert recording.one(GKE, "north").inputs["location"] == "europe-west3-a"
    assert recording.one("gcp:compute/subnetwork:Subnetwork", "north").inputs["region"] == "europe-west3"
    for one in recording.all():
        if one.type.startswith("gcp:"):
            assert one.inputs["project"] == "mesh-project", one.key


def test_eks_s_subnets_lie_in_two_zones_and_say_which_load_balancers_they_are_for(cloud_clusters: Recording) -> None:
    subnets = of_type(cloud_clusters, "aws:ec2/subnet:Subnet")
    seen = {
        (one.inputs["availabilityZone"], next(key for key in one.inputs["tags"] if key.startswith("kubernetes.io/")))
        for one in subnets
    }
    roles = ("kubernetes.io/role/elb", "kubernetes.io/role/internal-elb")
    assert seen == {(zone, role) for zone in ("zone-a", "zone-b") for role in roles}
    assert sorted(one.inputs["cidrBlock"] for one in subnets) == [
        "10.64.0.0/18", "10.64.128.0/18", "10.64.192.0/18", "10.64.64.0/18",
    ]  # fmt: skip


def test_networks_that_are_there_are_taken_and_none_is_made() -> None:
    subnet = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/virtualNetworks/n/subnets/nodes"
    recording = in_clouds(
        eks={"subnets": ["subnet-1", "subnet-2"]},
        gke={"network": "shared", "subnetwork": "nodes"},
        aks={"subnet": subnet},
    )
    assert not [one.key for one in recording.all() if one.type.endswith(("Network", "Vpc", "Subnet", "Subnetwork"))]
    assert recording.one(EKS, "east").inputs["vpcConfig"]["subnetIds"] == ["subnet-1", "subnet-2"]
    assert recording.one("aws:eks/nodeGroup:NodeGroup", "east-nodes").inputs["subnetIds"] == ["subnet-1", "subnet-2"]
    google = recording.one(GKE, "north").inputs
    assert (google["network"], google["subnetwork"]) == ("shared", "nodes")
    assert {one.inputs["network"] for one in of_type(recording, FIREWALL)} == {"shared"}
    assert recording.one(AKS, "west").inputs["defaultNodePool"]["vnetSubnetId"] == subnet
    assert recording.one("azure:authorization/assignment:Assignment", "west").inputs["scope"] == subnet


def test_the_chosen_version_size_and_number_of_nodes_are_asked_for() -> None:
    more = {"version": "1.34", "nodes": 3, "nodeType": "large-one"}
    recording = in_clouds(eks=more, gke=more, aks=more)
    assert recording.one(EKS, "east").inputs["version"] == "1.34"
    nodes = recording.one("aws:eks/nodeGroup:NodeGroup", "east-nodes").inputs
    assert (nodes["instanceTypes"], set(nodes["scalingConfig"].values())) == (["large-one"], {3})
    assert recording.one(GKE, "north").inputs["minMasterVersion"] == "1.34"
    pool = recording.one(GKE_NODES, "north").inputs
    assert (pool["nodeConfig"]["machineType"], pool["nodeCount"]) == ("large-one", 3)
    microsoft = recording.one(AKS, "west").inputs
    assert microsoft["kubernetesVersion"] == "1.34"
    assert (microsoft["defaultNodePool"]["vmSize"], microsoft["defaultNodePool"]["nodeCount"]) == ("large-one", 3)


@pytest.mark.parametrize(
    ("name", "platform", "cloud"), [("east", "eks", "aws"), ("north", "gke", "google"), ("west", "aks", "azure")]
)
def test_a_gateway_is_internal_only_where_that_is_asked_for(name: str, platform: str, cloud: str) -> None:
    def says_internal(recording: Recording) -> bool:
        return "internal" in str(annotations(recording, name)).lower()

    assert not says_internal(in_clouds())
    assert says_internal(in_clouds(gateways={platform: {"internal": cloud}}))


def test_eks_s_gateways_keep_their_addresses(cloud_clusters: Recording) -> None:
    assert annotations(cloud_clusters, "east") == {"service.beta.kubernetes.io/aws-load-balancer-type": "nlb"}
    assert annotations(cloud_clusters, "north") == annotations(cloud_clusters, "west") == {}


@pytest.mark.parametrize(
    ("region", "partition"), [("cn-north-1", "aws-cn"), ("us-gov-west-1", "aws-us-gov"), ("eu-west-1", "aws")]
)
def test_rights_are_named_in_the_part_of_aws_that_the_region_lies_in(region: str, partition: str) -> None:
    attached = of_type(in_clouds(eks={"region": region}), "aws:iam/rolePolicyAttachment:RolePolicyAttachment")
    assert len(attached) == 4
    assert {one.inputs["policyArn"].split(":")[1] for one in attached} == {partition}
