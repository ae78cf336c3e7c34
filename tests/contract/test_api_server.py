"""What the remote secret says of a remote whose API server shows another certificate than its own."""

import base64
from typing import Any

import pytest
import yaml

from components.mesh import Mesh
from tests.contract.conftest import mesh_args
from tests.contract.recording import Registration, is_secret, record
from tether.topology import OWN_AUTHORITY


def made(**trust: str) -> Registration:
    """The remote secret."""
    args = mesh_args("cluster2", platform="existing", verify=False)
    if trust:
        args["clusters"][1]["api_server_trust"] = trust  # pyright: ignore[reportGeneralTypeIssues]
    return record(lambda: Mesh("mesh", args)).one("kubernetes:core/v1:Secret", "cluster2")


def way(secret: Registration) -> dict[str, Any]:
    """How istiod goes to the API server."""
    assert is_secret(secret.inputs["data"])
    (content,) = secret.inputs["data"]["value"].values()
    return yaml.safe_load(base64.b64decode(content))["clusters"][0]["cluster"]


def ca(cluster: dict[str, Any]) -> str:
    return base64.b64decode(cluster["certificate-authority-data"]).decode()


def test_a_name_and_a_ca_that_are_stated_go_into_the_remote_secret_and_are_marked_there() -> None:
    secret = made(server_name="api.example.com", certificate_authority="CA of a proxy")
    cluster = way(secret)
    assert (cluster["tls-server-name"], ca(cluster)) == ("api.example.com", "CA of a proxy")
    assert cluster["server"] == "https://10.0.0.1:6443"
    assert secret.inputs["metadata"]["annotations"][OWN_AUTHORITY] == "stated"


@pytest.mark.parametrize("trust", [{}, {"server_name": "api.example.com"}], ids=["nothing", "a name alone"])
def test_without_a_stated_ca_istiod_trusts_the_cluster_s_own(trust: dict[str, str]) -> None:
    secret = made(**trust)
    assert ca(way(secret)) != "CA of a proxy"
    assert ("tls-server-name" in way(secret)) is bool(trust)
    assert OWN_AUTHORITY not in secret.inputs["metadata"]["annotations"]
