"""The remote secret, what is in it, and what istiod makes of it."""

import base64
import json
from collections.abc import Callable
from typing import Any

import yaml

from tests.e2e.breaking.before import path
from tests.e2e.breaking.lab import GATEWAY, ISTIO, PRIMARY, REMOTE, Breakage, Lab, Way
from tether import reader_rights
from tether.topology import READER_SERVICE_ACCOUNT, READER_TOKEN_SECRET

SECRET = "istio-remote-secret-cluster2"


def secret(change: Callable[[dict[str, Any]], None]) -> Callable[[Lab], None]:
    """Change the kubeconfig inside the remote secret."""

    def do(lab: Lab) -> None:
        found = lab.keep(PRIMARY, f"secret {SECRET}")
        kubeconfig = yaml.safe_load(base64.b64decode(found["data"][REMOTE]))
        change(kubeconfig)
        encoded = base64.b64encode(yaml.safe_dump(kubeconfig).encode()).decode()
        lab.patch(PRIMARY, f"secret {SECRET}", {"data": {REMOTE: encoded}})

    return do


def server(url: str) -> Callable[[dict[str, Any]], None]:
    """Have it lead to another address."""

    def change(kubeconfig: dict[str, Any]) -> None:
        kubeconfig["clusters"][0]["cluster"]["server"] = url

    return change


def at_nobody(lab: Lab, scheme: str = "https") -> Callable[[dict[str, Any]], None]:
    """Have it lead to an address that nobody has."""
    return server(f"{scheme}://{lab.nobody()}:6443")


def _address_of_another_cluster(lab: Lab) -> None:
    """Of the primary itself: the CA and the token stay the remote's."""
    (endpoint,) = lab.read(PRIMARY, "endpoints kubernetes -n default")["subsets"]
    secret(server(f"https://{endpoint['addresses'][0]['ip']}:{endpoint['ports'][0]['port']}"))(lab)


def _exec(kubeconfig: dict[str, Any]) -> None:
    plugin = {"apiVersion": "client.authentication.k8s.io/v1", "command": "aws", "interactiveMode": "Never"}
    kubeconfig["users"][0]["user"] = {"exec": plugin}


def _authority(kubeconfig: dict[str, Any]) -> None:
    from tests.e2e.breaking.before import authority

    certificate, _ = authority("Another API server", 30)
    cluster = kubeconfig["clusters"][0]["cluster"]
    cluster["certificate-authority-data"] = base64.b64encode(certificate.encode()).decode()


def again(lab: Lab, found: dict[str, Any], name: str = SECRET, key: str = REMOTE, namespace: str = ISTIO) -> None:
    """Create the remote secret anew: istiod adds the cluster again."""
    content = next(iter(found["data"].values()))
    kept = {part: found["metadata"].get(part) for part in ("labels", "annotations")}
    body = {
        "apiVersion": "v1", "kind": "Secret",
        "metadata": {**kept, "name": name, "namespace": namespace}, "data": {key: content},
    }  # fmt: skip
    lab.kubectl(PRIMARY, "-n", namespace, "create", "-f", "-", stdin=json.dumps(body))


def _taken_away(lab: Lab) -> dict[str, Any]:
    found = lab.keep(PRIMARY, f"secret {SECRET}")
    lab.kubectl(PRIMARY, "delete", "secret", SECRET)
    return found


def _wrong_key(lab: Lab) -> None:
    again(lab, _taken_away(lab), key="cluster-2")


def _no_secret(lab: Lab) -> None:
    _taken_away(lab)


def _misplaced_secret(lab: Lab) -> None:
    lab.remove_at_the_end(PRIMARY, "secret", SECRET, "-n", "default")
    again(lab, _taken_away(lab), namespace="default")


def _two_keys(lab: Lab) -> None:
    found = lab.keep(PRIMARY, f"secret {SECRET}")
    lab.patch(PRIMARY, f"secret {SECRET}", {"data": {"cluster9": found["data"][REMOTE]}})


def _unlabelled_secret(lab: Lab) -> None:
    lab.keep(PRIMARY, f"secret {SECRET}")
    lab.kubectl(PRIMARY, "label", "secret", SECRET, "istio/multiCluster-")


def _second_secret(lab: Lab) -> None:
    lab.remove_at_the_end(PRIMARY, "secret", "istio-remote-secret-twin")
    again(lab, lab.read(PRIMARY, f"secret {SECRET}"), name="istio-remote-secret-twin")


def _revoked_token(lab: Lab) -> None:
    lab.kubectl(REMOTE, "delete", "secret", READER_TOKEN_SECRET)


def _other_token(lab: Lab) -> None:
    """The one in the remote is good; the remote secret has kept one that it never was."""
    secret(lambda kubeconfig: kubeconfig["users"][0]["user"].update(token="not-the-token"))(lab)


def _short_token(lab: Lab) -> None:
    """One of the shortest life that API servers give."""
    made = lab.kubectl(REMOTE, "create", "token", READER_SERVICE_ACCOUNT, "--duration", "10m").stdout.strip()
    secret(lambda kubeconfig: kubeconfig["users"][0]["user"].update(token=made))(lab)


def _no_token_reviews(lab: Lab) -> None:
    role = f"clusterrole/{reader_rights.role_name(ISTIO)}"
    rules = lab.keep(REMOTE, role)["rules"]
    left = [rule for rule in rules if "tokenreviews" not in rule["resources"]]
    for extra in ("clusterrole", "clusterrolebinding"):
        lab.remove_at_the_end(REMOTE, extra, "tether-istiod-reader")
    lab.patch(REMOTE, role, {"rules": left})


def _wrong_network_label(lab: Lab) -> None:
    lab.keep(REMOTE, f"namespace {ISTIO}")
    lab.kubectl(REMOTE, "label", "namespace", ISTIO, "topology.istio.io/network=network9", "--overwrite")


def _wrong_network_of_gateway(lab: Lab) -> None:
    lab.keep(REMOTE, f"service {GATEWAY}")
    lab.kubectl(REMOTE, "label", "service", GATEWAY, "topology.istio.io/network=network9", "--overwrite")


def _no_annotation(lab: Lab) -> None:
    lab.keep(REMOTE, f"namespace {ISTIO}")
    found = _taken_away(lab)
    lab.kubectl(REMOTE, "annotate", "namespace", ISTIO, "topology.istio.io/controlPlaneClusters-")
    again(lab, found)


def _late_annotation(lab: Lab) -> None:
    """istiod, started while the annotation was missing, is not told of it; its earlier lock has ended."""
    _no_annotation(lab)
    lab.restart_istiod()
    lab.kubectl(REMOTE, "annotate", "namespace", ISTIO, f"topology.istio.io/controlPlaneClusters={PRIMARY}")


BREAKAGES = (
    Breakage("the remote secret has no label", "D11", REMOTE, _unlabelled_secret),
    Breakage("there is no remote secret", "D11", REMOTE, _no_secret),
    Breakage("the remote secret lies in another namespace", "D11", REMOTE, _misplaced_secret),
    Breakage("the remote secret has two keys", "D11", REMOTE, _two_keys),
    Breakage("the API server's address is loopback", "D12", REMOTE, secret(server("https://127.0.0.1:6443"))),
    Breakage("the API server's address is plain http", "D12", REMOTE, lambda lab: secret(at_nobody(lab, "http"))(lab)),
    Breakage("the kubeconfig runs a command", "D12", REMOTE, secret(_exec), evidence="create remote cluster failed"),
    Breakage("the kubeconfig has the CA of another cluster", "D12", REMOTE, secret(_authority)),
    Breakage("the token is revoked", "D13", REMOTE, _revoked_token, way=Way.STACK),
    Breakage("the token is another one", "D13", REMOTE, _other_token, evidence="Unauthorized"),
    Breakage("the token ends within the hour", "D40", REMOTE, _short_token),
    Breakage("the reader may not review tokens", "D13", REMOTE, _no_token_reviews),
    Breakage("the secret's key is another name", "D14", REMOTE, _wrong_key),
    Breakage("the injection path names another cluster", "D14", REMOTE, path("/inject/cluster/cluster9/net/network2"),
             way=Way.STACK),
    Breakage("the injection path names another network", "D15", REMOTE, path("/inject/cluster/cluster2/net/network9"),
             way=Way.STACK),
    Breakage("the namespace has another network", "D15", REMOTE, _wrong_network_label),
    Breakage("the gateway has another network", "D15", REMOTE, _wrong_network_of_gateway),
    Breakage("the annotation was removed before the secret came", "D16", REMOTE, _no_annotation),
    Breakage("istiod does not reach the remote's API server", "D17", REMOTE, lambda lab: secret(at_nobody(lab))(lab)),
    Breakage("the API server's address is that of another cluster", "D17", REMOTE, _address_of_another_cluster,
             evidence="failed to verify certificate", cause="another than cluster2's API server answers there"),
    Breakage("two secrets stand for one cluster", "D18", PRIMARY, _second_secret),
    Breakage("the annotation came too late", "D34", REMOTE, _late_annotation),
)  # fmt: skip
