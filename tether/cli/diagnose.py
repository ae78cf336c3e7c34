"""``tether diagnose``: one archive with everything that somebody who was not there needs to see."""

import contextlib
import json
import os
import platform
import shlex
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

from tether import mesh as meshes
from tether import parts
from tether.cli import event_log, passphrase, project, settings
from tether.cli.delivery import give
from tether.cli.forms import Form
from tether.cli.project import Project
from tether.cli.talk import say
from tether.cli.target import Target, resolve
from tether.diagnosis import archive, collecting, collectors
from tether.diagnosis.collecting import Collected
from tether.diagnosis.collectors import Collector
from tether.diagnosis.masking import Masking
from tether.document import Document, Kind, Part
from tether.errors import NotFoundError, Problem, TetherError, UsageError, count
from tether.mesh import Blueprint
from tether.redact import MASK, hide


class CollectorPart(Part):
    """What was read, or not."""

    name: str
    """Folder or file in the archive."""
    what: str
    """What is in it, in words."""
    files: tuple[str, ...]
    """Names in the archive."""
    seconds: float
    """How long it took."""
    error: str
    """Why it could not be read to its end; empty where it was."""


class DiagnosisDocument(Document):
    """What was collected."""

    kind: Literal[Kind.DIAGNOSIS] = Kind.DIAGNOSIS
    file: str
    """The archive."""
    collectors: tuple[CollectorPart, ...]
    """Everything that was tried."""


def diagnose(target: Target, out: Path | None, output: Form = Form.TEXT) -> None:
    """Collect what can be read of the mesh and of its stack.

    A mesh that is not there, or only half, is no reason to collect nothing: the manifest says what is missing.

    Raises:
        UsageError: the options contradict each other, or the file cannot be written.
    """
    moment = time.time()
    place = None if target.primary or target.remotes else project.find(Path.cwd(), target.stack)
    path = out or Path(f"tether-{place.stack if place else target.primary}-{time.strftime('%Y%m%d-%H%M%S')}.tar.gz")
    try:
        found = _collect(target, place, path, moment)
    except OSError as error:
        problem = Problem(
            subject="--out",
            shown=str(path),
            wrong=error.strerror or str(error),
            why="the archive is written there",
            fix=f"mkdir -p {shlex.quote(str(path.parent))}",
        )
        raise UsageError("The archive cannot be written.", [problem]) from None
    missing = [one for one in found if one.error]
    files = sum(len(one.files) for one in found)
    tail = f"; {count(len(missing), 'thing')} could not be read, see {collecting.MANIFEST} in it" if missing else ""
    say(f"{count(files, 'file')} without secrets{tail}. Look into it before you give it away: tar -tzf {path}")
    if output is Form.JSON:
        give(DiagnosisDocument(file=str(path), collectors=tuple(map(_told, found))))
    else:
        print(path)  # noqa: T201 - the result


def _told(found: Collected) -> CollectorPart:
    collector = found.collector
    return CollectorPart(
        name=collector.name,
        what=collector.what,
        files=found.files,
        seconds=round(found.seconds, 2),
        error=found.error,
    )


def _collect(target: Target, place: Project | None, path: Path, moment: float) -> tuple[Collected, ...]:
    with contextlib.ExitStack() as stack:
        blueprint, why = _blueprint(target, is_of_stack=place is not None)
        opened = stack.enter_context(meshes.connect(blueprint)) if blueprint else None
        masking = collecting.masking_of(opened) if opened else Masking()
        masking = masking.knowing(passphrase.of(place)) if place else masking
        wanted = [*(_of_stack(place, masking) if place else ()), *_of_machine(masking)]
        wanted += collectors.of_mesh(opened, masking) if opened else [_absent(why)]
        made = stack.enter_context(archive.opened(path, masking, moment))
        found = collecting.collect(wanted, made, _tell)
        about = {
            "made": datetime.fromtimestamp(moment, UTC).isoformat(timespec="seconds"),
            "stack": place.stack if place else "",
            "clusters": [member.name for member in blueprint.members] if blueprint else [],
        }
        made.add(collecting.MANIFEST, collecting.manifest(about, found))
    return found


def _blueprint(target: Target, *, is_of_stack: bool) -> tuple[Blueprint | None, str]:
    """Which clusters there are, or why none of the stack's is known: then the stack alone is looked at."""
    try:
        return resolve(target), ""
    except (TetherError, parts.PartsMissingError) as error:
        if not is_of_stack:
            raise
        return None, str(error)


def _absent(why: str) -> Collector:
    def read() -> Iterator[collectors.Piece]:
        raise NotFoundError(why)
        yield

    return Collector(name="clusters", what="clusters of the mesh", read=read)


def _tell(found: Collected) -> None:
    read = f"{count(len(found.files), 'file')}, {found.seconds:.1f} s"
    say(f"  {found.collector.what}: {found.error or read}")


def _of_stack(place: Project, masking: Masking) -> Iterator[Collector]:
    yield Collector(
        name="stack/settings", what="settings of the stack",
        read=lambda: [("json", masking.document(settings.document(place, settings.effective(place)).plain()))],
    )  # fmt: skip
    yield Collector(
        name="stack/state", what="what the engine recorded", read=lambda: [("json", _state(place, masking))]
    )
    yield Collector(
        name="stack/events", what="what the engine did in its last runs",
        read=lambda: [(file.name, masking.text(file.read_text())) for file in event_log.of(place)],
    )  # fmt: skip
    yield Collector(name="stack/runs", what="runs of the engine", read=lambda: _runs(place, masking))


def _state(place: Project, masking: Masking) -> str:
    content = place.read_state()
    if content is None:
        raise NotFoundError(f"stack {place.stack} has no state")
    return masking.document(without_ciphertext(content))


def _runs(place: Project, masking: Masking) -> Iterator[collectors.Piece]:
    """The history of the stack: when, what, by whom and how it ended."""
    for file in place.runs():
        yield file.name, masking.document(without_ciphertext(json.loads(file.read_text())))


def without_ciphertext(document: Any) -> Any:
    """A document of the engine's without its encrypted values, which a stolen passphrase would open."""
    return hide(document, lambda found: "ciphertext" in found or "secure" in found, MASK)


def _of_machine(masking: Masking) -> Iterator[Collector]:
    yield Collector(
        name="machine", what="versions and the machine", read=lambda: [("json", masking.document(_machine()))]
    )


def _machine() -> dict[str, Any]:
    try:
        known: dict[str, Any] | None = asdict(parts.read())
    except parts.PartsMissingError:
        known = None
    return {
        "command": shlex.join(["tether", *sys.argv[1:]]),
        "platform": platform.platform(),
        "python": platform.python_version(),
        "packages": {name: version(name) for name in ("pulumi", "pulumi-kubernetes", "kubernetes", "cryptography")},
        "processors": os.cpu_count(),
        "memoryMiB": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20,
        "load": os.getloadavg(),
        "parts": known,
    }
