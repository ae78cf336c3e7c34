"""What istiod knows of the ways into a network."""

import pytest

from tests.unit.doctor.breaking import known_as_well, met
from tests.unit.doctor.fake_mesh import FakeMesh
from tether.doctor.handshake import Outcome


@pytest.mark.parametrize(
    ("outcome", "address"), [(Outcome.NO_ROUTE, "10.0.2.1"), (Outcome.OK, "10.9.9.9")],
    ids=["this machine has no way to the gateway either", "somebody answers there"],
)  # fmt: skip
def test_another_address_of_a_gateway_may_be_a_good_one(mesh: FakeMesh, outcome: Outcome, address: str) -> None:
    known_as_well(mesh)
    met(outcome, "was asked", address, 15443)(mesh)

    assert "D25" not in {one.check.id for one in mesh.examine().wrong}
