"""``tether report``: one page about one mesh."""

import json
import shlex
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast

from tether import trace, wait
from tether.cli import verify
from tether.cli.delivery import STDOUT, give, write
from tether.cli.error_document import KILLED_BY
from tether.cli.forms import Form
from tether.cli.talk import say
from tether.cli.target import Target, opened
from tether.doctor import rendering
from tether.doctor.document import MeshPart
from tether.document import Document, Kind
from tether.errors import Problem, UsageError
from tether.mesh import Mesh
from tether.report import authentication, page, traffic
from tether.report.gather import gather
from tether.report.model import Authentication
from tether.verify import matrix
from tether.verify.matrix import Matrix
from tether.verify.proving import Plan, prove


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What the command line asks for."""

    out: Path
    trace: bool = True
    verify: bool = False
    """Whether to verify the mesh now, which deploys an application for the time."""
    matrix: Path | None = None
    """A verification that was made before."""
    output: Form = Form.TEXT
    """How is told what was written."""


class ReportDocument(Document):
    """What was written about a mesh."""

    kind: Literal[Kind.REPORT] = Kind.REPORT
    file: str
    """The page."""
    mesh: MeshPart
    """The mesh that it is about."""
    healthy: bool
    """Whether the doctor found no error."""
    verdict: str
    """The doctor's, in one line."""


def report(target: Target, wish: Wish) -> None:
    """Look at the mesh from every side and write the page.

    Raises:
        UsageError: the options contradict each other, or a file cannot be read or written.
        NotFoundError: the stack has no clusters, or nobody knows the echo application's image.
    """
    if wish.output is Form.JSON and wish.out == STDOUT:
        raise UsageError("Page and document cannot both go to standard output; name a file for the page: --out FILE")
    if wish.verify and wish.matrix:
        raise UsageError("--verify makes a new verification and --matrix takes an older one; choose one of them")
    before = read_matrix(wish.matrix) if wish.matrix else None
    with opened(target) as mesh:
        seen = _verified(mesh) if wish.verify else before
        found = gather(
            mesh,
            command=shlex.join(["tether", *sys.argv[1:]]),
            authentications=tuple(_traced(mesh)) if wish.trace else (),
            no_authentication="Left out, as --no-trace asked.",
            traffic=traffic.of_matrix(seen) if seen else None,
            on_change=say,
        )
        named = MeshPart.of(mesh)
    write(page.html(found), wish.out)
    if wish.output is Form.JSON:
        examination = found.examination
        give(
            ReportDocument(
                file=str(wish.out),
                mesh=named,
                healthy=examination.is_healthy(),
                verdict=rendering.verdict(examination),
            )
        )
    elif wish.out != STDOUT:
        print(wish.out)  # noqa: T201 - the result
    say(rendering.verdict(found.examination))


def read_matrix(file: Path) -> Matrix:
    """The verification in a file.

    Raises:
        UsageError: there is none.
    """
    try:
        content: Any = json.loads(file.read_text())
        if isinstance(content, dict):
            return matrix.read(cast("dict[str, Any]", content))
        wrong = "it holds no verification"
    except (OSError, ValueError) as error:
        wrong = str(error)
    problem = Problem(subject="--matrix", shown=str(file), wrong=wrong, why="the traffic of the report is read from it",
                      fix=f"tether verify --output json > {shlex.quote(str(file))}")  # fmt: skip
    raise UsageError("The verification cannot be read.", [problem])


def _traced(mesh: Mesh) -> Iterator[Authentication]:
    for remote in mesh.remotes:
        say(f"playing the first authentication of a proxy in {remote.name}")
        # The page has the doctor's findings already.
        yield authentication.of_record(trace.play(mesh, remote=remote.name, diagnose=False))


def _verified(mesh: Mesh) -> Matrix:
    plan = Plan(image=verify.known_image(), trust_domain=verify.trust_domain(mesh))
    with verify.until_signal() as (cancel, seen):
        try:
            return prove(mesh, plan, cancel=cancel, on_change=say)
        except wait.WaitCancelledError:
            say("Interrupted; what was deployed is being removed.")
            sys.exit(KILLED_BY + seen[0])
