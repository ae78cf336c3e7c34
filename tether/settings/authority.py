"""Rules of the setting ``certificateAuthority``: what belongs together, and what the certificates themselves say."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, cast

from tether.authority.forms import Material, Part
from tether.errors import Problem
from tether.redact import HIDDEN
from tether.settings.base import pem_text
from tether.settings.models import AuthoritySettings, AuthoritySource
from tether.settings.wording import fix, remove, shown, subject

_KEY = "certificateAuthority"
_OWN: Mapping[AuthoritySource, tuple[str, ...]] = {
    AuthoritySource.GENERATED: ("algorithm", "rootDays", "intermediateDays", "organization", "rootKeyFile"),
    AuthoritySource.PROVIDED: tuple(Part),
    AuthoritySource.EXISTING: (),
}
_REQUIRED = (Part.CA_CERT, Part.CA_KEY, Part.ROOT_CERT)
_WHY_REQUIRED = "istiod takes a whole authority or none"
_EXAMPLES = {Part.CA_CERT: "ca-cert.pem", Part.ROOT_CERT: "root-cert.pem", Part.CERT_CHAIN: "cert-chain.pem"}


def check(written: Any, project: str) -> Iterator[Problem]:
    """Check what single values cannot show, without a look into files.

    Args:
        written: the setting as it was written; anything may be wrong with it.
        project: namespace of the settings.
    """
    values = _values(written)
    source = _source(values)
    if source is None:
        return
    yield from _foreign(values, source, project)
    if source is AuthoritySource.GENERATED:
        yield from _lifetimes(values, project)
    if source is AuthoritySource.PROVIDED:
        yield from _missing(values, project)


def check_material(written: Any, project: str, folder: Path) -> Iterator[Problem]:
    """Check certificates and key that somebody brings, files included; what is encrypted still is passed over.

    Args:
        written: the setting as it was written.
        project: namespace of the settings.
        folder: where relative paths begin.
    """
    values = _values(written)
    if _source(values) is not AuthoritySource.PROVIDED:
        return
    texts: dict[Part, str] = {}
    for part in Part:
        value = values.get(part)
        if not isinstance(value, str) or not value or value == HIDDEN:
            continue
        try:
            texts[part] = pem_text(value, folder)
        except OSError as error:
            yield _problem(part, value, f"cannot be read: {error.strerror}", "it is part of the authority", "", project)
    if Part.CA_CERT not in texts or Part.ROOT_CERT not in texts:
        return
    yield from _judged(texts, values, project)


def _judged(texts: Mapping[Part, str], values: Mapping[str, Any], project: str) -> Iterator[Problem]:
    # It loads `cryptography`, which most readers of settings can do without.
    from tether.authority import judging

    if values.get(Part.CERT_CHAIN) and Part.CERT_CHAIN not in texts:
        return
    material = Material(
        ca_cert=texts[Part.CA_CERT],
        ca_key=texts.get(Part.CA_KEY),
        root_cert=texts[Part.ROOT_CERT],
        cert_chain=texts.get(Part.CERT_CHAIN, ""),
    )
    for one in judging.judge(material).complaints:
        yield _problem(one.part, values.get(one.part), one.wrong, one.why, one.remedy, project)


def material(settings: AuthoritySettings, folder: Path) -> Material:
    """The authority that the settings provide.

    Raises:
        OSError: a file cannot be read.
    """

    def text(value: str | None) -> str:
        return pem_text(value, folder) if value else ""

    return Material(
        ca_cert=text(settings.ca_cert),
        ca_key=text(settings.ca_key.get_secret_value() if settings.ca_key else None),
        root_cert=text(settings.root_cert),
        cert_chain=text(settings.cert_chain),
    )


def _values(written: Any) -> dict[str, Any]:
    return cast("dict[str, Any]", written) if isinstance(written, dict) else {}


def _source(values: Mapping[str, Any]) -> AuthoritySource | None:
    try:
        return AuthoritySource(values.get("source", AuthoritySource.GENERATED))
    except ValueError:
        return None


def _foreign(values: Mapping[str, Any], source: AuthoritySource, project: str) -> Iterator[Problem]:
    for other, keys in _OWN.items():
        for key in keys:
            if other is not source and values.get(key) is not None:
                yield Problem(
                    subject=subject((_KEY, key), project),
                    shown=shown((_KEY, key), values[key]),
                    wrong=f"belongs to an authority of source {other}, and this one is of source {source}",
                    why="it would be passed over in silence",
                    fix=remove((_KEY, key), project),
                )


def _missing(values: Mapping[str, Any], project: str) -> Iterator[Problem]:
    for part in _REQUIRED:
        if not values.get(part):
            yield _problem(part, None, "is missing: the authority is of source provided", _WHY_REQUIRED, "", project)


def _lifetimes(values: Mapping[str, Any], project: str) -> Iterator[Problem]:
    default = AuthoritySettings()
    try:
        root = int(values.get("rootDays", default.root_days))
        intermediate = int(values.get("intermediateDays", default.intermediate_days))
    except (TypeError, ValueError):
        return
    if intermediate > root:
        path = (_KEY, "intermediateDays")
        yield Problem(
            subject=subject(path, project),
            shown=str(intermediate),
            wrong=f"is longer than rootDays ({root})",
            why="a chain ends with its root, so workload certificates would stop being trusted early",
            fix=fix(path, str(root), project),
        )


def _problem(part: Part, value: Any, wrong: str, why: str, remedy: str, project: str) -> Problem:
    path = (_KEY, part.value)
    setting = fix(path, _EXAMPLES.get(part, ""), project)
    return Problem(
        subject=subject(path, project),
        shown="" if value is None else shown(path, value),
        wrong=wrong,
        why=why,
        fix=f"{remedy} && {setting.replace('FILE', 'plain.pem')}" if remedy else setting,
    )
