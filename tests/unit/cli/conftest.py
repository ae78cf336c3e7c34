from pathlib import Path

import pytest

from tests.unit.cli.engine_bench import Bench
from tests.unit.cli.env_desk import Desk, desk_of


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    return Bench(tmp_path, monkeypatch)


@pytest.fixture
def desk(bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    return desk_of(bench, tmp_path, monkeypatch)
