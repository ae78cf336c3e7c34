import base64
import datetime
import json

import pytest
from cryptography import x509

from tests.unit.trace.authority import NOW, Authority, new_key, pem, public
from tether import durations, service_account_token
from tether.trace import judgement
from tether.trace.record import Verdict

IDENTITY = "spiffe://cluster.local/ns/a/sa/b"
SUBJECT = "system:serviceaccount:a:b"


def jwt(**claims: object) -> str:
    return f"h.{base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip('=')}.s"


def wrong(verdicts: tuple[Verdict, ...]) -> list[str]:
    return [one.what for one in verdicts if not one.ok]


def judged(identity: str = IDENTITY, *, root: str = "", days: float = 1, other_key: bool = False) -> list[str]:
    authority, key = Authority(), new_key()
    leaf = authority.leaf(x509.UniformResourceIdentifier(identity), key=key, days=days)
    return wrong(judgement.of_chain(
        [leaf, authority.root], root=root or pem(authority.root), identity=IDENTITY,
        public_key=public(new_key() if other_key else key), now=NOW,
    ))  # fmt: skip


def test_a_chain_that_is_what_was_asked_for_has_nothing_wrong() -> None:
    assert judged() == []


@pytest.mark.parametrize(
    ("identity", "what"),
    [
        ("spiffe://cluster.local/ns/a/sa/other", ["identity"]),
        ("spiffe://other.domain/ns/a/sa/b", ["identity", "trust domain"]),
    ],
)
def test_a_chain_for_somebody_else_is_seen(identity: str, what: list[str]) -> None:
    assert judged(identity) == what


def test_a_chain_of_another_root_is_seen() -> None:
    assert judged(root=pem(Authority().root)) == ["leads to the root", "same root"]


def test_a_certificate_that_has_ended_is_seen() -> None:
    assert judged(days=-1) == ["valid now"]


def test_a_certificate_for_another_key_is_seen() -> None:
    assert judged(other_key=True) == ["key of the request"]


def test_clocks_may_differ_a_little() -> None:
    authority, key = Authority(), new_key()
    leaf = authority.leaf(x509.UniformResourceIdentifier(IDENTITY), key=key)
    early = leaf.not_valid_before_utc - datetime.timedelta(seconds=30)

    verdicts = judgement.of_chain(
        [leaf, authority.root], root=pem(authority.root), identity=IDENTITY, public_key=public(key), now=early
    )

    assert wrong(verdicts) == []


def test_a_server_that_shows_another_name_is_seen() -> None:
    authority = Authority()
    leaf = authority.leaf(x509.DNSName("istiod.istio-system.svc"))

    assert wrong(judgement.of_server(leaf, "istiod.istio-system.svc", pem(authority.root), NOW)) == []
    assert wrong(judgement.of_server(leaf, "istiod.other.svc", pem(authority.root), NOW)) == ["server name"]


@pytest.mark.parametrize(
    ("claims", "what"),
    [
        ({"aud": ["istio-ca"], "sub": SUBJECT, "exp": NOW.timestamp() + 600}, []),
        ({"aud": "istio-ca", "sub": SUBJECT}, []),
        ({"aud": ["vault"], "sub": SUBJECT}, ["audience"]),
        ({"sub": SUBJECT}, ["audience"]),
        ({"aud": ["istio-ca"], "sub": "system:serviceaccount:a:c"}, ["subject"]),
        ({"aud": ["istio-ca"], "sub": SUBJECT, "exp": NOW.timestamp() - 1}, ["valid now"]),
    ],
)
def test_a_token_that_istiod_would_not_take_is_seen(claims: dict[str, object], what: list[str]) -> None:
    found = service_account_token.claims(jwt(**claims))

    assert found is not None
    assert wrong(judgement.of_token(found, SUBJECT, ("istio-ca",), NOW)) == what


@pytest.mark.parametrize("text", ["", "abc", "a.b.c", "a.bm8.c", f"a.{base64.b64encode(b'[]').decode()}.c"])
def test_what_is_no_token_has_no_claims(text: str) -> None:
    assert service_account_token.claims(text) is None


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.4, "0 s"), (89, "89 s"), (600, "10 min"), (86400, "24 h"), (10 * 86400, "10 days"), (3650 * 86400, "10 years")],
)
def test_durations_are_said_in_the_largest_unit_that_fits(seconds: float, words: str) -> None:
    assert durations.spoken(seconds) == words


def patch(*operations: object) -> str:
    return base64.b64encode(json.dumps(operations).encode()).decode()


@pytest.mark.parametrize("where", ["/spec/containers/1", "/spec/initContainers/0"])
def test_the_proxy_of_a_patch_is_found_wherever_it_is_put(where: str) -> None:
    proxy = {"name": "istio-proxy", "image": "p", "env": [{"name": "A", "value": "1"}, {"name": "B"}]}

    for value in (proxy, [{"name": "app"}, proxy]):
        found = judgement.patched_environment(patch({"op": "add", "path": where, "value": value}))
        assert found == {"A": "1", "B": ""}


@pytest.mark.parametrize("text", ["", "!!", patch(), patch({"op": "remove", "path": "/x"})])
def test_a_patch_without_a_proxy_gives_none(text: str) -> None:
    assert judgement.patched_environment(text) is None


def test_a_proxy_that_is_told_another_cluster_is_seen() -> None:
    told = {"ISTIO_META_CLUSTER_ID": "c1", "ISTIO_META_NETWORK": "n2", "CA_ADDR": "i:15012"}

    verdicts = judgement.of_environment(told, cluster_id="c2", network="n2", istiod="i:15012", trust_domain="")

    assert wrong(verdicts) == ["cluster ID"]
    assert [one.what for one in verdicts] == ["cluster ID", "network", "asks for certificates"]
