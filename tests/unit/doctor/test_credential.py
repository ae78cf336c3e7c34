"""Where the credential in a remote secret is tried."""

import pytest
import yaml

from tests.unit.doctor.fake_mesh import FakeMesh
from tether import kube
from tether.doctor.handshake import Handshake, Outcome

IN_SECRET = "https://cluster2:6443"


def test_the_token_is_tried_at_the_address_of_the_secret(mesh: FakeMesh) -> None:
    mesh.server = "https://127.0.0.1:7777"

    assert not mesh.examine().wrong
    assert {kube.server_of(content) for content in mesh.tried} == {IN_SECRET}


@pytest.mark.parametrize("outcome", [Outcome.UNTRUSTED, Outcome.WRONG_NAME, Outcome.TIMED_OUT, Outcome.NO_ROUTE])
def test_the_token_is_tried_on_the_users_own_way_where_another_or_nobody_answers(
    mesh: FakeMesh, outcome: Outcome
) -> None:
    mesh.greetings["cluster2", 6443] = Handshake(outcome=outcome, seen="")
    mesh.server = "https://127.0.0.1:7777"

    assert not mesh.examine().wrong
    assert {kube.server_of(content) for content in mesh.tried} == {mesh.server}
    assert [yaml.safe_load(content)["users"][0]["user"] for content in mesh.tried] == [{"token": "t0ken-of-the-reader"}]
