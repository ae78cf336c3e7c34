"""Clusters that do what clouds do: a load balancer with a name, v1 Endpoints, webhooks that somebody else edits."""

import json
import os
import stat
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.environment import TETHER, Environment, Ran, until
from tests.e2e.program import Program
from tests.e2e.test_existing_clusters import CLUSTERS, settings_over
from tether import addresses
from tether.errors import ExitCode
from tether.topology import EAST_WEST_GATEWAY, GATEWAY_PORTS

ISTIO = "istio-system"
NAME = "lb.tether.test"
"""What the load balancer of the primary answers, as on AWS."""
NOBODY = "tether.test/nobody"
"""A class of load balancers that nobody serves, so that nobody overwrites the name."""
ENFORCED: list[dict[str, Any]] = [
    {"key": "control-plane", "operator": "NotIn", "values": ["true"]},
    {"key": "kubernetes.azure.com/managedby", "operator": "NotIn", "values": ["aks"]},
]
"""What the admissions enforcer of AKS adds to every webhook (Azure/AKS#1771)."""
WEBHOOKS = ("mutatingwebhookconfigurations", "validatingwebhookconfigurations")
SECONDS = 240.0
ROOT_KEY = "root-key.pem"
"""File that the root's key is handed out into."""


@dataclass(frozen=True, kw_only=True)
class Cloud:
    """Two clusters with a cloud's traits, and a machine whose resolver knows the name."""

    environment: Environment
    files: dict[str, Path]
    """Kubeconfigs."""
    hosts: Path
    """What the machine's hosts file is to the commands below, and to nobody else."""

    def run(self, *command: str | Path) -> Ran:
        """Run a command that sees those hosts, in mounts of its own."""
        own = ["unshare", "--mount", *([] if os.geteuid() == 0 else ["--map-root-user"])]
        return self.environment.run(*own, "sh", "-c", 'mount --bind "$0" /etc/hosts && exec "$@"', self.hosts, *command)

    def do(self, *command: str | Path) -> Ran:
        """The same, where it must succeed."""
        ran = self.run(*command)
        assert ran.code == 0, ran.talk
        return ran

    def kubectl(self, cluster: str, *arguments: str, stdin: str | None = None) -> str:
        command = ("kubectl", "--kubeconfig", self.files[cluster], "-n", ISTIO, *arguments)
        ran = self.environment.run(*command, stdin=stdin)
        assert ran.code == 0, ran.talk
        return ran.stdout

    def get(self, cluster: str, *what: str) -> dict[str, Any]:
        return json.loads(self.kubectl(cluster, "get", *what, "-o", "json"))

    def lead_to(self, ips: Sequence[str]) -> None:
        """Have the name stand for these addresses: for this machine, and for istiod, which resolves it itself."""
        own = [line for line in Path("/etc/hosts").read_text().splitlines() if NAME not in line]
        lines = [f"{ip} {NAME}" for ip in ips]
        # In place: a file of another inode would not be the one that is mounted.
        self.hosts.write_text("\n".join([*own, *lines, ""]))
        before = self.get("east", "-n", "kube-system", "configmap", "coredns")["data"]["Corefile"]
        zone = [f"{NAME}:53 {{", "    hosts {", *lines, "        ttl 5", "    }", "}", ""]
        corefile = before.partition(zone[0])[0] + "\n".join(zone)
        patch = {"data": {"Corefile": corefile}}
        self.kubectl("east", "-n", "kube-system", "patch", "configmap", "coredns", "-p", json.dumps(patch))
        self.kubectl("east", "-n", "kube-system", "rollout", "restart", "deployment", "coredns")

    def istiod_addresses(self) -> list[str]:
        """Where the remote's Service istiod leads by its EndpointSlices."""
        slices = self.get("west", "endpointslices", "-l", "kubernetes.io/service-name=istiod")["items"]
        writers = {one["metadata"]["labels"]["endpointslice.kubernetes.io/managed-by"] for one in slices}
        assert writers == {"Helm", "tether"}, "nothing is mirrored"
        return sorted({ip for one in slices for endpoint in one["endpoints"] for ip in endpoint["addresses"]})

    def v1_addresses(self) -> list[str]:
        """The same by v1 Endpoints."""
        (subset,) = self.get("west", "endpoints", "istiod")["subsets"]
        assert {port["port"] for port in subset["ports"]} == {15012, 15017}
        return sorted(one["ip"] for one in subset["addresses"])

    def assert_nothing_is_to_be_done(self) -> None:
        self.do("pulumi", "preview", "--refresh", "--expect-no-changes", "--non-interactive", "--color", "never")


def way_in(cloud: Cloud, name: str) -> str:
    """One address of the load balancer: a Service before the gateway's pods that MetalLB serves."""
    body = {
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": name},
        "spec": {"type": "LoadBalancer", "selector": {"istio": "eastwestgateway"},
                 "ports": [{"name": f"tcp-{port}", "port": port} for port in GATEWAY_PORTS]},
    }  # fmt: skip
    cloud.kubectl("east", "create", "-f", "-", stdin=json.dumps(body))

    def given() -> str:
        return next(iter(addresses.of_service(cloud.get("east", "service", name))), "")

    return until(f"{name} gets an address", given, seconds=SECONDS)


def answer_with_the_name(cloud: Cloud) -> None:
    """What AWS's load balancer controller writes, once the gateway's Service is there."""
    listed = ("get", "service", EAST_WEST_GATEWAY, "--ignore-not-found", "-o", "name")
    until("the gateway's Service is made", lambda: cloud.kubectl("east", *listed), seconds=SECONDS)
    status = {"status": {"loadBalancer": {"ingress": [{"hostname": NAME}]}}}
    cloud.kubectl("east", "patch", "service", EAST_WEST_GATEWAY, "--subresource", "status", "--type", "merge", "-p",
                  json.dumps(status))  # fmt: skip


def enforce(cloud: Cloud, cluster: str) -> None:
    """Edit the webhooks as AKS does, under its name."""
    for kind in WEBHOOKS:
        for item in cloud.get(cluster, kind)["items"]:
            if "istio" not in item["metadata"]["name"]:
                continue
            for hook in item["webhooks"]:
                hook.setdefault("namespaceSelector", {}).setdefault("matchExpressions", []).extend(ENFORCED)
            cloud.kubectl(
                cluster, "replace", "--field-manager", "admissionsenforcer", "-f", "-", stdin=json.dumps(item)
            )


@pytest.fixture
def cloud(bare: Program, tmp_path: Path) -> Iterator[Cloud]:
    made = json.loads(bare.pulumi("stack", "output", "--json", "--show-secrets"))
    settings = settings_over(made, tmp_path)
    east, west = settings["clusters"]
    east["helmValues"] = {"gateway": {"service": {"loadBalancerClass": NOBODY}}}
    west["v1Endpoints"] = True
    settings["certificateAuthority"] = {"source": "generated", "rootKeyFile": str(tmp_path / ROOT_KEY)}
    environment = Environment(settings=settings)
    files = {name: tmp_path / f"{name}.kubeconfig" for name in CLUSTERS}
    try:
        yield Cloud(environment=environment, files=files, hosts=tmp_path / "hosts")
    finally:
        environment.remove()


def assert_the_root_s_key_is_in_no_state(cloud: Cloud, file: Path) -> None:
    key = file.read_text()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert key.startswith("-----BEGIN")
    state = cloud.do("pulumi", "stack", "export", "--show-secrets").stdout
    assert "-----BEGIN CERTIFICATE-----" in state
    assert key.splitlines()[1] not in state


@pytest.mark.timeout(1500)
def test_a_mesh_over_clusters_with_a_cloud_s_traits_stands_and_follows_its_load_balancer(
    cloud: Cloud, tmp_path: Path
) -> None:
    cloud.kubectl("east", "create", "namespace", ISTIO)
    first, second = way_in(cloud, "way-1"), way_in(cloud, "way-2")
    cloud.lead_to([first, second])
    with ThreadPoolExecutor(1) as pool:
        going = pool.submit(cloud.do, TETHER, "up", "--output", "json")
        answer_with_the_name(cloud)
        result = json.loads(going.result().stdout)

    for asking in CLUSTERS:
        assert all(result["verification"]["answers"][asking][answering] > 0 for answering in CLUSTERS)
    (primary,) = [one for one in result["endpoints"] if one["role"] == "primary"]
    assert primary["eastWestGateway"]["address"] == NAME
    assert cloud.istiod_addresses() == cloud.v1_addresses() == sorted([first, second])
    assert_the_root_s_key_is_in_no_state(cloud, tmp_path / ROOT_KEY)
    handed_out = (tmp_path / ROOT_KEY).read_bytes()

    for cluster in CLUSTERS:
        enforce(cloud, cluster)
    cloud.lead_to([second, first])
    cloud.assert_nothing_is_to_be_done()
    cloud.do(TETHER, "doctor")

    cloud.lead_to([second])
    ran = cloud.run(TETHER, "doctor")
    assert ran.code == ExitCode.UNHEALTHY, ran.talk
    said = " ".join(ran.talk.split())
    assert "D19" in said
    assert f"leads to {first}, but the primary's east-west gateway {NAME} is at {second} by now" in said

    cloud.do(TETHER, "up")
    assert cloud.istiod_addresses() == cloud.v1_addresses() == [second]
    assert (tmp_path / ROOT_KEY).read_bytes() == handed_out, "once"
    cloud.kubectl("east", "delete", "service", "way-1")
    cloud.assert_nothing_is_to_be_done()
    until("the mesh gets well", lambda: cloud.run(TETHER, "doctor").code == ExitCode.OK, seconds=SECONDS)
