"""Each right of the reader is needed: istiod misses it in a cluster where it has all the others; and no more is.

In a cluster whose API server does not stream lists: where one does, as by default in Kubernetes 1.34, istiod only
watches.
"""

import base64
import json
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
import yaml

from tests.e2e.breaking.lab import ISTIO, PRIMARY, REMOTE, Lab
from tests.e2e.environment import TETHER, Environment, standing
from tether import reader_rights
from tether.topology import READER_SERVICE_ACCOUNT, ROOT_CERTIFICATE_CONFIG_MAP

Right = tuple[str, str, str]
"""Verb, API group and resource."""
RIGHTS: tuple[Right, ...] = reader_rights.each()
READING = ("get", "list", "watch")
UNTOLD = ("get", "", "namespaces")
"""What istiod asks for again and again without a word in its log; what comes after it never comes."""
CLUSTERS = {f"without-{right[0]}-{right[2]}": right for right in RIGHTS if right[0] in READING}
"""Names by which istiod is told of the remote once more, and the right to read that it has not got by that name."""
LABEL = "tether-test=reader-rights"
REFUSED = re.compile(r'serviceaccount:istio-system:(\S+?)\\*" cannot (\w+) resource \\*"(\w+)\\*" '
                     r'in API group \\*"([\w.]*)\\*"')  # fmt: skip
LOOKED_AFTER = re.compile(r"should join leader-election for cluster (\S+): true")
HOOK = "mutatingwebhookconfiguration istio-sidecar-injector"
NEW_NAMESPACE = "tether-reader-rights"
UNHURRIED_SECONDS = 5
"""In which istiod does at once what it may do."""


def have_a_token_reviewed(lab: Lab) -> None:
    lab.environment.run(TETHER, "trace", "--output", "json")


def want_a_certificate_of_the_cluster(lab: Lab) -> None:
    server = {
        "port": {"number": 9443, "name": "https", "protocol": "HTTPS"},
        "tls": {"mode": "SIMPLE", "credentialName": "reader-rights"},
        "hosts": ["reader-rights.example.com"],
    }
    lab.create(PRIMARY, {
        "apiVersion": "networking.istio.io/v1", "kind": "Gateway", "metadata": {"name": "reader-rights"},
        "spec": {"selector": {"istio": "eastwestgateway"}, "servers": [server]},
    })  # fmt: skip


def make_a_namespace(lab: Lab) -> None:
    lab.create(REMOTE, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NEW_NAMESPACE}})


def let_the_lock_be_renewed(_: Lab) -> None:
    """istiod does so every few seconds."""


def spoil_an_authority(lab: Lab) -> None:
    lab.keep(REMOTE, HOOK)
    path = "/webhooks/0/clientConfig/caBundle"
    spoilt = base64.b64encode(b"none").decode()
    lab.patch(REMOTE, HOOK, [{"op": "replace", "path": path, "value": spoilt}], "json")


MAKE_CONFIG_MAPS = ("create", "", "configmaps")
CHANGE_WEBHOOKS = ("update", "admissionregistration.k8s.io", "mutatingwebhookconfigurations")
REMEMBERED = ("create", "authorization.k8s.io", "subjectaccessreviews")
"""What istiod does not ask again within a minute."""
CALLS: Mapping[Right, Callable[[Lab], None]] = {
    ("create", "authentication.k8s.io", "tokenreviews"): have_a_token_reviewed,
    REMEMBERED: want_a_certificate_of_the_cluster,
    ("update", "", "configmaps"): let_the_lock_be_renewed,
}
"""Other rights to change, with what makes istiod use them; the first waits until istiod answers."""


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    remote = {"name": REMOTE, "role": "remote", "network": "network2"}
    lists = {"kindConfig": {"featureGates": {"WatchList": False}}}
    environment = Environment(
        settings={"clusters": [{"name": PRIMARY, "role": "primary", "network": "network1"}, {**remote, **lists}]}
    )
    with standing(environment):
        yield Lab(environment)


@pytest.fixture
def start(lab: Lab) -> Iterator[datetime]:
    """When the test began; all is put back when it ends."""
    try:
        yield datetime.now(UTC)
    finally:
        lab.restore()


def test_istiod_misses_each_right_to_read(lab: Lab, start: datetime) -> None:
    offer_gateway_api(lab)
    tell_istiod(lab, make_readers(lab, CLUSTERS))
    told = {(name, right) for name, right in CLUSTERS.items() if right != UNTOLD}
    lab.until(lambda: told <= refused(lab, start), f"istiod is refused {sorted(told)}")
    lab.until(lambda: "without-get-configmaps" in looked_after(lab), "istiod looks after the cluster")
    time.sleep(UNHURRIED_SECONDS)
    assert {one for one in refused(lab, start) if one[0] in CLUSTERS} == told
    assert "without-get-namespaces" not in looked_after(lab)


@pytest.mark.parametrize("right", CALLS, ids=" ".join)
def test_istiod_misses_each_right_to_change(lab: Lab, start: datetime, right: Right) -> None:
    take_away(lab, right)
    CALLS[right](lab)
    if right == REMEMBERED:
        lab.restart_istiod()
    lab.until(lambda: (READER_SERVICE_ACCOUNT, right) in refused(lab, start), f"istiod is refused {right}")


def test_istiod_misses_the_right_to_make_config_maps(lab: Lab, start: datetime) -> None:
    take_away(lab, MAKE_CONFIG_MAPS)
    make_a_namespace(lab)
    said = f"skip writing ConfigMap {NEW_NAMESPACE}/{ROOT_CERTIFICATE_CONFIG_MAP} as we do not have permissions"
    lab.until(lambda: said in log(lab, start), said)


def test_istiod_misses_the_right_to_put_back_the_authority_of_a_webhook(lab: Lab, start: datetime) -> None:
    take_away(lab, CHANGE_WEBHOOKS)
    spoil_an_authority(lab)
    # Its log says nothing, since Istio drops that error (1.31: pkg/webhooks/webhookpatch.go).
    time.sleep(UNHURRIED_SECONDS)
    assert len(authorities(lab)) > 1
    lab.restore()
    spoil_an_authority(lab)
    lab.until(lambda: len(authorities(lab)) == 1, "istiod puts the webhook's CA back, where it may")


def test_no_right_is_without_a_test_that_takes_it_away() -> None:
    assert {*CLUSTERS.values(), *CALLS, MAKE_CONFIG_MAPS, CHANGE_WEBHOOKS} == {*RIGHTS}


def test_istiod_is_refused_nothing(lab: Lab, start: datetime) -> None:
    lab.restart_istiod()  # It remembers for a minute what it was refused.
    offer_gateway_api(lab)
    tell_istiod(lab, make_readers(lab, {"with-every-right": None}))
    for call in (*CALLS.values(), make_a_namespace, spoil_an_authority):
        call(lab)
    lab.until(lambda: "with-every-right" in looked_after(lab), "istiod looks after the cluster")
    lab.until(lambda: len(authorities(lab)) == 1, "istiod has put the webhook's CA back")
    time.sleep(UNHURRIED_SECONDS)
    assert refused(lab, start) == set()


def take_away(lab: Lab, right: Right) -> None:
    """Have the reader lack one right."""
    role = f"clusterrole {reader_rights.role_name(ISTIO)}"
    lab.keep(REMOTE, role)
    lab.patch(REMOTE, role, {"rules": rules(without=right)})


def offer_gateway_api(lab: Lab) -> None:
    """Give the remote the one kind of the Gateway API that istiod reads there."""
    names = {"plural": "gateways", "singular": "gateway", "kind": "Gateway", "listKind": "GatewayList"}
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    lab.create(REMOTE, {
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "gateways.gateway.networking.k8s.io", "annotations": {
            "api-approved.kubernetes.io": "unapproved, for a test",
            # istiod passes over what is older than it knows.
            "gateway.networking.k8s.io/bundle-version": "v1.5.0",
        }},
        "spec": {
            "group": "gateway.networking.k8s.io", "scope": "Namespaced", "names": names,
            "versions": [{"name": "v1", "served": True, "storage": True, "schema": schema}],
        },
    })  # fmt: skip


def rules(*, without: Right | None) -> list[dict[str, Any]]:
    """Of a role with all rights but one at most."""
    return [
        {"apiGroups": [group], "resources": [resource], "verbs": [verb]}
        for verb, group, resource in RIGHTS
        if (verb, group, resource) != without
    ]


def make_readers(lab: Lab, lacks: Mapping[str, Right | None]) -> dict[str, str]:
    """Make accounts in the remote, each of which lacks one right at most; their tokens."""
    key, _, value = LABEL.partition("=")
    every = [body for name, right in lacks.items() for body in reader(name, right)]
    for body in every:
        body["metadata"]["labels"] = {key: value}
    lab.kubectl(REMOTE, "create", "-f", "-", stdin=json.dumps({"apiVersion": "v1", "kind": "List", "items": every}))
    kinds = ",".join(sorted({f"{body['kind'].lower()}s" for body in every}))
    lab.remove_at_the_end(REMOTE, kinds, "-l", LABEL)
    secrets = f"secrets -l {LABEL}"
    lab.until(lambda: all(one.get("data") for one in lab.read(REMOTE, secrets)["items"]), "accounts have tokens")
    found = lab.read(REMOTE, secrets)["items"]
    return {one["metadata"]["name"]: base64.b64decode(one["data"]["token"]).decode() for one in found}


def reader(name: str, lacks: Right | None) -> Iterable[dict[str, Any]]:
    """An account with a token, and with all rights but one at most."""
    rbac = "rbac.authorization.k8s.io"
    meta = {"name": name}
    yield {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {**meta}}
    yield {"apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/service-account-token",
           "metadata": {**meta, "annotations": {"kubernetes.io/service-account.name": name}}}  # fmt: skip
    yield {"apiVersion": f"{rbac}/v1", "kind": "ClusterRole", "metadata": {**meta}, "rules": rules(without=lacks)}
    yield {"apiVersion": f"{rbac}/v1", "kind": "ClusterRoleBinding", "metadata": {**meta},
           "roleRef": {"apiGroup": rbac, "kind": "ClusterRole", "name": name},
           "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": ISTIO}]}  # fmt: skip


def tell_istiod(lab: Lab, tokens: Mapping[str, str]) -> None:
    """Tell istiod of the remote once more by each name, with that one's token."""
    secret = lab.read(PRIMARY, f"secret istio-remote-secret-{REMOTE}")
    kubeconfig = yaml.safe_load(base64.b64decode(secret["data"][REMOTE]))
    contents: dict[str, str] = {}
    for name, token in tokens.items():
        kubeconfig["users"][0]["user"] = {"token": token}
        contents[name] = yaml.safe_dump(kubeconfig)
    lab.create(PRIMARY, {
        "apiVersion": "v1", "kind": "Secret", "stringData": contents,
        "metadata": {"name": "istio-remote-secret-reader-rights", "labels": {"istio/multiCluster": "true"}},
    })  # fmt: skip


def log(lab: Lab, start: datetime | None = None) -> str:
    """What the newest istiod said."""
    newest_last = ("--sort-by", "metadata.creationTimestamp")
    pods = lab.kubectl(PRIMARY, "get", "pods", "-l", "app=istiod", *newest_last, "-o", "name")
    since = ["--since-time", start.isoformat(timespec="seconds")] if start else []
    return lab.kubectl(PRIMARY, "logs", pods.stdout.split()[-1], *since).stdout


def refused(lab: Lab, start: datetime) -> set[tuple[str, Right]]:
    """What istiod was refused since then, and by which account's rights."""
    return {(name, (verb, group, resource)) for name, verb, resource, group in REFUSED.findall(log(lab, start))}


def looked_after(lab: Lab) -> set[str]:
    """Clusters whose root certificates and webhooks istiod keeps or waits to keep."""
    return {*LOOKED_AFTER.findall(log(lab))}


def authorities(lab: Lab) -> set[str]:
    """CAs by which the remote's API server trusts who injects."""
    return {hook["clientConfig"]["caBundle"] for hook in lab.read(REMOTE, HOOK)["webhooks"]}
