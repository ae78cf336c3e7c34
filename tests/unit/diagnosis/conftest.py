import pytest

from tests.unit.doctor.fake_mesh import FakeMesh


@pytest.fixture
def mesh(monkeypatch: pytest.MonkeyPatch) -> FakeMesh:
    """A healthy mesh."""
    healthy = FakeMesh()
    healthy.install(monkeypatch)
    return healthy
