"""What is laid over the mesh changes what Istio's tests ask for and nothing else."""

import json

import yaml

from conformance import fixture


def test_the_mesh_configuration_keeps_what_it_does_not_speak_of() -> None:
    written = "trustDomain: example.org\ndefaultConfig:\n  proxyMetadata: {A: b}\n  meshId: mesh1\n"
    changed = yaml.safe_load(fixture.mesh_config(written))
    assert changed["trustDomain"] == "example.org"
    assert changed["defaultConfig"]["meshId"] == "mesh1"
    assert changed["defaultConfig"]["proxyMetadata"] == {"A": "b", "ISTIO_META_DNS_CAPTURE": "true"}
    assert changed["defaultHttpRetryPolicy"] == {}


def test_an_empty_mesh_configuration_becomes_the_tests_own() -> None:
    assert yaml.safe_load(fixture.mesh_config("")) == fixture.MESH_CONFIG


def test_proxies_ask_for_little_and_keep_their_limits() -> None:
    written = json.dumps({"global": {"proxy": {"resources": {"limits": {"cpu": "2"}, "requests": {"cpu": "100m"}}}}})
    resources = json.loads(fixture.injector_values(written))["global"]["proxy"]["resources"]
    assert resources == {"limits": {"cpu": "2"}, "requests": fixture.SMALL}


def test_the_topology_names_the_primary_of_every_remote() -> None:
    written = json.loads(fixture.topology_file("one", {"one": "network1", "two": "network2"}))
    assert written == [
        {"kind": "Kubernetes", "clusterName": "one", "network": "network1"},
        {"kind": "Kubernetes", "clusterName": "two", "network": "network2", "primaryClusterName": "one"},
    ]


def test_the_private_hosts_file_adds_to_the_machine_s_own() -> None:
    written = fixture.hosts_file("127.0.0.1 localhost\n", {"cluster2-0badcafe-control-plane": "10.89.7.3"})
    assert written == "127.0.0.1 localhost\n10.89.7.3\tcluster2-0badcafe-control-plane\n"


def test_a_node_is_found_in_the_url_of_its_api_server() -> None:
    assert fixture.node_of("https://cluster2-0badcafe-control-plane:6443") == "cluster2-0badcafe-control-plane"


def test_the_ingress_gateway_gets_further_ports_and_keeps_its_own() -> None:
    ports = fixture.ingress_service_patch()["spec"]["ports"]
    assert {port["port"] for port in ports} == {15443, 31400}
    assert all(port["targetPort"] == port["port"] for port in ports)
