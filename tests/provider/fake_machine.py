"""A machine with fake tools, as tests see and set it."""

from pathlib import Path
from typing import Any

import yaml

from tests.provider import fake_store

ENVIRONMENT = "0a0a0a0a"
NETWORK = f"tether-{ENVIRONMENT}"
CLUSTER = f"cluster1-{ENVIRONMENT}"
NODE = f"{CLUSTER}-control-plane"
NODE_IMAGE = "tether.test/node:v1.34.4"
INPUTS: dict[str, Any] = {
    "name": CLUSTER,
    "network": NETWORK,
    "runtime": "podman",
    "nodeImage": NODE_IMAGE,
    "nodeImageHasNetwork": True,
    "environment": ENVIRONMENT,
    "createTimeoutSeconds": 20,
}
"""What is asked of a cluster."""


class Machine:
    def __init__(self, root: Path, answers: dict[str, Any], api_server: str) -> None:
        self.root = root
        self.answers = answers
        self.api_server = api_server

    @property
    def kubeconfig(self) -> str:
        """Of the API server."""
        return yaml.safe_dump(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "clusters": [{"name": "c", "cluster": {"server": self.api_server, "insecure-skip-tls-verify": True}}],
                "users": [{"name": "u", "user": {"token": "t"}}],
                "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
                "current-context": "c",
            }
        )

    def reset(self) -> None:
        with fake_store.state(self.root) as content:
            content.clear()
            content.update(fake_store.empty())
            content["mood"]["api_server"] = self.api_server
            content["images"] = [NODE_IMAGE]
            content["networks"][NETWORK] = {
                "name": NETWORK,
                "subnets": [{"subnet": "10.89.0.0/24", "gateway": "10.89.0.1"}],
                "labels": {"tether.environment": ENVIRONMENT},
            }
        self.answers.clear()
        self.show_node()

    def show_node(self, *, ready: bool = True, version: str = "v1.34.4") -> None:
        """Let the API server tell this of the node."""
        condition = {"type": "Ready", "status": "True" if ready else "False", "message": "no network plugin yet"}
        node = {
            "metadata": {"name": NODE},
            "status": {"conditions": [condition], "nodeInfo": {"kubeletVersion": version}},
        }
        self.answers["/api/v1/nodes"] = {"items": [node]}

    def mood(self, **moods: Any) -> None:
        with fake_store.state(self.root) as content:
            content["mood"].update(moods)

    def add_container(self, name: str, identifier: str, *, cluster: str = "", network: str = NETWORK) -> None:
        port = int(self.api_server.rpartition(":")[2])
        with fake_store.state(self.root) as content:
            content["containers"][identifier] = fake_store.container(
                name, identifier, cluster, network, port, "10.89.0.9"
            )

    def add_network(self, name: str, subnet: str, labels: dict[str, str] | None = None) -> None:
        with fake_store.state(self.root) as content:
            content["networks"][name] = {"name": name, "subnets": [{"subnet": subnet}], "labels": labels or {}}

    def change_container(self, name: str, *, address: str, port: int) -> None:
        """What a restart may do to a node."""
        with fake_store.state(self.root) as content:
            entry = next(one for one in content["containers"].values() if one["Name"] == name)
            entry["NetworkSettings"]["Networks"][NETWORK]["IPAddress"] = address
            entry["NetworkSettings"]["Ports"]["6443/tcp"][0]["HostPort"] = str(port)

    def forget_containers(self) -> None:
        with fake_store.state(self.root) as content:
            content["containers"] = {}

    @property
    def containers(self) -> list[str]:
        with fake_store.state(self.root) as content:
            return sorted(entry["Name"] for entry in content["containers"].values())

    @property
    def volumes(self) -> list[str]:
        with fake_store.state(self.root) as content:
            return sorted(content["volumes"])

    @property
    def networks(self) -> dict[str, Any]:
        with fake_store.state(self.root) as content:
            return content["networks"]

    def calls(self, program: str) -> list[dict[str, Any]]:
        with fake_store.state(self.root) as content:
            return [call for call in content["calls"] if call["program"] == program]
