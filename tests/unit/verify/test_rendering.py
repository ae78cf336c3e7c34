import io
import json
from xml.etree import ElementTree

import pytest
from rich.console import Console

from tests.unit.verify.test_matrix import cell, matrix, outcome
from tether.verify import matrix as matrices
from tether.verify import rendering
from tether.verify.matrix import Matrix, Mode

BROKEN = matrix(cells=(cell(), cell(mode=Mode.STRICT, lost=3, wrong="3 of 20 requests were lost")))


def text(found: Matrix, *, terminal: bool = False, width: int = 80) -> str:
    stream = io.StringIO()
    rendering.show(found, Console(file=stream, force_terminal=terminal, width=width, highlight=False))
    return stream.getvalue()


def test_a_proof_ends_with_what_was_proved() -> None:
    last = text(matrix()).splitlines()[-1]

    assert last == "Proved: http, grpc, tcp, strict, authorization, failover. 60 requests, 0 lost, 30.5 s."


def test_what_is_wrong_comes_first() -> None:
    lines = text(BROKEN).splitlines()

    assert lines[2] == "✗ 3 of 20 requests were lost"
    assert lines[-1].startswith("Not proved: 1 finding.")


@pytest.mark.parametrize("width", [20, 80, 200])
def test_no_table_is_cut_off(width: int) -> None:
    shown = " ".join(text(BROKEN, width=width).split())

    assert "cluster1 → cluster2 http permissive 20 0 2.5 4.0 9.0 ✓ both" in shown
    assert "authorization ✓ a request of another identity is denied cluster1 → cluster2 20/20 1.5" in shown


def test_colour_is_for_terminals() -> None:
    assert "\x1b[" not in text(BROKEN)
    assert "\x1b[" in text(BROKEN, terminal=True)


def test_what_was_not_tried_has_no_numbers() -> None:
    untried = cell(requests=0, p50_ms=None, p95_ms=None, max_ms=None, wrong="not tried, because it is broken")

    assert "permissive - - - - - ✗ not tried" in " ".join(text(matrix(cells=(untried,))).split())


def test_json_is_the_document() -> None:
    assert matrices.read(json.loads(matrices.document(BROKEN).text())) == BROKEN


def test_junit_has_a_case_for_every_part_and_a_failure_for_every_fault() -> None:
    worse = matrix(cells=BROKEN.cells, outcomes=(outcome(), outcome(wrong="nobody was denied")), wrong="no <pod>")
    suite = ElementTree.fromstring(rendering.junit(worse))[0]  # noqa: S314 - our own text

    assert (suite.get("tests"), suite.get("failures")) == ("5", "3")
    failures = [one.get("message") for one in suite.iter("failure")]
    assert failures == ["no <pod>", "3 of 20 requests were lost", "nobody was denied"]
    assert {case.get("classname") for case in suite} == {"verify.setup", "verify.http", "verify.authorization"}
