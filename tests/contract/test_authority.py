"""Who gets what of the certificate authority, whoever made it."""

import base64
import datetime
import json
import logging
from pathlib import Path
from typing import Any

import pulumi
import pytest

from components import from_settings
from components.certificate_authority import expiry_warning
from components.mesh import Mesh
from tests.contract import recording as recorded
from tests.contract.conftest import mesh_args
from tests.contract.recording import ROOT_PEM, Recording, Registration, is_secret, record
from tether import topology
from tether.parts import Chart, Images, Parts
from tether.settings import read

RELEASE = "kubernetes:helm.sh/v3:Release"
SECRET = "kubernetes:core/v1:Secret"
ALL = ["two_clusters", "four_clusters", "existing_clusters", "provided_authority", "existing_authority"]


def in_days(days: float) -> str:
    return (datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=days)).isoformat(timespec="seconds")


def cacerts(recording: Recording) -> list[Registration]:
    return [
        one for one in recording.all() if one.type == SECRET and one.inputs["metadata"].get("name") == "cacerts"
    ]  # fmt: skip


def holders(recording: Recording, text: str) -> set[str]:
    return {one.key for one in recording.all() if text in json.dumps(one.inputs)}


@pytest.mark.parametrize("name", ["two_clusters", "four_clusters", "existing_clusters", "provided_authority"])
def test_only_the_primary_gets_cacerts(name: str, request: pytest.FixtureRequest) -> None:
    (secret,) = cacerts(request.getfixturevalue(name))
    assert secret.name == "cluster1-cacerts"
    assert secret.provider == "cluster1"
    assert is_secret(secret.inputs["stringData"])
    assert set(secret.inputs["stringData"]["value"]) == {"ca-cert.pem", "ca-key.pem", "root-cert.pem", "cert-chain.pem"}


@pytest.mark.parametrize("name", ALL)
def test_the_signing_key_goes_into_cacerts_and_nowhere_else(name: str, request: pytest.FixtureRequest) -> None:
    expected: set[str] = set() if name == "existing_authority" else {f"{SECRET} cluster1-cacerts"}
    assert holders(request.getfixturevalue(name), "intermediate-key") == expected


def test_a_key_that_the_user_brings_goes_to_its_own_resource_as_a_secret(provided_authority: Recording) -> None:
    assert holders(provided_authority, "key-of-the-user") == {"tether:index:ProvidedChain mesh"}
    chain = provided_authority.one("tether:index:ProvidedChain", "mesh")
    assert is_secret(chain.inputs["caKey"])
    assert "intermediateKey" in chain.secret_outputs


@pytest.mark.parametrize("name", ALL)
def test_every_webhook_carries_the_root_from_the_start(name: str, request: pytest.FixtureRequest) -> None:
    bundle = base64.b64encode(ROOT_PEM.encode()).decode()
    assert holders(request.getfixturevalue(name), bundle) >= {
        f"{RELEASE} cluster1-base", f"{RELEASE} cluster1-istiod", f"{RELEASE} cluster2-istiod",
    }  # fmt: skip


def test_by_default_the_chain_is_asked_for_as_it_ever_was(two_clusters: Recording) -> None:
    """A key more here would be an update of every mesh that is there."""
    assert two_clusters.one("tether:index:CertificateChain", "mesh").inputs == {
        "istioNamespace": "istio-system",
        "trustDomain": "cluster.local",
        "algorithm": "ecdsa-p256",
        "rootDays": 3650,
        "intermediateDays": 1825,
        "organization": "Tether",
    }
    assert two_clusters.one("tether:index:CertificateAuthority", "mesh").parent.endswith("Mesh::mesh")
    assert not [one.key for one in two_clusters.all() if one.type.endswith(("ProvidedChain", "AuthoritySecret"))]


def test_a_file_for_the_root_s_key_is_passed_on() -> None:
    authority = {"istio_namespace": "istio-system", "root_key_file": "/safe/root-key.pem"}
    recording = record(lambda: Mesh("mesh", mesh_args("cluster2", authority=authority)))
    assert recording.one("tether:index:CertificateChain", "mesh").inputs["rootKeyFile"] == "/safe/root-key.pem"


def test_where_cacerts_exists_none_is_made(existing_authority: Recording) -> None:
    assert cacerts(existing_authority) == []
    assert not [one.key for one in existing_authority.all() if one.type.endswith("Chain")]


def test_an_existing_secret_is_awaited_in_the_primary_once_its_namespace_is_there(
    existing_authority: Recording,
) -> None:
    awaited = existing_authority.one("tether:index:AuthoritySecret", "cluster1")
    assert is_secret(awaited.inputs["kubeconfig"])
    assert awaited.inputs["istioNamespace"] == "istio-system"
    assert existing_authority.reaches(awaited, existing_authority.one("tether:index:IstioNamespace", "cluster1"))


@pytest.mark.parametrize("release", ["cluster1-base", "cluster1-istiod", "cluster2-istiod"])
def test_nothing_of_istio_is_installed_before_the_existing_secret_is_there(
    existing_authority: Recording, release: str
) -> None:
    awaited = existing_authority.one("tether:index:AuthoritySecret", "cluster1")
    assert existing_authority.reaches(existing_authority.one(RELEASE, release), awaited)


@pytest.mark.parametrize(
    ("days", "says"), [(400, ""), (30.5, ""), (29.4, "ends in 29 days"), (0.2, "ends in 0 days"), (-3, "ended 3 days")]
)
def test_a_certificate_that_ends_within_thirty_days_is_warned_of(days: float, says: str) -> None:
    warning = expiry_warning("intermediate", "generated", in_days(days))
    assert says in warning
    assert bool(warning) is bool(says)


@pytest.mark.parametrize("which", ["root", "intermediate"])
@pytest.mark.parametrize("source", ["generated", "provided", "existing"])
def test_every_warning_says_what_to_do(which: str, source: str) -> None:
    warning = expiry_warning(which, source, in_days(3))
    assert which in warning
    assert "docs/how-to/bring-your-own-ca.md" in warning


def test_what_is_no_date_is_not_warned_of() -> None:
    assert expiry_warning("root", "generated", "") == ""


def test_the_program_warns_at_the_engine(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    said: dict[str, Any] = {**recorded.OUTPUTS["tether:index:CertificateChain"], "intermediateExpiry": in_days(5)}
    monkeypatch.setitem(recorded.OUTPUTS, "tether:index:CertificateChain", said)
    with caplog.at_level(logging.WARNING):
        record(lambda: Mesh("mesh", mesh_args("cluster2")))
    assert [line for line in caplog.messages if "intermediate certificate ends in 5 days" in line]
    assert not [line for line in caplog.messages if "root certificate" in line]


def asked_for(**authority: Any) -> Any:
    """Arguments that the settings become; the parts are of no matter here."""
    settings = read({"tether:certificateAuthority": json.dumps(authority)})
    parts = Parts(
        source="", why="", container_runtime="podman", data_plane="istio", istio_version="", envoy_version="",
        kubernetes_version="", tools={},
        charts=dict.fromkeys(("base", "istiod", "gateway", "metallb"), Chart(path="", digest="")),
        images=Images(node="", pilot="", proxy="", echo="", metallb_controller="", metallb_speaker=""),
    )  # fmt: skip
    return from_settings.mesh_args(settings, topology.plan(settings), parts)["certificate_authority"]


def test_settings_become_the_arguments_of_a_generated_authority(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/somebody")
    args = asked_for(rootDays=9, intermediateDays=8, rootKeyFile="~/root-key.pem")
    assert (args["root_days"], args["intermediate_days"]) == (9, 8)
    assert args["root_key_file"] == "/home/somebody/root-key.pem"
    assert "root_key_file" not in asked_for()
    assert "ca_key" not in args


def test_a_relative_file_for_the_root_s_key_begins_at_the_project() -> None:
    assert asked_for(rootKeyFile="root-key.pem")["root_key_file"] == str(Path.cwd() / "root-key.pem")


def test_settings_become_the_arguments_of_a_provided_authority(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("from the file\n")
    seen: list[Any] = []
    given = {"caCert": str(tmp_path / "ca.pem"), "caKey": "a\nkey", "rootCert": "a\nroot"}
    record(lambda: seen.append(asked_for(source="provided", **given)))
    (args,) = seen
    assert (args["source"], args["ca_cert"], args["root_cert"]) == ("provided", "from the file\n", "a\nroot")
    assert isinstance(args["ca_key"], pulumi.Output)
    assert "algorithm" not in args


def test_settings_become_the_arguments_of_an_existing_authority() -> None:
    assert asked_for(source="existing") == {"source": "existing", "istio_namespace": "istio-system"}
