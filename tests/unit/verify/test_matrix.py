import dataclasses
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tether.verify.matrix import (
    Cell,
    Matrix,
    MatrixError,
    Mode,
    Outcome,
    Party,
    Proof,
    Protocol,
    document,
    read,
)


def cell(**other: Any) -> Cell:
    good = Cell(
        source="cluster1", destination="cluster2", protocol=Protocol.HTTP, mode=Mode.PERMISSIVE, requests=20, lost=0,
        p50_ms=2.5, p95_ms=4.0, max_ms=9.0, client="spiffe://a", server="spiffe://b", rounds=1,
    )  # fmt: skip
    return dataclasses.replace(good, **other)


def outcome(**other: Any) -> Outcome:
    good = Outcome(
        proof=Proof.AUTHORIZATION, source="cluster1", destination="cluster2", protocol=Protocol.GRPC,
        expectation="a request of another identity is denied", requests=20, fulfilled=20, seen="20 denied", seconds=1.5,
    )  # fmt: skip
    return dataclasses.replace(good, **other)


def matrix(**other: Any) -> Matrix:
    good = Matrix(
        stack="kind",
        clusters=(Party(name="cluster1", role="primary"), Party(name="cluster2", role="remote")),
        proofs=tuple(Proof),
        cells=(cell(), cell(source="cluster2", destination="cluster1")),
        outcomes=(outcome(),),
        seconds=30.5,
        verified_at="2026-01-01T00:00:00+00:00",
    )
    return dataclasses.replace(good, **other)


def test_what_is_written_is_read_again() -> None:
    broken = matrix(cells=(cell(lost=20, p50_ms=None, wrong="none was answered"),), wrong="", kept="tether-verify-1")

    for one in (matrix(), broken, matrix(outcomes=(), wrong="no pod")):
        assert read(json.loads(document(one).text())) == one


def test_the_document_counts_requests_and_says_what_is_wrong() -> None:
    written = document(matrix(cells=(cell(lost=3, wrong="3 of 20 were lost"), cell()))).plain()

    assert (written["proved"], written["requests"], written["lost"]) == (False, 60, 3)
    assert written["complaints"] == ["3 of 20 were lost"]
    assert written["cells"][0]["p50Ms"] == 2.5


def test_a_verdict_in_the_document_is_not_believed() -> None:
    written = document(matrix(cells=(cell(wrong="no answer"),))).plain()

    assert not read({**written, "proved": True, "complaints": []}).is_proved


def test_a_verification_that_saw_nothing_proves_nothing() -> None:
    assert not matrix(cells=(), outcomes=()).is_proved
    assert matrix().is_proved


@pytest.mark.parametrize("part", ["wrong", "cells", "outcomes"])
def test_anything_wrong_in_any_part_is_no_proof(part: str) -> None:
    worse = {"wrong": "no pod", "cells": (cell(), cell(wrong="x")), "outcomes": (outcome(wrong="x"),)}

    assert not matrix(**{part: worse[part]}).is_proved


def test_a_sentence_is_said_once() -> None:
    assert matrix(cells=(cell(wrong="x"), cell(wrong="x"))).complaints == ("x",)


def test_a_document_of_another_version_says_how_to_make_a_new_one() -> None:
    with pytest.raises(MatrixError, match="tether verify --output json"):
        read({**document(matrix()).plain(), "schemaVersion": 99})


@given(st.sampled_from(["mesh", "proofs", "cells", "outcomes", "seconds", "wrong"]))
def test_a_document_with_a_part_missing_is_refused(part: str) -> None:
    written = document(matrix()).plain()
    del written[part]

    with pytest.raises(MatrixError):
        read(written)


def test_a_cell_with_an_unknown_protocol_is_refused() -> None:
    written = document(matrix()).plain()
    written["cells"][0]["protocol"] = "udp"

    with pytest.raises(MatrixError):
        read(written)
