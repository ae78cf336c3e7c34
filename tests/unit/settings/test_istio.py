"""Which names of a revision are taken and which are refused."""

import json

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from tether import kubernetes_labels, topology
from tether.errors import Problem, SettingsError
from tether.settings import read

LONGEST = 56
"""istiod-<revision> is the name of a Service: at most 63 characters."""


def written(revision: object) -> dict[str, str]:
    return {"tether:istio": json.dumps({"revision": revision})}


def problem(revision: object) -> Problem:
    with pytest.raises(SettingsError) as caught:
        read(written(revision))
    (found,) = caught.value.problems
    assert found.subject == "tether:istio.revision"
    return found


def test_a_mesh_has_no_revision_unless_somebody_says_so() -> None:
    assert read({}).istio.revision == ""
    assert topology.plan(read({})).istiod_host == "istiod.istio-system.svc"


@given(st.from_regex(rf"[a-z0-9]([-a-z0-9]{{0,{LONGEST - 2}}}[a-z0-9])?", fullmatch=True))
def test_whatever_can_end_a_services_name_is_taken(revision: str) -> None:
    if revision == "default":
        return
    host = topology.plan(read(written(revision))).istiod_host
    assert host == f"istiod-{revision}.istio-system.svc"
    assert len(host.partition(".")[0]) <= 63
    assert kubernetes_labels.is_value(revision)


def test_a_revision_that_yaml_reads_as_a_number_is_a_text() -> None:
    assert read(written(yaml.safe_load("131"))).istio.revision == "131"


@pytest.mark.parametrize("revision", ["1.31", "Canary", "-canary", "canary-", "a_b", "a" * (LONGEST + 1)])
def test_what_cannot_is_refused_with_one_that_can(revision: str) -> None:
    found = problem(revision)
    assert "no name of a revision" in found.wrong
    assert "istiod-<revision>" in found.why
    example = found.fix.rpartition(" ")[2]
    assert found.fix == f"pulumi config set --path 'tether:istio.revision' {example}"
    assert read(written(example)).istio.revision == example


def test_the_reserved_name_is_refused_with_the_command_that_takes_it_out() -> None:
    found = problem("default")
    assert "without a revision" in found.wrong
    assert found.fix == "pulumi config rm --path 'tether:istio.revision'"
