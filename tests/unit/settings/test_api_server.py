"""How istiod knows a remote's API server that shows another certificate than its own."""

import json
from pathlib import Path

import pytest

from tests.unit.authority.making import chain
from tests.unit.settings.test_rules_between_clusters import existing, kind, one_problem
from tether.errors import SettingsError
from tether.redact import HIDDEN
from tether.settings import read


@pytest.mark.parametrize("name", ["api.b.example.org", "API", "10.1.2.3", "2001:db8::1"])
def test_a_name_that_a_certificate_can_hold_is_taken(name: str) -> None:
    way = {"apiServer": "https://10.9.8.7:6443", "apiServerName": name}
    clusters = [kind("a", "primary", "n1"), existing("b", "remote", "n2", context="b", **way)]
    assert read({"tether:clusters": json.dumps(clusters)}).clusters[1].api_server_name == name


@pytest.mark.parametrize("name", ["", "https://b.example.org", "b.example.org:6443", "*.example.org", "-b", "a..b"])
def test_a_name_that_no_certificate_can_hold_is_refused(name: str) -> None:
    way = {"apiServer": "https://10.9.8.7:6443", "apiServerName": name}
    problem = one_problem(kind("a", "primary", "n1"), existing("b", "remote", "n2", context="b", **way))
    assert problem.subject == "tether:clusters[1].apiServerName"
    assert "is neither a host name nor an IP address" in problem.wrong


@pytest.mark.parametrize("key", ["apiServerName", "apiServerCa"])
def test_what_is_about_the_certificate_of_no_api_address_is_refused(key: str) -> None:
    remote = existing("b", "remote", "n2", context="b", apiServer="https://b.example.org")
    problem = one_problem(existing("a", "primary", "n1", context="a", **{key: "b.example.org"}), remote)
    assert (problem.subject, problem.fix) == (
        f"tether:clusters[0].{key}", f"pulumi config rm --path 'tether:clusters[0].{key}'"
    )  # fmt: skip


@pytest.mark.parametrize("key", ["apiServerName", "apiServerCa"])
def test_what_is_about_the_certificate_of_the_primary_is_refused(key: str) -> None:
    way = {"apiServer": "https://a.example.org", key: "a.example.org"}
    remote = existing("b", "remote", "n2", context="b", apiServer="https://b.example.org")
    problem = one_problem(existing("a", "primary", "n1", context="a", **way), remote)
    assert problem.subject == f"tether:clusters[0].{key}"
    assert "this is the primary" in problem.wrong


@pytest.mark.parametrize(
    ("content", "wrong"),
    [
        (None, "cannot be read: No such file or directory"),
        ("no certificate", "is no PEM"),
        ("-----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----\n", "holds a block PRIVATE KEY"),
    ],
)
def test_a_ca_of_an_api_server_that_is_none_is_refused(tmp_path: Path, content: str | None, wrong: str) -> None:
    if content is not None:
        (tmp_path / "ca.pem").write_text(content)
    way = {"apiServer": "https://b.example.org", "apiServerCa": "ca.pem"}
    clusters = [kind("a", "primary", "n1"), existing("b", "remote", "n2", context="b", **way)]
    with pytest.raises(SettingsError) as caught:
        read({"tether:clusters": json.dumps(clusters)}, folder=tmp_path)
    (problem,) = caught.value.problems
    assert (problem.subject, problem.shown) == ("tether:clusters[1].apiServerCa", '"ca.pem"')
    assert wrong in problem.wrong


def test_a_ca_of_an_api_server_is_taken_as_file_or_text(tmp_path: Path) -> None:
    pem = chain(2)[0].pem
    (tmp_path / "ca.pem").write_text(pem)
    for value in ("ca.pem", pem, HIDDEN):
        way = {"apiServer": "https://b.example.org", "apiServerCa": value}
        clusters = [kind("a", "primary", "n1"), existing("b", "remote", "n2", context="b", **way)]
        assert read({"tether:clusters": json.dumps(clusters)}, folder=tmp_path).clusters[1].api_server_ca == value
