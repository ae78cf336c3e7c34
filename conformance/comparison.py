"""``python -m conformance.comparison``: the doctor and ``istioctl`` on the same broken meshes.

Every mesh is broken in one way, both are asked, and the mesh is mended. What ``istioctl`` says counts by what it
says otherwise than on the healthy mesh, so that its standing warnings are nobody's merit. Writes
``docs/conformance/doctor-and-istioctl.json`` and the page beside it.
"""

import argparse
import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from pydantic import TypeAdapter

from conformance import comparison_page
from conformance.breakages import BREAKAGES, Breakage, Object, applicable, broken
from conformance.runner import private_hosts
from conformance.stand import NAMESPACE, PROJECT, TETHER, Cluster, Stand, standing
from tether import scratch
from tether.kinds import Kind
from tether.topology import Role

DOCS = PROJECT / "docs" / "conformance"
ROWS = DOCS / "doctor-and-istioctl.json"
SETTLE_SECONDS = 20.0
"""istiod and the proxies need some seconds to notice; the tools are asked after the same time."""
ASK_SECONDS = 60
PATIENCE_SECONDS = 90.0
MEND_SECONDS = 600.0
LINE_LENGTH = 200
TOOLS: dict[str, tuple[Role, tuple[str, ...]]] = {
    "analyze": (Role.PRIMARY, ("analyze", "--all-namespaces")),
    "remote-clusters": (Role.PRIMARY, ("remote-clusters",)),
    "proxy-status": (Role.PRIMARY, ("proxy-status",)),
    "precheck": (Role.REMOTE, ("experimental", "precheck")),
}
"""Subcommand of istioctl → cluster that it is asked about, and arguments."""
_CHANGING = re.compile(r"-[0-9a-f]{6,10}-[a-z0-9]{5}\b|\d{4}-\d\d-\d\dT\S+|\b\d+(\.\d+)?m?s\b")
"""Names of pods, times and durations."""
_EITHER_WAY = re.compile(r"(\[IST0170\]) \[cluster-[\w-]+\] (.* across clusters) .*")
"""A message that names now one cluster first, now the other."""


@dataclass(frozen=True, kw_only=True)
class Said:
    """What one tool said of a broken mesh."""

    tool: str
    more: tuple[str, ...] = ()
    """Lines that it does not say of the healthy mesh."""
    less: tuple[str, ...] = ()
    """Lines that it says of the healthy mesh only."""
    seconds: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Row:
    """One broken mesh."""

    title: str
    check: str
    """The doctor's first finding; empty where it found nothing."""
    seen: str
    fix: str
    seconds: float
    istioctl: tuple[Said, ...]


def main() -> int:
    """Break, ask, mend; keep what was said after every breakage."""
    parser = argparse.ArgumentParser(prog="python -m conformance.comparison", description=__doc__)
    parser.add_argument("--stack", help="break this stack; by default one of its own")
    parser.add_argument("--only", default="*", help="breakages by title, with * for anything; other rows are kept")
    options = parser.parse_args()
    # Ended from outside, it still puts back what it broke.
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    chosen = [breakage for breakage in BREAKAGES if fnmatchcase(breakage.title, options.only)]
    with scratch.folder() as folder, standing(options.stack, folder) as stand:
        stand.write_hosts()
        mend(stand)
        for row in compare(stand, chosen):
            keep(row)
    return 0


def keep(row: Row) -> None:
    """Put a row into its place among those of earlier runs, and write the page anew."""
    by_title = {one.title: one for one in (read() if ROWS.is_file() else ())} | {row.title: row}
    rows = [by_title[breakage.title] for breakage in BREAKAGES if breakage.title in by_title]
    DOCS.mkdir(parents=True, exist_ok=True)
    ROWS.write_text(json.dumps([asdict(one) for one in rows], indent=1) + "\n")
    (DOCS / "doctor-and-istioctl.md").write_text(comparison_page.render(rows))


def read(path: Path = ROWS) -> tuple[Row, ...]:
    """The rows of the last run."""
    return TypeAdapter(tuple[Row, ...]).validate_json(path.read_text())


def compare(stand: Stand, breakages: Sequence[Breakage]) -> Generator[Row]:
    """Break the mesh in each way, one after the other."""
    clusters = {Role.PRIMARY: stand.primary, Role.REMOTE: stand.clusters[1]}
    healthy = {tool: lines for tool, (lines, _) in ask_all(stand, clusters).items()}
    for breakage in breakages:
        tell(breakage.title)
        cluster = clusters[breakage.where]
        place = ("-n", NAMESPACE) if breakage.namespaced else ()
        name = breakage.name.format(remote=clusters[Role.REMOTE].name)
        before: Object = json.loads(stand.kubectl(cluster, *place, "get", breakage.kind, name, "-o", "json"))
        try:
            stand.kubectl(cluster, "replace", "-f", "-", stdin=json.dumps(broken(before, breakage)))
            # Not a wait for a state: how soon a tool notices is part of what is compared.
            time.sleep(SETTLE_SECONDS)
            yield ask_both(stand, breakage, clusters, healthy)
        finally:
            put_back(stand, cluster, before)
            mend(stand)


def put_back(stand: Stand, cluster: Cluster, before: Object, attempts: int = 5) -> None:
    """Put the healthy object in its place again; a broken mesh must not be left because one call timed out."""
    for left in reversed(range(attempts)):
        try:
            stand.kubectl(cluster, "replace", "-f", "-", stdin=json.dumps(applicable(before)))
        except subprocess.CalledProcessError as error:
            tell(f"  not put back yet: {error.stderr.strip()}")
            if not left:
                raise
        else:
            return


def ask_both(stand: Stand, breakage: Breakage, clusters: dict[Role, Cluster], healthy: dict[str, list[str]]) -> Row:
    """Ask the doctor and istioctl."""
    found, seconds = doctor(stand)
    first = found["wrong"][0] if found["wrong"] else {"id": "", "seen": "", "fix": ""}
    tell(f"  doctor: {first['id'] or 'nothing'} ({seconds:.0f} s)")
    said: list[Said] = []
    for tool, (lines, took) in ask_all(stand, clusters).items():
        more, less = difference(healthy[tool], lines)
        said.append(Said(tool=tool, more=more, less=less, seconds=round(took, 1)))
    return Row(
        title=breakage.title,
        check=first["id"],
        seen=first["seen"],
        fix=first["fix"],
        seconds=round(seconds, 1),
        istioctl=tuple(said),
    )


def doctor(stand: Stand) -> tuple[Object, float]:
    """The doctor's findings, and how long it took."""
    began = time.monotonic()
    done = subprocess.run(
        [TETHER, "doctor", "--output", "json"], cwd=PROJECT, env=stand.variables, capture_output=True, text=True,
        timeout=ASK_SECONDS * 2, check=False,
    )  # fmt: skip
    if f'"kind": "{Kind.EXAMINATION}"' not in done.stdout:
        raise RuntimeError(f"tether doctor ended with {done.returncode}: {done.stderr}")
    return json.loads(done.stdout), time.monotonic() - began


def ask_all(stand: Stand, clusters: dict[Role, Cluster]) -> dict[str, tuple[list[str], float]]:
    """What every subcommand says; side by side, because some wait for a cluster that does not answer."""
    with ThreadPoolExecutor(len(TOOLS)) as pool:
        asked = {tool: pool.submit(ask, stand, tool, clusters) for tool in TOOLS}
        return {tool: answer.result() for tool, answer in asked.items()}


def ask(stand: Stand, tool: str, clusters: dict[Role, Cluster]) -> tuple[list[str], float]:
    """What istioctl says, line by line without what changes from call to call, and how long it took."""
    role, arguments = TOOLS[tool]
    kubeconfig = str(clusters[role].kubeconfig)
    command = [*private_hosts(stand.folder / "hosts"), "istioctl", "--kubeconfig", kubeconfig, *arguments]
    began = time.monotonic()
    try:
        done = subprocess.run(
            command, env=stand.variables, capture_output=True, text=True, timeout=ASK_SECONDS, check=False
        )
        text = done.stdout + done.stderr
    except subprocess.TimeoutExpired:
        text = f"no answer within {ASK_SECONDS} s"
    return normal(text), time.monotonic() - began


def normal(text: str) -> list[str]:
    """Lines without what differs from call to call, each once, shortened."""
    steady = (_EITHER_WAY.sub(r"\1 \2 …", _CHANGING.sub("…", line)) for line in text.splitlines())
    lines = (" ".join(line.split())[:LINE_LENGTH] for line in steady)
    return list(dict.fromkeys(line for line in lines if line))


def difference(healthy: Sequence[str], now: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Lines that are new, and lines that are gone."""
    more = tuple(line for line in now if line not in healthy)
    less = tuple(line for line in healthy if line not in now)
    return more, less


def mend(stand: Stand, clock: Callable[[], float] = time.monotonic) -> None:
    """Wait until the doctor finds nothing any more; what stays wrong although it was put back gets the printed fix.

    istiod may miss that a remote secret has come back (istio/istio#58047), for example.

    Raises:
        RuntimeError: the mesh is not healthy within the time.
    """
    began = clock()
    patience = began + PATIENCE_SECONDS
    while not (found := doctor(stand)[0])["healthy"]:
        first = found["wrong"][0]
        if clock() > began + MEND_SECONDS:
            raise RuntimeError(f"the mended mesh is not healthy: {first['id']} {first['seen']}")
        if clock() > patience:
            tell(f"  still {first['id']} after it was put back; the doctor's fix")
            stand.run("bash", "-euo", "pipefail", "-c", first["fix"])
            patience = clock() + PATIENCE_SECONDS


def tell(line: str) -> None:
    """Talk on standard error."""
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
