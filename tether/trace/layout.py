"""A record as a sequence diagram: where every arrow, note and word goes."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from tether.addresses import with_port
from tether.trace import text
from tether.trace.record import Actor, Diagnosis, Outcome, Participant, Record, Step, Verdict
from tether.trace.scene import Anchor, Box, Disc, Line, Paint, Polygon, Scene, Shape, Words, width_of, wrapped

_MARGIN = 28.0
_GUTTER = 96.0
_COLUMN = 252.0
_HEADER = 170.0
_CARD = (158.0, 50.0)
_PANEL = 356.0
_TITLE, _BODY, _SMALL = 22.0, 13.5, 11.5
_LEAD = 15.5
"""From one small line to the next."""
_ROW_GAP = 22.0
_HEAD = (9.0, 4.5)
_CHECK = 9.0
_COLOURS = {
    Outcome.OK: Paint.INK, Outcome.FAILED: Paint.BAD, Outcome.SKIPPED: Paint.MUTED, Outcome.UNSEEN: Paint.WARN,
    Outcome.NO_WAY: Paint.WARN,
}  # fmt: skip


def scene(record: Record) -> Scene:
    """Lay a record out; the same record always gives the same scene."""
    return _Sheet(record).scene()


def description(record: Record) -> str:
    """The record in sentences."""
    names = {one.actor: one.name for one in record.participants}
    told = [_sentence(record, step, names) for step in record.steps]
    if record.diagnosis:
        told.append(f"The doctor's finding: {record.diagnosis.check}, {record.diagnosis.seen}.")
    return " ".join([f"{text.verdict(record)}.".replace("..", "."), *told])


def _sentence(record: Record, step: Step, names: dict[Actor, str]) -> str:
    way = f"{names.get(step.source, '')} to {names.get(step.target, '')}"
    by = f" through {names.get(step.via, '')}" if step.via else ""
    came = {Outcome.OK: f"answered: {step.answer}", Outcome.FAILED: f"failed: {step.message or step.answer}"}
    rest = came.get(step.outcome, f"{step.outcome}: {step.message}").rstrip(".")
    return f"Step {text.number(record, step)}, {way}{by}: {step.title.rstrip('?')}; {rest}."


@dataclass
class _Sheet:
    """A sheet that is filled from the top."""

    record: Record
    shapes: list[Shape] = field(default_factory=list[Shape])
    front: list[Shape] = field(default_factory=list[Shape])
    """What lies over the lifelines."""
    y: float = 0

    def __post_init__(self) -> None:
        self.xs = {
            one.actor: _MARGIN + _GUTTER + _CARD[0] / 2 + index * _COLUMN
            for index, one in enumerate(self.record.participants)
        }
        self.left, self.right = min(self.xs.values()) - _CARD[0] / 2, max(self.xs.values()) + _CARD[0] / 2
        self.panel = max(self.xs.values()) + _COLUMN / 2 + 16
        self.width = self.panel + _PANEL + _MARGIN

    def scene(self) -> Scene:
        """The whole drawing."""
        self._title()
        self.y = _HEADER + _CARD[1] + 34
        for step in self.record.steps:
            if not step.inside:
                self._step(step)
        bottom = self.y + 4
        self._bands(bottom)
        self._words(self.panel, _HEADER - 26, "What was checked", _BODY, Paint.INK, bold=True)
        self._legend(bottom + 32)
        height = bottom + 56
        ground = Box(x=0, y=0, width=self.width, height=height, fill=Paint.GROUND)
        return Scene(
            width=self.width, height=height, title=text.headline(self.record), description=description(self.record),
            shapes=(ground, *self.shapes, *self.front),
        )  # fmt: skip

    def _title(self) -> None:
        record = self.record
        self._words(_MARGIN, 46, text.headline(record), _TITLE, Paint.INK, bold=True)
        paint = Paint.OK if record.ok else Paint.BAD
        self._mark(_MARGIN, 76, ok=record.ok, size=12)
        self._words(_MARGIN + 22, 76, text.verdict(record), 15, paint, bold=True)
        when = record.began_at.partition(".")[0].replace("T", " ")
        about = f"Played and recorded {when} UTC on {record.mesh}, {text.milliseconds(record.seconds)}"
        self._words(_MARGIN, 100, about, _SMALL + 0.5, Paint.MUTED)

    def _bands(self, bottom: float) -> None:
        """One band per cluster, with its name, its participants and their lifelines."""
        for cluster in dict.fromkeys(one.cluster for one in self.record.participants):
            members = [one for one in self.record.participants if one.cluster == cluster]
            is_primary = cluster == self.record.primary
            paint = Paint.PRIMARY if is_primary else Paint.REMOTE
            ground = Paint.PRIMARY_GROUND if is_primary else Paint.REMOTE_GROUND
            first, last = self.xs[members[0].actor], self.xs[members[-1].actor]
            half = _COLUMN / 2 - 6
            self.shapes.append(
                Box(x=first - half, y=_HEADER - 50, width=last - first + 2 * half, height=bottom - _HEADER + 50,
                    fill=ground, radius=10)
            )  # fmt: skip
            role = "primary" if is_primary else f"remote, {self.record.network}"
            self._words(first - half + 14, _HEADER - 26, cluster, _BODY, paint, bold=True, back=True)
            offset = width_of(cluster, _BODY, bold=True) + 8
            self._words(first - half + 14 + offset, _HEADER - 26, role, _SMALL + 0.5, Paint.MUTED, back=True)
            for one in members:
                self._participant(one, paint, bottom)

    def _participant(self, one: Participant, paint: Paint, bottom: float) -> None:
        x = self.xs[one.actor]
        top = _HEADER + _CARD[1]
        self.shapes.append(Line(points=((x, top), (x, bottom - 8)), paint=Paint.RULE, width=1.4, dash=4))
        self.shapes.append(
            Box(x=x - _CARD[0] / 2, y=_HEADER, width=_CARD[0], height=_CARD[1], fill=Paint.CARD, stroke=paint, radius=7)
        )
        self._words(x, _HEADER + 21, one.name, _BODY + 0.5, paint, "middle", bold=True, back=True)
        detail = wrapped(one.detail, _SMALL - 0.5, _CARD[0] - 10, limit=1)
        self._words(x, _HEADER + 38, detail[0] if detail else "", _SMALL - 0.5, Paint.MUTED, "middle", back=True)

    def _legend(self, y: float) -> None:
        x = _MARGIN + 5
        self.front.append(Disc(x=x, y=y - 4, radius=4.5, fill=Paint.GROUND, stroke=Paint.PRIMARY))
        said = "passed through by server name, unread · dashed arrows: answers · +: since the trace began"
        self._words(x + 12, y, said, _SMALL, Paint.MUTED)

    def _step(self, step: Step) -> None:
        """An exchange with those inside of it, its checks and what went wrong."""
        top = self.y
        side = self._side(step, top)
        self._badge(step, top)
        if step.outcome in (Outcome.SKIPPED, Outcome.UNSEEN, Outcome.NO_WAY):
            self._one_way(step)
        elif step.source is step.target:
            self._loop(step)
        else:
            self._request(step)
            for inner in self.record.steps:
                if inner.inside == step.id:
                    self.y += 10
                    self._step(inner)
                    self.y -= 8
            self._reply(step)
        told = [inner.message for inner in self.record.steps if inner.inside == step.id]
        if step.outcome is Outcome.FAILED and step.message and step.message not in told:
            self._message(step)
        self.y = max(self.y, side) + _ROW_GAP

    def _badge(self, step: Step, top: float) -> None:
        x, y = _MARGIN + 14, top + 8
        paint = Paint.MUTED if step.outcome is Outcome.SKIPPED else _COLOURS[step.outcome]
        self.front.append(Disc(x=x, y=y, radius=12, fill=paint))
        self._words(x, y + 4.5, str(text.number(self.record, step)), 12.5, Paint.GROUND, "middle", bold=True)
        if step.outcome is not Outcome.SKIPPED:
            self._words(x - 14, y + 29, f"+{text.milliseconds(step.started)}", 10.5, Paint.MUTED)

    def _request(self, step: Step) -> None:
        x1, x2 = self.xs[step.source], self.xs[step.target]
        paint = _COLOURS[step.outcome]
        self._label(step.title, x1, x2, paint, bold=True, size=_BODY)
        self._label(step.call, x1, x2, Paint.MUTED)
        self.y += 5
        self._arrow(x1, x2, paint, via=step.via, width=1.8)
        self.y += 15
        where = f"{with_port(step.address, step.port)}, server name {step.server_name}" if step.port else ""
        for line in (where, _introduction(step)):
            self._label(line, x1, x2, Paint.MUTED)

    def _reply(self, step: Step) -> None:
        x1, x2 = self.xs[step.target], self.xs[step.source]
        if not step.answer:
            if step.outcome is Outcome.FAILED:
                self.y += 4
            return
        self.y += 6
        paint = _COLOURS[step.outcome]
        words = step.answer
        if step.seconds >= 0.0005:
            words += f" ({text.milliseconds(step.seconds)})".replace(" ", "\u00a0")
        self._label(words, x1, x2, paint if step.outcome is Outcome.FAILED else Paint.INK, size=_SMALL + 0.5)
        self.y += 4
        self._arrow(x1, x2, paint, via=step.via, dashed=True, width=1.4)
        self.y += 6

    def _one_way(self, step: Step) -> None:
        """An arrow that nothing came back for: not played, or not seen."""
        x1, x2 = self.xs[step.source], self.xs[step.target]
        paint = _COLOURS[step.outcome]
        self._label(step.title, x1, x2, paint, bold=True, size=_BODY)
        self.y += 5
        if step.source is not step.target:
            self._arrow(x1, x2, paint, via=step.via, dashed=True, width=1.2)
        self.y += 15
        self._label(f"{_WORDS[step.outcome]}: {step.message}", x1, x2, paint)

    def _loop(self, step: Step) -> None:
        x, paint = self.xs[step.source], _COLOURS[step.outcome]
        top = self.y + 4
        self.front.append(Line(points=((x, top), (x + 34, top), (x + 34, top + 18), (x + 8, top + 18)), paint=paint,
                               width=1.8))  # fmt: skip
        self._head(x, x + 1, top + 18, paint)
        self._words(x + 44, top + 5, step.title, _BODY, paint, bold=True)
        self._words(x + 44, top + 22, step.answer, _SMALL, Paint.MUTED)
        self.y = top + 30

    def _arrow(
        self, x1: float, x2: float, paint: Paint, *, via: Actor | None = None, dashed: bool = False, width: float = 1.5
    ) -> None:
        way = 1 if x2 > x1 else -1
        self.front.append(
            Line(points=((x1, self.y), (x2 - way * (_HEAD[0] - 1), self.y)), paint=paint, width=width,
                 dash=5 if dashed else 0)
        )  # fmt: skip
        self._head(x2, x1, self.y, paint)
        if via is not None:
            self.front.append(Disc(x=self.xs[via], y=self.y, radius=4.5, fill=Paint.GROUND, stroke=Paint.PRIMARY))

    def _head(self, x: float, origin: float, y: float, paint: Paint) -> None:
        back = x - _HEAD[0] if x > origin else x + _HEAD[0]
        self.front.append(Polygon(points=((x, y), (back, y - _HEAD[1]), (back, y + _HEAD[1])), paint=paint))

    def _label(
        self, words: str, x1: float, x2: float, paint: Paint, *, size: float = _SMALL, bold: bool = False
    ) -> None:
        """Lines centred between two lifelines; they move the pen down."""
        if not words:
            return
        for line in wrapped(words, size, abs(x2 - x1) - 22, bold=bold):
            self._words((x1 + x2) / 2, self.y + size * 0.75, line, size, paint, "middle", bold=bold, halo=True)
            self.y += size + 4

    def _side(self, step: Step, top: float) -> float:
        """Checks, and beside the first failure what the doctor says; where they end."""
        y = top + 4
        for one in step.verdicts:
            y = self._verdict(one, y)
        if step is self.record.failed and self.record.diagnosis:
            y = self._diagnosis(self.record.diagnosis, y + (6 if step.verdicts else -6))
        elif step is self.record.failed and self.record.diagnosed:
            y = self._note("The doctor finds nothing wrong with the mesh: look at what was asked of it.", y)
        return y

    def _verdict(self, one: Verdict, y: float) -> float:
        self._mark(self.panel, y + 8, ok=one.ok, size=_CHECK)
        lines = wrapped(f"{one.what}: {one.detail}", _SMALL, _PANEL - 20)
        for line in lines:
            self._words(self.panel + 18, y + 8, line, _SMALL, Paint.MUTED if one.ok else Paint.BAD, bold=not one.ok)
            y += _LEAD
        return y + 1

    def _note(self, words: str, y: float) -> float:
        for line in wrapped(words, _SMALL, _PANEL - 20):
            self._words(self.panel + 18, y + 8, line, _SMALL, Paint.MUTED)
            y += _LEAD
        return y

    def _diagnosis(self, found: Diagnosis, y: float) -> float:
        inner = _PANEL - 28
        lines: list[tuple[str, float, Paint, bool]] = [
            (f"tether doctor: {found.check}, {found.subject}", _SMALL, Paint.BAD, True)
        ]
        lines += [(line, _BODY - 0.5, Paint.INK, True)
                  for line in wrapped(f"Not so: {found.title}", _BODY - 0.5, inner, bold=True)]  # fmt: skip
        lines += [(line, _SMALL, Paint.INK, False) for line in wrapped(found.seen, _SMALL, inner, limit=5)]
        lines += [(line, _SMALL, Paint.MUTED, False)
                  for line in wrapped(f"Cause: {found.cause}", _SMALL, inner, limit=4)]  # fmt: skip
        return self._card(self.panel, y, _PANEL, lines)

    def _message(self, step: Step) -> None:
        """The server's own words, under the arrows of the step that failed."""
        width = self.right - self.left
        heading = [(f"{step.source_of_message}:", _SMALL, Paint.BAD, True)]
        body = [(line, _SMALL + 0.5, Paint.INK, False)
                for line in wrapped(step.message, _SMALL + 0.5, width - 28, limit=6)]  # fmt: skip
        self.y = self._card(self.left, self.y + 8, width, [*heading, *body])

    def _card(self, x: float, y: float, width: float, lines: Sequence[tuple[str, float, Paint, bool]]) -> float:
        height = 12 + len(lines) * (_LEAD + 0.5) + 6
        self.front.append(Box(x=x, y=y, width=width, height=height, fill=Paint.BAD_GROUND, stroke=Paint.BAD, radius=6))
        baseline = y + 20
        for words, size, paint, bold in lines:
            self._words(x + 14, baseline, words, size, paint, bold=bold)
            baseline += _LEAD + 0.5
        return y + height

    def _mark(self, x: float, y: float, *, ok: bool, size: float) -> None:
        """A tick or a cross on a base line: drawn, because fonts lack them."""
        if ok:
            points = ((x, y - size * 0.35), (x + size * 0.35, y), (x + size, y - size * 0.8))
            self.front.append(Line(points=points, paint=Paint.OK, width=2))
            return
        for start, end in (((x, y - size * 0.85), (x + size * 0.85, y)), ((x, y), (x + size * 0.85, y - size * 0.85))):
            self.front.append(Line(points=(start, end), paint=Paint.BAD, width=2))

    def _words(
        self, x: float, y: float, words: str, size: float, paint: Paint, anchor: Anchor = "start", *,
        bold: bool = False, halo: bool = False, back: bool = False,
    ) -> None:  # fmt: skip
        layer = self.shapes if back else self.front
        if halo:
            self._halo(x, y, words, size, bold=bold)
        if words:
            layer.append(Words(x=x, y=y, text=words, size=size, paint=paint, anchor=anchor, bold=bold))

    def _halo(self, x: float, y: float, words: str, size: float, *, bold: bool) -> None:
        """Interrupt the lifelines behind a centred label."""
        half = width_of(words, size, bold=bold) / 2 + 3
        for one in self.record.participants:
            at = self.xs[one.actor]
            if x - half < at < x + half:
                ground = Paint.PRIMARY_GROUND if one.cluster == self.record.primary else Paint.REMOTE_GROUND
                self.front.append(Box(x=at - 2, y=y - size * 0.85, width=4, height=size * 1.15, fill=ground))


def _introduction(step: Step) -> str:
    """What the source shows, and who it is by that."""
    without = step.credential.partition(",")[0] == "none"
    shown = "without a credential" if without else f"with {step.credential}" if step.credential else ""
    return ", ".join(part for part in (shown, f"as {step.identity}" if step.identity else "") if part)


_WORDS = {Outcome.SKIPPED: "not played", Outcome.UNSEEN: "not seen", Outcome.NO_WAY: "out of reach"}
