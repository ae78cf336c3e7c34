"""``tether up`` with Tether's own policy pack, on the real engine."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.environment import PROJECT, TETHER, Environment


@pytest.fixture
def refused() -> Iterator[Environment]:
    environment = Environment(settings={"certificateAuthority": {"rootDays": 7300}})
    yield environment
    environment.remove()


def test_up_is_refused_by_a_policy_with_exit_code_5_and_nothing_is_made(refused: Environment, tmp_path: Path) -> None:
    levels = tmp_path / "policies.json"
    levels.write_text('{"ca-lifetime": {"enforcementLevel": "mandatory", "rootDays": 3650}}')
    ran = refused.run(TETHER, "up", "--policy-pack", PROJECT / "policy", "--policy-pack-config", levels)

    assert ran.code == 5, ran.talk
    for policy in ("ca-lifetime", "gateway-source-ranges"):
        assert policy in ran.talk
    assert "rootDays" in ran.talk
    assert [one for one in refused.state() if one.get("custom")] == []
