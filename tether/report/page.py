"""The report as one HTML page that needs nothing but itself."""

import base64
import functools
import hashlib
from importlib import resources
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from tether.doctor import rendering
from tether.doctor.check import Family, Finding, Severity, Status
from tether.redact import redact
from tether.report import drawing
from tether.report.model import Report
from tether.report.picture import Picture, short
from tether.report.validity import State

_TEMPLATES = "templates"


def html(report: Report) -> str:
    """Write the page. Text is escaped, what looks like a credential is masked, and nothing is fetched."""
    style, script = (_template_file(name) for name in ("page.css", "page.js"))
    return (
        _environment()
        .get_template("page.html")
        .render(
            report=report,
            picture=report.picture,
            view=_View(report),
            style=Markup(style),  # noqa: S704 - our own file
            script=Markup(script),  # noqa: S704 - our own file
            policy=_policy(style, script),
            family_names=list(Family),
            State=State,
            Status=Status,
            short=short,
        )
    )


@functools.cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("tether.report", _TEMPLATES), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True, finalize=_masked,
    )  # fmt: skip
    environment.filters |= {"command": _command, "image": _image, "moment": _moment, "days": _days}
    return environment


def _masked(value: Any) -> Any:
    """Mask secrets in every text that a template writes."""
    return value if isinstance(value, Markup) or not isinstance(value, str) else redact(value)


def _command(text: str) -> Markup:
    """Commands to paste: only what looks like a credential by itself is masked."""
    return Markup.escape(redact(text, fields=False))


def _image(svg: str) -> Markup:
    """A drawing as an address that holds it whole: its style sheet cannot touch the page's."""
    encoded = base64.b64encode(redact(svg).encode()).decode()
    return Markup(f"data:image/svg+xml;base64,{encoded}")  # noqa: S704 - base64 alone


def _moment(value: Any) -> str:
    return value.strftime("%Y-%m-%d %H:%M UTC") if value else ""


def _days(value: float) -> str:
    """Days left as people say them: hours where it is less than two days, and ``ago`` where there are none."""
    ago = " ago" if value < 0 else ""
    if abs(value) < 2:
        return f"{abs(value) * 24:.0f} hours{ago}"
    return f"{abs(value):,.0f} days{ago}".replace(",", "\N{NARROW NO-BREAK SPACE}")


def _policy(style: str, script: str) -> str:
    """Content security policy: nothing from anywhere but this page's own style sheet, script and drawings."""
    return (
        f"default-src 'none'; style-src {_hash(style)}; script-src {_hash(script)}; img-src data:; base-uri 'none'; "
        "form-action 'none'"
    )


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _template_file(name: str) -> str:
    return (resources.files("tether.report") / _TEMPLATES / name).read_text()


class _View:
    """What the template asks beside the report itself."""

    def __init__(self, report: Report) -> None:
        self.report = report
        self.verdict = rendering.verdict(report.examination)
        self.is_healthy = report.examination.is_healthy()
        self.wide = drawing.wide(report.picture)
        self.narrow = drawing.narrow(report.picture)
        self.words = drawing.describe(report.picture)

    @property
    def unknown(self) -> list[Finding]:
        """Questions that could not be asked."""
        return [finding for finding in self.report.examination.findings if finding.status is Status.UNKNOWN]

    def of_family(self, family: Family) -> list[Finding]:
        """Findings of one family, in the order of the checks."""
        return [finding for finding in self.report.examination.findings if finding.check.family is family]

    def muted_by(self, finding: Finding) -> list[Finding]:
        """Findings that were not asked because of this one."""
        return [other for other in self.report.examination.findings if finding.check.id in other.muted_by]

    def word(self, finding: Finding) -> str:
        """How a check ended, in a word or two."""
        if finding.status is Status.WRONG and finding.check.severity is Severity.WARNING:
            return "warning"
        return rendering.WORDS[finding.status]

    def first_to_end(self) -> str:
        """The certificate that ends first, in one sentence."""
        dated = [one for one in self.report.certificates.validities if one.days is not None]
        first = min(dated, key=lambda one: one.days or 0, default=None)
        if first is None or first.days is None:
            return "No certificate could be read."
        how = f"ended {_days(first.days)}" if first.days < 0 else f"ends first: {_days(first.days)} left"
        return f"{first.what} of {first.cluster} {how}."

    def trust(self, picture: Picture) -> str:
        """Who shares the root, in one sentence."""
        sharers = len(picture.sharers)
        return f"{sharers} of {len(picture.clusters)} clusters trust root {short(picture.root) or 'unknown'}."
