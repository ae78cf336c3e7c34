"""A remote that is read with a token that ends: made as asked for, renewed while requests cross, revoked at once."""

import base64
import datetime
import http
import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import yaml

from tests.e2e import traffic
from tests.e2e.breaking.lab import ISTIO, PRIMARY, REMOTE
from tests.e2e.conftest import Mesh
from tests.e2e.environment import TETHER, Environment, Ran, until
from tether import kube, service_account_token
from tether.topology import BOUND_TOKEN_LABEL, READER_TOKEN_SECRET

HOURS = 48
SECONDS = 60
"""API servers remember for ten seconds that a token was good."""


@pytest.fixture(scope="module")
def bound(mesh: Mesh) -> Iterator[Environment]:
    """The shared mesh with a token that ends; it has one without an end again afterwards."""
    environment = mesh.environment
    before = environment.stack_file.read_text()
    document = yaml.safe_load(before)
    document["config"]["tether:remoteCredential"] = {"kind": "bound", "lifetimeHours": HOURS}
    environment.stack_file.write_text(yaml.safe_dump(document))
    try:
        environment.up()
        yield environment
    finally:
        environment.stack_file.write_text(before)
        environment.up()
    assert anchors(environment) == []


def anchors(environment: Environment) -> list[str]:
    """Secrets that a token is bound to."""
    listed = environment.get(REMOTE, "-n", ISTIO, "secrets", "-l", BOUND_TOKEN_LABEL)["items"]
    return [str(one["metadata"]["name"]) for one in listed]


def remote_secret(environment: Environment) -> dict[str, Any]:
    return environment.get(PRIMARY, "-n", ISTIO, "secret", f"istio-remote-secret-{REMOTE}")


def token_of(environment: Environment) -> str:
    """What istiod has."""
    data = remote_secret(environment)["data"]
    return str(yaml.safe_load(base64.b64decode(data[REMOTE]))["users"][0]["user"]["token"])


def is_good(environment: Environment, token: str) -> bool:
    content = kube.with_token(environment.kubeconfig(REMOTE).read_text(), token)
    body = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
    with kube.connect(content) as cluster:
        try:
            cluster.create("/apis/authentication.k8s.io/v1/selfsubjectreviews", body)
        except kube.KubeError as error:
            if error.status != http.HTTPStatus.UNAUTHORIZED:
                raise
            return False
    return True


def assert_all_is_well(environment: Environment) -> None:
    ran = environment.run(TETHER, "doctor")
    assert ran.code == 0, ran.talk
    ran = environment.pulumi("preview", "--refresh", "--expect-no-changes")
    assert ran.code == 0, ran.talk


def shorten(environment: Environment, left: datetime.timedelta) -> None:
    """Have the engine believe that the token ends soon, since nobody can wait for that."""
    exported = json.loads(environment.pulumi("stack", "export").stdout)
    (made,) = [one for one in exported["deployment"]["resources"] if one["type"] == "tether:index:BoundToken"]
    made["outputs"]["expiry"] = (datetime.datetime.now(datetime.UTC) + left).isoformat(timespec="seconds")
    ran = environment.run("pulumi", "stack", "import", "--non-interactive", stdin=json.dumps(exported))
    assert ran.code == 0, ran.talk


def up_while_proxies_start(environment: Environment) -> tuple[dict[str, Any], list[Ran]]:
    """Bring the mesh up while new proxies authenticate and are asked, from before until after."""
    over = threading.Event()

    def prove() -> list[Ran]:
        done: list[Ran] = []
        while not over.is_set() or not done:
            done.append(environment.run(TETHER, "verify", "--only", "http"))
        return done

    with ThreadPoolExecutor(1) as alone:
        proofs = alone.submit(prove)
        try:
            result = environment.up()
        finally:
            over.set()
        return result, proofs.result()


def test_the_token_ends_when_it_was_asked_to_and_istiod_has_no_other(bound: Environment) -> None:
    claims = service_account_token.claims(token_of(bound))
    (credential,) = bound.output("credentials")

    assert claims is not None
    assert claims.ends is not None
    assert [claims.secret] == anchors(bound)
    assert (credential["cluster"], credential["kind"]) == (REMOTE, "bound")
    told = datetime.datetime.fromisoformat(credential["expiry"])
    assert abs(told - claims.ends) < datetime.timedelta(seconds=5)
    left = claims.ends - datetime.datetime.now(datetime.UTC)
    assert datetime.timedelta(hours=HOURS - 1) < left <= datetime.timedelta(hours=HOURS)
    assert bound.kubectl(REMOTE, "-n", ISTIO, "get", "secret", READER_TOKEN_SECRET).code != 0
    assert token_of(bound) not in bound.pulumi("stack", "export").stdout
    assert_all_is_well(bound)


@pytest.mark.timeout(900)
def test_a_token_that_ends_soon_is_renewed_without_a_lost_request_and_the_old_one_is_void(bound: Environment) -> None:
    old_token, old_anchors, uid = token_of(bound), anchors(bound), remote_secret(bound)["metadata"]["uid"]
    shorten(bound, datetime.timedelta(hours=3))
    preview = bound.pulumi("preview")
    assert "ends in 3 h" in preview.stdout + preview.stderr

    files = {name: bound.kubeconfig(name) for name in (PRIMARY, REMOTE)}
    with traffic.between(files) as crossing, crossing.during("the token was renewed"):
        result, proofs = up_while_proxies_start(bound)

    assert [one.talk for one in proofs if one.code] == []
    assert result["daysLeft"]["credentials"] == {REMOTE: 1}
    assert len(anchors(bound)) == 1
    assert anchors(bound) != old_anchors
    assert token_of(bound) != old_token
    assert remote_secret(bound)["metadata"]["uid"] == uid, "istiod exchanges a cluster; one whose secret goes it drops"
    until("the old token is refused", lambda: not is_good(bound, old_token), seconds=SECONDS)
    assert is_good(bound, token_of(bound))
    assert_all_is_well(bound)


def test_a_token_that_was_revoked_is_named_and_made_anew(bound: Environment) -> None:
    old_token = token_of(bound)
    ran = bound.kubectl(REMOTE, "-n", ISTIO, "delete", "secret", "-l", BOUND_TOKEN_LABEL)
    assert ran.code == 0, ran.talk
    until("the old token is refused", lambda: not is_good(bound, old_token), seconds=SECONDS)
    ran = bound.run(TETHER, "doctor", "--output", "json")
    assert json.loads(ran.stdout)["wrong"][0]["id"] == "D13"

    bound.up()

    assert is_good(bound, token_of(bound))
    assert_all_is_well(bound)
