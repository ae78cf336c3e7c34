"""The image of the services."""

import pytest

from tether.testing import Mesh


@pytest.fixture(scope="session")
def image(mesh: Mesh) -> str:
    return mesh.echo_image
