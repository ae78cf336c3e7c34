"""A verification as the page shows it: who reached whom, in how many of how many requests."""

from tether.errors import count
from tether.report.model import Crossing, Expectation, Grid, Traffic
from tether.verify.matrix import Cell, Matrix, Mode

_NAMES = {"http": "HTTP", "grpc": "gRPC", "tcp": "TCP"}


def of_matrix(matrix: Matrix) -> Traffic:
    """Show what a verification saw."""
    clusters = tuple(party.name for party in matrix.clusters)
    return Traffic(
        is_right=matrix.is_proved,
        headline=_headline(matrix),
        verified_at=matrix.verified_at,
        clusters=clusters,
        grids=tuple(_grid(matrix, mode, clusters) for mode in Mode if any(cell.mode is mode for cell in matrix.cells)),
        identities=_identities(matrix, clusters),
        expectations=tuple(
            Expectation(proof=f"{outcome.proof}, {_NAMES[outcome.protocol]}, from {outcome.source}",
                        sentence=outcome.expectation, fulfilled=outcome.fulfilled, requests=outcome.requests,
                        seen=outcome.seen, wrong=outcome.wrong)
            for outcome in matrix.outcomes
        ),
        complaints=matrix.complaints,
    )  # fmt: skip


def _headline(matrix: Matrix) -> str:
    word = "Proved" if matrix.is_proved else "Not proved"
    lost = count(matrix.lost, "request") + " lost" if matrix.lost else "none lost"
    return f"{word}: {count(matrix.requests, 'request')}, {lost}, verified at {matrix.verified_at or 'an unknown time'}"


def _identities(matrix: Matrix, clusters: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    """Who each cluster was, in their order: an asking side as the answering one saw it, and the other way round."""
    ends = {(cell.source, cell.client) for cell in matrix.cells} | {
        (cell.destination, cell.server) for cell in matrix.cells
    }
    return tuple((name, identity) for name in clusters for of, identity in sorted(ends) if of == name and identity)


def _grid(matrix: Matrix, mode: Mode, clusters: tuple[str, ...]) -> Grid:
    def crossings(source: str, destination: str) -> tuple[Crossing, ...]:
        return tuple(
            _crossing(cell) for cell in matrix.cells
            if (cell.source, cell.destination, cell.mode) == (source, destination, mode)
        )  # fmt: skip

    rows = tuple((source, tuple(crossings(source, target) for target in clusters)) for source in clusters)
    return Grid(mode=str(mode), rows=rows)


def _crossing(cell: Cell) -> Crossing:
    return Crossing(
        protocol=_NAMES[cell.protocol], answered=cell.requests - cell.lost, requests=cell.requests,
        milliseconds=cell.p50_ms, wrong=cell.wrong,
    )  # fmt: skip
