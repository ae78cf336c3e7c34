"""The way of requests between the networks, and what is left behind."""

import base64
import json
import re
from typing import Any, cast

import grpc
import pytest
import yaml

from tests.e2e.breaking.lab import GATEWAY, ISTIO, PRIMARY, REMOTE, Breakage, Lab
from tests.e2e.breaking.link import SECRET, again, at_nobody, secret
from tests.e2e.environment import PROJECT
from tether import addresses, parts
from tether.gateway_entry import NETWORK_LABEL
from tether.topology import CROSS_NETWORK_PORT
from tether.verify import echo

NAMESPACE = "tether-doctor-app"
_ISTIOD = "istiod.istio-system.svc"


def _hidden_namespace(lab: Lab) -> None:
    """The mesh configuration chooses namespaces by a label that Istio's has in the primary only."""
    lab.keep(REMOTE, f"namespace {ISTIO}")
    lab.keep(PRIMARY, f"namespace {ISTIO}")
    lab.kubectl(PRIMARY, "label", "namespace", ISTIO, "tether.test/mesh=one")
    found = lab.keep(PRIMARY, "configmap istio")
    document = yaml.safe_load(found["data"]["mesh"])
    document["discoverySelectors"] = [{"matchLabels": {"tether.test/mesh": "one"}}]
    lab.patch(PRIMARY, "configmap istio", {"data": {"mesh": yaml.safe_dump(document)}})


def _old_way_in(lab: Lab) -> None:
    """A Service that was a gateway's is none any more, and lost its address in the same moment."""
    (address,) = addresses.of_service(lab.read(REMOTE, f"service {GATEWAY}"))
    # On the clusters' own network, where nobody else answers in a missing one's place.
    old, name = f"{address.rpartition('.')[0]}.254", "old-way-in"
    meta = {"name": name, "namespace": ISTIO, "labels": {NETWORK_LABEL: "network2"}}
    ports = [{"name": "tls", "port": CROSS_NETWORK_PORT}]
    lab.create(REMOTE, {"apiVersion": "v1", "kind": "Service", "metadata": meta,
                        "spec": {"ports": ports, "externalIPs": [old]}})  # fmt: skip
    networks = ("exec", "deployment/istiod", "--", "pilot-discovery", "request", "GET", "/debug/networkz")
    lab.until(lambda: old in lab.kubectl(PRIMARY, *networks).stdout, "istiod knows the way")
    lab.patch(REMOTE, f"service {name}", {"metadata": {"labels": None}, "spec": {"externalIPs": None}})


def _not_passed_through(lab: Lab) -> None:
    lab.keep(PRIMARY, "gateways.networking.istio.io cross-network-gateway")
    lab.kubectl(PRIMARY, "delete", "gateways.networking.istio.io", "cross-network-gateway")


def _passed_through_twice(lab: Lab) -> None:
    found = lab.read(PRIMARY, "gateways.networking.istio.io cross-network-gateway")
    lab.remove_at_the_end(PRIMARY, "gateways.networking.istio.io", "second-gateway")
    body = {**found, "metadata": {"name": "second-gateway", "namespace": ISTIO}}
    lab.kubectl(PRIMARY, "create", "-f", "-", stdin=json.dumps(body))


def _workload(lab: Lab) -> None:
    """An application with a proxy in the remote."""
    lab.remove_at_the_end(REMOTE, "namespace", NAMESPACE)
    image = parts.read(PROJECT / parts.FILE).images.echo
    bodies = [echo.namespace_object(NAMESPACE), *(body for _, body in echo.objects(NAMESPACE, REMOTE, image))]
    lab.kubectl(REMOTE, "create", "-f", "-", stdin=json.dumps(bodies[0]))
    for body in bodies[1:]:
        lab.kubectl(REMOTE, "-n", NAMESPACE, "create", "-f", "-", stdin=json.dumps(body))
    lab.kubectl(REMOTE, "-n", NAMESPACE, "rollout", "status", "deployment/echo", "--timeout", "180s")


def _workload_on_another_network(lab: Lab) -> None:
    _workload(lab)
    label = {"spec": {"template": {"metadata": {"labels": {"topology.istio.io/network": "network9"}}}}}
    lab.patch(REMOTE, f"deployment echo -n {NAMESPACE}", label)
    lab.kubectl(REMOTE, "-n", NAMESPACE, "rollout", "status", "deployment/echo", "--timeout", "180s")


def _workload_in_plain_text(lab: Lab) -> None:
    _workload(lab)
    body = {"apiVersion": "security.istio.io/v1", "kind": "PeerAuthentication",
            "metadata": {"name": "off", "namespace": NAMESPACE}, "spec": {"mtls": {"mode": "DISABLE"}}}  # fmt: skip
    # The configuration of the whole mesh lies in the primary, in a namespace of the same name.
    lab.remove_at_the_end(PRIMARY, "namespace", NAMESPACE)
    lab.kubectl(PRIMARY, "create", "namespace", NAMESPACE)
    lab.kubectl(PRIMARY, "-n", NAMESPACE, "create", "-f", "-", stdin=json.dumps(body))


def _gave_up(lab: Lab) -> None:
    """A remote's API server that was away for half a minute and is back."""
    secret(at_nobody(lab))(lab)
    given_up = re.compile(r'^remote_cluster_sync_timeouts_total\{cluster="cluster2"\} [1-9]', re.MULTILINE)
    metrics = ("exec", "deployment/istiod", "--", "pilot-discovery", "request", "GET", "/metrics")
    lab.until(lambda: given_up.search(lab.kubectl(PRIMARY, *metrics).stdout), "istiod gave up on the remote")
    lab.restore()


def _refused(lab: Lab) -> None:
    """A client that says it is in a cluster which istiod does not know."""
    address = lab.read(PRIMARY, f"service {GATEWAY}")["status"]["loadBalancer"]["ingress"][0]["ip"]
    root = lab.read(PRIMARY, "configmap istio-ca-root-cert")["data"]["root-cert.pem"]
    options = (("grpc.ssl_target_name_override", _ISTIOD), ("grpc.default_authority", _ISTIOD))
    with grpc.secure_channel(f"{address}:15012", grpc.ssl_channel_credentials(root.encode()), options) as channel:
        call = cast("Any", channel).unary_unary("/istio.v1.auth.IstioCertificateService/CreateCertificate")
        with pytest.raises(grpc.RpcError, match="UNAUTHENTICATED"):
            call(b"", metadata=(("authorization", "Bearer x"), ("clusterid", "cluster9")), timeout=30)


def _secret_of_a_cluster_that_is_gone(lab: Lab) -> None:
    lab.remove_at_the_end(PRIMARY, "secret", "istio-remote-secret-cluster9")
    found = lab.read(PRIMARY, f"secret {SECRET}")
    kubeconfig = yaml.safe_load(base64.b64decode(found["data"][REMOTE]))
    at_nobody(lab)(kubeconfig)
    found["data"] = {"cluster9": base64.b64encode(yaml.safe_dump(kubeconfig).encode()).decode()}
    again(lab, found, name="istio-remote-secret-cluster9", key="cluster9")


def _stuck_namespace(lab: Lab) -> None:
    name = "tether-doctor-stuck"

    def release() -> bool:
        ran = lab.kubectl(REMOTE, "get", "namespace", name, "--ignore-not-found", "-o", "name")
        if not ran.stdout.strip():
            return False
        lab.kubectl(REMOTE, "-n", name, "patch", "configmap", "kept", "--type", "merge", "-p",
                    '{"metadata":{"finalizers":null}}')  # fmt: skip
        lab.kubectl(REMOTE, "delete", "namespace", name, "--ignore-not-found")
        return True

    lab.at_the_end(release)
    body = {"apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": "kept", "namespace": name, "finalizers": ["tether.test/nobody"]}}  # fmt: skip
    lab.kubectl(REMOTE, "create", "namespace", name)
    lab.kubectl(REMOTE, "-n", name, "create", "-f", "-", stdin=json.dumps(body))
    lab.kubectl(REMOTE, "delete", "namespace", name, "--wait=false")


BREAKAGES = (
    Breakage("istiod does not look at the gateway's namespace", "D25", REMOTE, _hidden_namespace,
             cause="discoverySelectors"),
    Breakage("istiod remembers a gateway's old address", "D25", REMOTE, _old_way_in, cause="has none any more"),
    Breakage("services are not opened to other networks", "D26", PRIMARY, _not_passed_through),
    Breakage("services are opened twice", "D26", PRIMARY, _passed_through_twice),
    Breakage("a firewall drops 15443 only", "D38", PRIMARY, lambda lab: lab.drop(PRIMARY, 15443)),
    Breakage("a workload is on another network", "D27", REMOTE, _workload_on_another_network),
    Breakage("a workload takes plain text only", "D28", REMOTE, _workload_in_plain_text, cause="PeerAuthentication"),
    Breakage("istiod gave up on the remote once", "D30", PRIMARY, _gave_up),
    Breakage("istiod refuses a client", "D39", PRIMARY, _refused, mends=False, evidence="Failed to authenticate"),
    Breakage("a remote secret of a cluster that is gone is left", "D31", PRIMARY, _secret_of_a_cluster_that_is_gone),
    Breakage("a namespace hangs in its removal", "D36", REMOTE, _stuck_namespace),
)  # fmt: skip
