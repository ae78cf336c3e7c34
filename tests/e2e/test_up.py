"""What a user has after ``make up``."""

import base64
import hashlib
import ipaddress
import json
import re
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.e2e.breaking.lab import Lab
from tests.e2e.conftest import Mesh
from tests.e2e.environment import PROJECT, TETHER, runtime
from tether import topology, versions
from tether.cli.mesh_document import OUTPUTS, MeshDocument
from tether.cli.outputs_page import BESIDE

DRIFT_SECONDS = 600
WELL_SECONDS = 180.0


def test_every_cluster_was_answered_by_every_cluster_under_the_identities_of_both(mesh: Mesh) -> None:
    proof = mesh.result["verification"]
    for asking in ("cluster1", "cluster2"):
        assert proof["answers"][asking]["cluster1"] > 0
        assert proof["answers"][asking]["cluster2"] > 0
    assert sum(sum(counts.values()) for counts in proof["answers"].values()) == proof["requests"]
    callers = {identity.rsplit("/", 1)[1] for identity in proof["identities"]}
    assert callers == {"echo-cluster1", "echo-cluster2"}
    assert all(identity.startswith("spiffe://cluster.local/ns/tether-verify-") for identity in proof["identities"])


def test_the_verification_leaves_nothing_in_the_clusters(mesh: Mesh) -> None:
    for cluster in ("cluster1", "cluster2"):
        assert mesh.environment.namespaces_of_the_verification(cluster) == []


def test_endpoints_name_api_server_gateway_and_istiod(mesh: Mesh) -> None:
    endpoints = {endpoint["cluster"]: endpoint for endpoint in mesh.environment.output("endpoints")}
    assert endpoints["cluster1"]["istiod"]["address"] == endpoints["cluster1"]["eastWestGateway"]["address"]
    assert endpoints["cluster1"]["istiod"]["ports"] == {"xds": 15012, "webhook": 15017}
    assert endpoints["cluster2"]["istiod"] is None
    for cluster, endpoint in endpoints.items():
        service = mesh.environment.get(cluster, "-n", "istio-system", "service", topology.EAST_WEST_GATEWAY)
        assert endpoint["eastWestGateway"]["address"] == service["status"]["loadBalancer"]["ingress"][0]["ip"]
        assert {port["port"] for port in service["spec"]["ports"]} == set(topology.GATEWAY_PORTS)
        assert re.fullmatch(r"https://cluster[12]-[0-9a-f]{8}-control-plane:6443", endpoint["apiServer"])


def test_load_balancer_addresses_lie_where_no_container_can_be(mesh: Mesh) -> None:
    network = topology.network_name(mesh.environment.suffix)
    state = {resource["type"]: resource for resource in mesh.environment.state()}
    subnet = state["tether:index:ContainerNetwork"]["outputs"]["subnet"]
    containers = ipaddress.ip_network(topology.container_range(subnet))
    assert network in runtime("network", "ls", "--format", "{{.Name}}")
    for endpoint in mesh.environment.output("endpoints"):
        address = ipaddress.ip_address(endpoint["eastWestGateway"]["address"])
        assert address in ipaddress.ip_network(subnet)
        assert address not in containers


def test_a_cluster_of_tethers_own_image_resolves_names_early_and_has_no_token_to_join_it(mesh: Mesh) -> None:
    for cluster in ("cluster1", "cluster2"):
        coredns = mesh.environment.get(cluster, "-n", "kube-system", "deployment", "coredns")
        (container,) = coredns["spec"]["template"]["spec"]["containers"]
        assert (coredns["spec"]["replicas"], container["readinessProbe"]["periodSeconds"]) == (1, 1)
        secrets = mesh.environment.get(cluster, "-n", "kube-system", "secrets")["items"]
        assert not [secret for secret in secrets if secret["type"] == "bootstrap.kubernetes.io/token"]


def test_a_control_plane_of_tethers_own_image_seldom_collects_garbage(mesh: Mesh) -> None:
    for cluster in ("cluster1", "cluster2"):
        pods = mesh.environment.get(cluster, "-n", "kube-system", "pods", "-l", "tier=control-plane")["items"]
        told = {pod["metadata"]["labels"]["component"]: pod["spec"]["containers"][0].get("env") for pod in pods}
        often = [{"name": "GOGC", "value": "200"}]
        assert told == {
            "etcd": often,
            "kube-apiserver": often,
            "kube-controller-manager": often,
            "kube-scheduler": often,
        }


def test_the_mesh_output_tells_versions_and_the_root_that_istiod_uses(mesh: Mesh) -> None:
    about = mesh.environment.output("mesh")
    secret = mesh.environment.get("cluster1", "-n", "istio-system", "secret", "cacerts")
    pem = base64.b64decode(secret["data"]["root-cert.pem"]).decode()
    der = base64.b64decode("".join(pem.splitlines()[1:-1]))
    assert about["rootCertificateFingerprint"].replace(":", "").lower() == hashlib.sha256(der).hexdigest()
    assert about["istioVersion"] in (versions.ISTIO.version, versions.ISTIO_RELEASE.version)
    assert about["meshId"] == "mesh1"


def test_the_outputs_are_those_of_the_reference_field_by_field(mesh: Mesh) -> None:
    listed = json.loads(mesh.environment.pulumi("stack", "output", "--json").stdout)
    assert listed.keys() == {*OUTPUTS, *BESIDE}
    told = MeshDocument.model_validate(mesh.result)
    endpoints, credentials = told.endpoints or (), told.credentials or ()
    assert (len(endpoints), len(credentials)) == (2, 1)
    for part in (*endpoints, told.mesh, *credentials, told.verification):
        assert part is not None
        assert part.model_extra == {}, type(part)
        assert {name for name in type(part).model_fields if name not in part.model_fields_set} <= {"revision"}


def test_kubeconfigs_are_secret_in_the_outputs_and_in_the_state(mesh: Mesh) -> None:
    shown = mesh.environment.pulumi("stack", "output", "--json")
    assert json.loads(shown.stdout)["kubeconfigs"] == "[secret]"
    state = mesh.environment.pulumi("stack", "export").stdout
    assert "client-key-data" not in state
    assert "PRIVATE KEY" not in state
    token = mesh.environment.get("cluster2", "-n", "istio-system", "secret", topology.READER_TOKEN_SECRET)
    assert token["data"]["token"] not in state


def test_an_engine_s_command_leaves_no_kubeconfig_in_the_temporary_folder(mesh: Mesh, tmp_path: Path) -> None:
    ran = mesh.environment.run("pulumi", "preview", "--non-interactive", environment={"TMPDIR": str(tmp_path)})
    assert ran.code == 0, ran.talk
    assert [path for path in tmp_path.rglob("*") if path.is_file() and "clusters:" in path.read_text()] == []


def test_the_readme_output_is_a_page_with_every_cluster(mesh: Mesh) -> None:
    page = mesh.environment.output("readme")
    assert page.startswith("# Mesh mesh1")
    assert all(f"| {cluster} |" in page for cluster in mesh.environment.output("clusters"))


def test_up_again_changes_nothing(mesh: Mesh) -> None:
    ran = mesh.environment.run("make", "--no-print-directory", "up")
    assert ran.code == 0, ran.talk
    assert "nothing to change" in ran.talk


def test_the_engine_s_own_commands_do_the_same_in_a_prepared_shell(mesh: Mesh) -> None:
    ran = mesh.environment.run(
        "bash", "-c", 'eval "$(make --no-print-directory env)" && pulumi preview --expect-no-changes --non-interactive'
    )
    assert ran.code == 0, ran.talk


def test_nothing_has_drifted_right_after_up(mesh: Mesh) -> None:
    ran = mesh.environment.pulumi("preview", "--refresh", "--expect-no-changes")
    assert ran.code == 0, ran.talk


@pytest.mark.aged
@pytest.mark.timeout(DRIFT_SECONDS + 300)
def test_nothing_has_drifted_after_ten_minutes(mesh: Mesh) -> None:
    time.sleep(max(0.0, mesh.up_at + DRIFT_SECONDS - time.monotonic()))
    ran = mesh.environment.pulumi("preview", "--refresh", "--expect-no-changes")
    assert ran.code == 0, ran.talk


def webhooks(mesh: Mesh) -> dict[tuple[str, str], str]:
    """The version of every webhook configuration of Istio, by cluster and name."""
    kinds = "mutatingwebhookconfigurations,validatingwebhookconfigurations"
    return {
        (cluster, one["metadata"]["name"]): one["metadata"]["resourceVersion"]
        for cluster in ("cluster1", "cluster2")
        for one in mesh.environment.get(cluster, kinds)["items"]
        if "istio" in one["metadata"]["name"]
    }


def test_an_istiod_that_starts_finds_every_webhook_as_it_wants_it(mesh: Mesh) -> None:
    """With the root preset, istiod compares bytes and writes nothing (istio/istio pkg/webhooks/webhookpatch.go)."""
    before = webhooks(mesh)
    assert {cluster for cluster, _ in before} == {"cluster1", "cluster2"}
    Lab(mesh.environment).restart_istiod()
    mesh.environment.be_well(WELL_SECONDS)
    assert webhooks(mesh) == before


def test_the_remote_secret_is_what_istioctl_would_have_written(mesh: Mesh) -> None:
    server = next(one["apiServer"] for one in mesh.environment.output("endpoints") if one["cluster"] == "cluster2")
    ran = mesh.environment.run(
        "istioctl", "create-remote-secret", "--kubeconfig", mesh.environment.kubeconfig("cluster2"), "--name",
        "cluster2", "-n", "istio-system", "--server", server, "--create-service-account=false",
    )  # fmt: skip
    assert ran.code == 0, ran.talk
    theirs: dict[str, Any] = next(iter(yaml.safe_load_all(ran.stdout)))
    ours = mesh.environment.get("cluster1", "-n", "istio-system", "secret", "istio-remote-secret-cluster2")
    assert ours["metadata"]["labels"].items() >= theirs["metadata"]["labels"].items()
    assert ours["metadata"]["annotations"].items() >= theirs["metadata"]["annotations"].items()
    assert {key: base64.b64decode(value).decode() for key, value in ours["data"].items()} == theirs["stringData"]


def test_istiod_says_itself_that_it_reads_the_remote(mesh: Mesh) -> None:
    ran = mesh.environment.run("istioctl", "remote-clusters", "--kubeconfig", mesh.environment.kubeconfig("cluster1"))
    assert ran.code == 0, ran.talk
    (line,) = [line for line in ran.stdout.splitlines() if line.startswith("cluster2")]
    assert " synced " in line


def test_istiod_answers_the_remote_only_by_the_names_in_its_certificate(mesh: Mesh) -> None:
    service = mesh.environment.get("cluster1", "-n", "istio-system", "virtualservices.networking.istio.io", "istiod-vs")
    names = {host for rule in service["spec"]["tls"] for match in rule["match"] for host in match["sniHosts"]}
    assert names == {"istiod.istio-system.svc"}


def test_a_second_run_at_the_same_time_is_refused(mesh: Mesh) -> None:
    one = mesh.environment.start(TETHER, "up")
    other = mesh.environment.run(TETHER, "up", "--stack", mesh.environment.stack)
    said, _ = one.communicate()
    assert {one.returncode, other.code} == {0, 4}, said + other.talk


def test_the_user_s_own_files_are_left_alone(mesh: Mesh) -> None:
    assert mesh.environment.variables["PULUMI_HOME"].startswith(str(PROJECT))
    assert not str(mesh.environment.kubeconfig("cluster1")).startswith(str(PROJECT.home() / ".kube"))
