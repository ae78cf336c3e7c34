"""The peer: the documented sequence of Istio primary-remote, one step after the other.

Source: istio.io, "Install Primary-Remote on different networks" (Helm), with kind and
MetalLB as Istio's own samples set them up (istio/istio samples/kind-lb/setupkind.sh).
Images, charts and versions are those that Tether uses, so only the way differs.
"""

import json
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from tether_provider import certificates, kind

from bench.manifests import CROSS_NETWORK_GATEWAY, EXPOSE_ISTIOD, NAMESPACE, echo, metallb_object
from tether import topology
from tether.parts import Parts

CLUSTERS = {"cluster1": "network1", "cluster2": "network2"}
POLL_SECONDS = 1.0
VERIFY_SECONDS = 120.0


@dataclass(kw_only=True)
class Peer:
    """One run of the sequence, in a network and a folder of its own."""

    parts: Parts
    environment: Mapping[str, str]
    helm: Path
    suffix: str
    folder: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="tether-bench-")))

    @property
    def network(self) -> str:
        """Name of the container network."""
        return f"tether-bench-{self.suffix}"

    def steps(self) -> list[tuple[str, Callable[[], None]]]:
        """What the documentation says, in its order."""
        return [
            ("network and clusters", self.create_clusters),
            ("load balancers", self.install_load_balancers),
            ("certificates", self.install_certificates),
            ("primary", self.install_primary),
            ("remote", self.install_remote),
            ("remote secret", self.attach),
            ("remote gateway", self.install_remote_gateway),
            ("verification", self.verify),
        ]

    def create_clusters(self) -> None:
        """One cluster after the other, on a network whose addresses are dealt out beforehand."""
        runtime = self.parts.container_runtime
        candidates = topology.subnet_candidates(self.suffix)
        for subnet in candidates:
            arguments = ["--subnet", subnet, "--ip-range", topology.container_range(subnet), self.network]
            if (
                subprocess.run(
                    [runtime, "network", "create", *arguments], env=self.environment, capture_output=True
                ).returncode
                == 0
            ):
                break
        else:
            raise RuntimeError("no free subnet for the bench's network")
        self.pools = topology.address_pools(subnet)[: len(CLUSTERS)]
        for name in CLUSTERS:
            plan = kind.Plan(
                name=self.cluster(name),
                network=self.network,
                image=self.parts.images.node,
                pod_cidr=topology.DEFAULT_POD_CIDR,
                service_cidr=topology.DEFAULT_SERVICE_CIDR,
                image_has_network=self.parts.source == "packages",
                extra={},
            )
            config = yaml.safe_dump(kind.configuration(plan, restricted=kind.is_restricted()))
            self.run(
                [
                    "kind",
                    "create",
                    "cluster",
                    "--name",
                    plan.name,
                    "--image",
                    plan.image,
                    "--wait",
                    "180s",
                    "--kubeconfig",
                    str(self.kubeconfig(name)),
                    "--config",
                    "-",
                ],
                stdin=config,
                env=kind_environment(runtime, self.network),
            )

    def install_load_balancers(self) -> None:
        """MetalLB in both, each with a pool."""
        for name, pool in zip(CLUSTERS, self.pools, strict=True):
            images = self.parts.images
            self.helm_install(
                name,
                "metallb",
                "metallb",
                {
                    "controller.image": split(images.metallb_controller),
                    "speaker.image": split(images.metallb_speaker),
                },
                namespace="metallb-system",
            )
            self.apply(
                name,
                metallb_object("IPAddressPool", {"addresses": [pool.range]}),
                metallb_object("L2Advertisement", {"ipAddressPools": ["bench"]}),
            )

    def install_certificates(self) -> None:
        """Namespaces, labels, the annotation, and the same CA in both clusters."""
        root = certificates.make_root("ecdsa-p256", 3650, "Bench")
        signing = certificates.make_intermediate(
            root,
            algorithm="ecdsa-p256",
            days=1825,
            organization="Bench",
            hosts=[f"istiod.{NAMESPACE}.svc"],
            trust_domain=topology.DEFAULT_TRUST_DOMAIN,
        )
        files = {
            "ca-cert.pem": signing.certificate_pem,
            "ca-key.pem": signing.key_pem,
            "root-cert.pem": root.certificate_pem,
            "cert-chain.pem": signing.certificate_pem + root.certificate_pem,
        }
        for name, network in CLUSTERS.items():
            self.kubectl(name, "create", "namespace", NAMESPACE)
            self.kubectl(name, "label", "namespace", NAMESPACE, f"topology.istio.io/network={network}")
            secret = {
                "apiVersion": "v1",
                "kind": "Secret",
                "metadata": {"name": "cacerts", "namespace": NAMESPACE},
                "stringData": files,
            }
            self.apply(name, secret)
        self.kubectl("cluster2", "annotate", "namespace", NAMESPACE, "topology.istio.io/controlPlaneClusters=cluster1")

    def install_primary(self) -> None:
        """base, istiod and the gateway in the primary; istiod exposed."""
        self.helm_install("cluster1", "istio-base", "base", {})
        self.helm_install(
            "cluster1",
            "istiod",
            "istiod",
            {
                **self.image_values(),
                "global.meshID": "mesh1",
                "global.externalIstiod": True,
                "global.multiCluster.clusterName": "cluster1",
                "global.network": "network1",
                "autoscaleEnabled": False,
            },
        )
        self.install_gateway("cluster1")
        self.apply("cluster1", *EXPOSE_ISTIOD)

    def install_remote(self) -> None:
        """Base and istiod's remote profile, pointed at the primary's gateway."""
        address = json.loads(
            self.kubectl("cluster1", "-n", NAMESPACE, "get", "service", topology.EAST_WEST_GATEWAY, "-o", "json")
        )["status"]["loadBalancer"]["ingress"][0]["ip"]
        self.helm_install("cluster2", "istio-base", "base", {"profile": "remote"})
        self.helm_install(
            "cluster2",
            "istiod",
            "istiod",
            {
                "profile": "remote",
                "global.multiCluster.clusterName": "cluster2",
                "global.network": "network2",
                "istiodRemote.injectionPath": "/inject/cluster/cluster2/net/network2",
                "global.remotePilotAddress": address,
            },
        )

    def attach(self) -> None:
        """The remote secret, as istioctl writes it."""
        secret = self.run(
            [
                "istioctl",
                "create-remote-secret",
                "--kubeconfig",
                str(self.kubeconfig("cluster2")),
                "--name",
                "cluster2",
                "-n",
                NAMESPACE,
                "--server",
                topology.internal_api_server(self.cluster("cluster2")),
            ]
        )
        self.run(["kubectl", "--kubeconfig", str(self.kubeconfig("cluster1")), "apply", "-f", "-"], stdin=secret)

    def install_remote_gateway(self) -> None:
        """The gateway in the remote, once its webhook has a CA bundle; services exposed."""
        self.wait("the webhook's CA bundle", self.remote_is_injected)
        self.install_gateway("cluster2")
        self.apply("cluster1", CROSS_NETWORK_GATEWAY)

    def verify(self) -> None:
        """The echo application in both clusters; each must be answered by both."""
        for name in CLUSTERS:
            self.apply(name, *echo(name, self.parts.images.echo))
        for name in CLUSTERS:
            self.kubectl(name, "-n", "sample", "rollout", "status", "deployment/echo", "--timeout", "120s")
        for name in CLUSTERS:
            self.wait(f"answers of both clusters to {name}", lambda name=name: self.answers(name) >= set(CLUSTERS))

    def remote_is_injected(self) -> bool:
        """Whether istiod has given the remote's webhook its CA bundle."""
        found = self.kubectl("cluster2", "get", "mutatingwebhookconfiguration", "istio-sidecar-injector", "-o", "json")
        return all(webhook["clientConfig"].get("caBundle") for webhook in json.loads(found)["webhooks"])

    def answers(self, name: str) -> set[str]:
        """Which clusters answer the echo application of one."""
        command = [
            "-n",
            "sample",
            "exec",
            "deploy/echo",
            "-c",
            "echo",
            "--",
            "client",
            "--count",
            "20",
            "http://echo.sample:80/",
        ]
        try:
            said = self.kubectl(name, *command)
        except subprocess.CalledProcessError:
            return set()
        return {line.split("Cluster=")[1].strip() for line in said.splitlines() if "Cluster=" in line}

    def install_gateway(self, name: str) -> None:
        """The east-west gateway of one cluster."""
        gateway = topology.EAST_WEST_GATEWAY
        values = {
            "name": gateway,
            "networkGateway": CLUSTERS[name],
            "imagePullPolicy": "IfNotPresent",
            "autoscaling.enabled": False,
        }
        self.helm_install(name, gateway, "gateway", values)

    def image_values(self) -> dict[str, Any]:
        """Values that name the images and say what plain Envoy lacks."""
        images = self.parts.images
        plain = self.parts.data_plane == "envoy"
        return {
            "image": images.pilot,
            "global.imagePullPolicy": "IfNotPresent",
            "global.proxy.image": images.proxy,
            "global.proxy_init.image": images.proxy,
            "telemetry.enabled": not plain,
            "env": {
                "PILOT_ENABLE_METADATA_EXCHANGE": str(not plain).lower(),
                "PILOT_ENABLE_ALPN_FILTER": str(not plain).lower(),
            },
        }

    def helm_install(
        self, cluster: str, release: str, chart: str, values: Mapping[str, Any], namespace: str = NAMESPACE
    ) -> None:
        """Install one chart and wait for it."""
        self.run(
            [
                str(self.helm),
                "install",
                release,
                self.parts.charts[chart].path,
                "--namespace",
                namespace,
                "--create-namespace",
                "--kubeconfig",
                str(self.kubeconfig(cluster)),
                "--wait",
                "--timeout",
                "180s",
                "--values",
                "-",
            ],
            stdin=yaml.safe_dump(nested(values)),
        )

    def apply(self, cluster: str, *objects: Mapping[str, Any]) -> None:
        """Apply objects with kubectl."""
        text = yaml.safe_dump_all([dict(each) for each in objects])
        command = ["kubectl", "--kubeconfig", str(self.kubeconfig(cluster)), "apply", "-f", "-"]
        self.run(command, stdin=text)

    def kubectl(self, cluster: str, *arguments: str) -> str:
        """Run kubectl on one cluster."""
        return self.run(["kubectl", "--kubeconfig", str(self.kubeconfig(cluster)), *arguments])

    def run(self, command: list[str], *, stdin: str | None = None, env: Mapping[str, str] | None = None) -> str:
        """Run one command of the sequence; its error text is part of the exception."""
        done = subprocess.run(
            command, input=stdin, env={**self.environment, **(env or {})}, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise subprocess.CalledProcessError(done.returncode, command[:4], done.stdout, done.stderr)
        return done.stdout

    def wait(self, what: str, ready: Callable[[], bool]) -> None:
        """Ask again and again until it holds."""
        deadline = time.monotonic() + VERIFY_SECONDS
        while not ready():
            if time.monotonic() > deadline:
                raise TimeoutError(f"{what}: not within {VERIFY_SECONDS:.0f} s")
            time.sleep(POLL_SECONDS)

    def cluster(self, name: str) -> str:
        """Name that kind knows a cluster by."""
        return topology.kind_cluster_name(name, self.suffix)

    def kubeconfig(self, name: str) -> Path:
        """File that kind writes."""
        return self.folder / name

    def remove(self) -> None:
        """Delete what the sequence made, however far it came."""
        runtime = self.parts.container_runtime
        for name in CLUSTERS:
            node = topology.control_plane_host(self.cluster(name))
            subprocess.run([runtime, "kill", node], env=self.environment, capture_output=True, check=False)
            self.run(
                ["kind", "delete", "cluster", "--name", self.cluster(name), "--kubeconfig", str(self.kubeconfig(name))],
                env=kind_environment(runtime, self.network),
            )
            self.kubeconfig(name).unlink(missing_ok=True)
        subprocess.run([runtime, "network", "rm", self.network], env=self.environment, capture_output=True, check=False)
        self.folder.rmdir()


def kind_environment(runtime: str, network: str) -> dict[str, str]:
    """The network that kind joins its nodes to."""
    return {f"KIND_EXPERIMENTAL_{runtime.upper()}_NETWORK": network}


def split(reference: str) -> dict[str, str]:
    """An image reference as MetalLB's chart wants it."""
    repository, _, tag = reference.rpartition(":")
    return {"repository": repository, "tag": tag, "pullPolicy": "IfNotPresent"}


def nested(values: Mapping[str, Any]) -> dict[str, Any]:
    """Dotted keys as a tree."""
    tree: dict[str, Any] = {}
    for key, value in values.items():
        *path, last = key.split(".")
        inner = tree
        for part in path:
            inner = inner.setdefault(part, {})
        inner[last] = value
    return tree
