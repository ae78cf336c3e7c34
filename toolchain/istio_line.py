"""Which line of Istio a checkout runs: ``TETHER_ISTIO`` decides, then what it ran before, then the newest."""

from collections.abc import Mapping

from tether import versions
from tether.versions import IstioLine
from toolchain import shell
from toolchain.sources import SourceError

VARIABLE = versions.LINE_VARIABLE


def wanted(environment: Mapping[str, str], recorded: str = "") -> IstioLine:
    """The line to build or fetch.

    Args:
        environment: Environment variables; ``TETHER_ISTIO`` empty or absent asks for nothing.
        recorded: Version of Istio that the checkout has now. Its line stands where nothing is asked for, so that a
            shell without the variable does not update a mesh; a line that is made no more gives way to the newest.

    Raises:
        SourceError: the variable names a line that is not made here.
    """
    name = environment.get(VARIABLE, "")
    if not name:
        return next((line for line in versions.ISTIO_LINES if _is_of(recorded, line)), versions.DEFAULT_LINE)
    found = next((line for line in versions.ISTIO_LINES if line.name == name), None)
    if found is None:
        known = ", ".join(line.name for line in versions.ISTIO_LINES)
        raise SourceError(f"{VARIABLE}={name} — no such line of Istio is made here; use one of: {known}")
    return found


def _is_of(version: str, line: IstioLine) -> bool:
    return shell.version_numbers(version)[:2] == shell.version_numbers(line.name)
