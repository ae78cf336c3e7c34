"""The pictures of the gallery, and how the mesh is broken for each of them."""

import base64
import json
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from tests.e2e.breakages import BREAKAGES, PRIMARY, REMOTE, Lab
from tests.e2e.breaking.before import authority, workload
from tests.e2e.breaking.lab import GATEWAY
from tests.e2e.environment import address_of, runtime
from tests.e2e.gallery import Picture

TOKEN_SECRET = "istio-reader-service-account-istio-remote-secret-token"


@dataclass(frozen=True)
class Bench:
    """A mesh to break, and a folder for files that options name."""

    lab: Lab
    folder: Path


Do = Callable[[Bench], list[str]]
"""Breaks something and says with which options the trace is to be played."""


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """One picture and how it comes about."""

    picture: Picture
    do: Do

    def __str__(self) -> str:
        return self.picture.name


def _healthy(bench: Bench) -> list[str]:
    return []


def _followed(bench: Bench) -> list[str]:
    return ["--gateway", "--yes"]


def _as_the_doctor_is_tested(name: str) -> Do:
    """One of the breakages that the doctor is proved by."""
    (breakage,) = [one for one in BREAKAGES if one.name == name]

    def do(bench: Bench) -> list[str]:
        breakage.do(bench.lab)
        return []

    return do


def _wrong_audience(bench: Bench) -> list[str]:
    return ["--audience", "vault"]


def _no_token(bench: Bench) -> list[str]:
    return _with_token(bench, "")


def _with_token(bench: Bench, token: str) -> list[str]:
    file = bench.folder / "token"
    file.touch(mode=0o600)
    file.write_text(token)
    return ["--token-file", str(file)]


def _token_of(bench: Bench, cluster: str, account: str) -> str:
    return bench.lab.kubectl(cluster, "create", "token", account, "--audience", "istio-ca").stdout.strip()


def _stale_certificate(bench: Bench) -> list[str]:
    """Of a proxy that authenticated before the mesh got another root."""
    earlier = authority("An earlier mesh", 30)
    certificate, key = workload(f"spiffe://cluster.local/ns/istio-system/sa/{GATEWAY}", 1, earlier)
    file = bench.folder / "client.pem"
    file.touch(mode=0o600)
    file.write_text(certificate + earlier[0] + key)
    return ["--client-certificate", str(file)]


def _account(bench: Bench) -> str:
    name = f"tether-trace-{secrets.token_hex(3)}"
    bench.lab.remove_at_the_end(REMOTE, "serviceaccount", name)
    bench.lab.kubectl(REMOTE, "create", "serviceaccount", name)
    return name


def _expired_token(bench: Bench) -> list[str]:
    """The API server grants no token of less than ten minutes, so one is signed here, with its own key."""
    account = json.loads(bench.lab.kubectl(REMOTE, "get", "serviceaccount", GATEWAY, "-o", "json").stdout)
    issuer = json.loads(bench.lab.kubectl(REMOTE, "get", "--raw", "/.well-known/openid-configuration").stdout)["issuer"]
    now = int(time.time())
    claims = {
        "aud": ["istio-ca"], "iss": issuer, "sub": f"system:serviceaccount:istio-system:{GATEWAY}",
        "iat": now - 900, "nbf": now - 900, "exp": now - 300,
        "kubernetes.io": {"namespace": "istio-system",
                          "serviceaccount": {"name": GATEWAY, "uid": account["metadata"]["uid"]}},
    }  # fmt: skip
    pem = "\n".join(runtime("exec", bench.lab.node(REMOTE), "cat", "/etc/kubernetes/pki/sa.key"))
    return _with_token(bench, _signed(claims, pem))


def _signed(claims: Mapping[str, object], pem: str) -> str:
    key = serialization.load_pem_private_key(pem.encode(), None)
    assert isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey)
    algorithm = "RS256" if isinstance(key, rsa.RSAPrivateKey) else "ES256"
    signed = f"{_encoded(json.dumps({'alg': algorithm, 'typ': 'JWT'}))}.{_encoded(json.dumps(claims))}"
    if isinstance(key, rsa.RSAPrivateKey):
        signature = key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256())
    else:
        parts = decode_dss_signature(key.sign(signed.encode(), ec.ECDSA(hashes.SHA256())))
        signature = b"".join(part.to_bytes(32, "big") for part in parts)
    return f"{signed}.{_encoded(signature)}"


def _encoded(part: str | bytes) -> str:
    raw = part if isinstance(part, bytes) else part.encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _deleted_account(bench: Bench) -> list[str]:
    account = _account(bench)
    token = _token_of(bench, REMOTE, account)
    bench.lab.kubectl(REMOTE, "delete", "serviceaccount", account)
    return [*_with_token(bench, token), "--service-account", account]


def _foreign_token(bench: Bench) -> list[str]:
    return _with_token(bench, _token_of(bench, PRIMARY, GATEWAY))


def _other_account(bench: Bench) -> list[str]:
    return _with_token(bench, _token_of(bench, REMOTE, _account(bench)))


def _revoked(bench: Bench) -> list[str]:
    """The token's Secret is put back as it was, which makes the same token good again."""
    bench.lab.keep(REMOTE, f"secret {TOKEN_SECRET}")
    bench.lab.kubectl(REMOTE, "delete", "secret", TOKEN_SECRET)
    return []


def _api_server_out_of_reach(bench: Bench) -> list[str]:
    """For the primary's node only; this machine still reaches it."""
    node = bench.lab.node(REMOTE)
    address = address_of(bench.lab.node(PRIMARY))
    rule = ["INPUT", "-s", address, "-p", "tcp", "--dport", "6443", "-j", "REJECT", "--reject-with", "tcp-reset"]
    bench.lab.at_the_end(lambda: runtime("exec", node, "iptables", "-D", *rule))
    runtime("exec", node, "iptables", "-I", *rule)
    return []


def _rejected_configuration(bench: Bench) -> list[str]:
    """A filter that Envoy does not have, for the remote's gateway only."""
    lab = bench.lab
    lab.at_the_end(lambda: lab.kubectl(REMOTE, "rollout", "status", f"deployment/{GATEWAY}", "--timeout", "120s"))
    lab.remove_at_the_end(PRIMARY, "envoyfilter", "tether-trace")
    value = {"name": "tether.trace", "typed_config": {"@type": "type.googleapis.com/udpa.type.v1.TypedStruct",
                                                      "type_url": "type.googleapis.com/tether.trace.None"}}  # fmt: skip
    patch = {"applyTo": "NETWORK_FILTER", "match": {"context": "GATEWAY"},
             "patch": {"operation": "INSERT_FIRST", "value": value}}  # fmt: skip
    body = {
        "apiVersion": "networking.istio.io/v1alpha3", "kind": "EnvoyFilter", "metadata": {"name": "tether-trace"},
        "spec": {"workloadSelector": {"labels": {"topology.istio.io/network": "network2"}}, "configPatches": [patch]},
    }  # fmt: skip
    lab.kubectl(PRIMARY, "create", "-f", "-", stdin=json.dumps(body))
    return ["--gateway", "--yes"]


SCENARIOS = (
    Scenario(do=_healthy, picture=Picture(
        name="healthy", title="A healthy mesh",
        story="Nothing is wrong: the token is reviewed by the API server that issued it, the chain leads to the root, "
        "and the first configuration arrives.",
    )),
    Scenario(do=_followed, picture=Picture(
        name="gateway-restart", title="The real gateway, from creation to Ready",
        story="`--gateway` restarts the remote's east-west gateway. The steps after the tenth are the pod's own, by "
        "its conditions, its log and the API server's audit log.",
    )),
    Scenario(do=_as_the_doctor_is_tested("there is no remote secret"), picture=Picture(
        name="unknown-cluster", title="No remote secret for the cluster", failed="certificate", finding="D11",
        message="but we only know about local cluster",
        story="The remote secret was deleted. istiod has nobody to ask, so no token review is made.",
    )),
    Scenario(do=_wrong_audience, picture=Picture(
        name="wrong-audience", title="A token for another audience", failed="token",
        message="token audiences .* is invalid for the target audiences",
        story="The token was asked for with `--audience vault`. The review is made, and says no.",
    )),
    Scenario(do=_expired_token, picture=Picture(
        name="expired-token", title="A token that has expired", failed="token", message="token has expired",
        story="A token that ended five minutes ago, signed with the API server's own key, was shown with "
        "`--token-file`.",
    )),
    Scenario(do=_deleted_account, picture=Picture(
        name="deleted-service-account", title="The service account is gone", failed="certificate",
        message="validate the JWT from cluster .*cluster2",
        story="The token's service account was deleted after the token had been issued.",
    )),
    Scenario(do=_foreign_token, picture=Picture(
        name="foreign-token", title="A token of another cluster", failed="certificate",
        message="invalid bearer token",
        story="A token of cluster1 was shown with the cluster ID of cluster2, whose API server did not sign it.",
    )),
    Scenario(do=_as_the_doctor_is_tested("two clusters have one ID"), picture=Picture(
        name="wrong-cluster-id", title="The webhook gives out another cluster's ID", failed="admission", finding="D03",
        message='validate the JWT from cluster "cluster1"',
        story="The injection path names cluster1, so every new proxy of cluster2 says that it is in cluster1, and the "
        "wrong API server is asked about its token.",
    )),
    Scenario(do=_revoked, picture=Picture(
        name="revoked-remote-secret", title="The token in the remote secret is revoked", failed="certificate",
        finding="D13", message="Unauthorized$",
        story="The proxy's own token is good. The question about it is refused, because the one who asks has none.",
    )),
    Scenario(do=_as_the_doctor_is_tested("the reader may not review tokens"), picture=Picture(
        name="no-token-reviews", title="The reader may not review tokens", failed="certificate", finding="D13",
        message="tokenreviews.authentication.k8s.io is forbidden",
        story="The rule for token reviews was taken out of the reader's role in the remote.",
    )),
    Scenario(do=_api_server_out_of_reach, picture=Picture(
        name="api-server-unreachable", title="istiod does not reach the remote's API server", failed="certificate",
        message="connect: connection refused", finding="D17|D34",
        story="A firewall keeps the primary's node away from the remote's API server; this machine still reaches it.",
    )),
    Scenario(do=_no_token, picture=Picture(
        name="no-token", title="No token at all", failed="token", message="no HTTP authorization header exists",
        story="An empty `--token-file`: calls go out without the header, as those of an agent that cannot read its "
        "file.",
    )),
    Scenario(do=_stale_certificate, picture=Picture(
        name="stale-certificate", title="A certificate of an earlier root", failed="handshake",
        message="alert unknown ca",
        story="A proxy that has authenticated before shows its certificate. This one's root is not the mesh's any "
        "more, and istiod ends the handshake: the token is not even asked for.",
    )),
    Scenario(do=_as_the_doctor_is_tested("a firewall drops 15012 only"), picture=Picture(
        name="istiod-unreachable", title="istiod's port is dropped by a firewall", failed="handshake", finding="D20",
        message="does not answer in time",
        story="TCP 15012 of the primary's gateway is dropped; the webhook's port is not, so pods are still injected.",
    )),
    Scenario(do=_other_account, picture=Picture(
        name="other-service-account", title="A proxy that claims another service account", failed="token",
        message="authorization failed: no identities",
        story="The token is good, but of another account than the proxy says it runs as. istiod signs for the account "
        "of the token, and gives no configuration to the proxy.",
    )),
    Scenario(do=_rejected_configuration, picture=Picture(
        name="rejected-configuration", title="Envoy rejects its configuration", failed="gateway-ready",
        message="tether.trace",
        story="Authentication works; an EnvoyFilter adds a filter that the gateway's Envoy does not have.",
    )),
)  # fmt: skip
