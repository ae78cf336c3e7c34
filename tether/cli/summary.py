"""The screenful at the end of ``tether up``: endpoints, what was verified, what to do next."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

from rich.console import Console
from rich.table import Table
from rich.text import Text

from tether.authority import forms
from tether.errors import count


@dataclass(frozen=True)
class Outcome:
    """What a run of ``tether up`` brought."""

    outputs: Mapping[str, Any]
    """Stack outputs without the kubeconfigs."""
    changes: int
    """Resources created, changed or removed."""
    seconds: float
    kubeconfigs: str
    """Folder of the kubeconfig files, relative to the project."""
    environment: str = ""
    """Name of the environment that it is of; empty for a checkout's own stack."""


def show(outcome: Outcome, console: Console) -> None:
    """Print the screenful."""
    outputs = outcome.outputs
    endpoints = cast("list[dict[str, Any]]", outputs.get("endpoints") or [])
    mesh = cast("dict[str, Any]", outputs.get("mesh") or {})
    console.print()
    console.print(headline(outcome, mesh, endpoints), style="bold")
    console.print()
    console.print(table(endpoints))
    console.print()
    for name, value in facts(outputs, mesh):
        console.print(Text.assemble((f"{name:<13}", "dim"), value), soft_wrap=True)
    console.print()
    console.print("Next:", style="bold")
    for command, purpose in next_commands(outcome, endpoints):
        console.print(Text.assemble("  ", command, (f"  # {purpose}", "dim")), soft_wrap=True)


def headline(outcome: Outcome, mesh: Mapping[str, Any], endpoints: list[dict[str, Any]]) -> str:
    """Say in one line what there is now."""
    did = f"{count(outcome.changes, 'resource')} changed" if outcome.changes else "nothing to change"
    return f"Mesh {mesh.get('meshId', '')} is up: {len(endpoints)} clusters, {did}, {outcome.seconds:.0f} s."


def table(endpoints: list[dict[str, Any]]) -> Table:
    """Three or four lines per cluster, so that the longest address fits into a terminal of 80 columns."""
    shown = Table(box=None, pad_edge=False, header_style="dim")
    for column in ("CLUSTER", "ENDPOINT", "ADDRESS"):
        shown.add_column(column, overflow="fold")
    for endpoint in endpoints:
        shown.add_row(Text(str(endpoint["cluster"]), "bold"), "API server", str(endpoint["apiServer"]))
        shown.add_row(f"  {endpoint['role']}", "east-west gateway", address(endpoint.get("eastWestGateway")))
        istiod = endpoint.get("istiod")
        shown.add_row(f"  {endpoint['network']}", "istiod" if istiod else "", address(istiod) if istiod else "")
        if ingress := endpoint.get("ingressGateway"):
            shown.add_row("", "ingress gateway", address(ingress))
    return shown


def address(place: Mapping[str, Any] | None) -> str:
    """Write an address with its ports: ``10.89.3.128  15021, 15443``."""
    if not place:
        return "-"
    ports: Any = place.get("ports") or []
    numbers = cast("list[int]", [*ports.values()] if isinstance(ports, dict) else ports)  # pyright: ignore[reportUnknownMemberType]
    return f"{place['address']}  {', '.join(str(number) for number in sorted(map(int, numbers)))}"


def facts(outputs: Mapping[str, Any], mesh: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The lines below the table: name and text."""
    yield "Verified", verified(outputs.get("verification"))
    fingerprint = str(mesh.get("rootCertificateFingerprint", ""))
    yield "Trust", f"domain {mesh.get('trustDomain')}, root SHA-256 {fingerprint[:23]}… until {_end(mesh, 'root')}"
    if mesh.get("intermediateCertificateExpiry"):
        source = mesh.get("certificateAuthority", "generated")
        yield "Authority", f"{source}, istiod signs until {_end(mesh, 'intermediate')}"
    if ends := credential_days_left(outputs):
        yield "Credentials", "; ".join(f"{cluster} is read for {days} days more" for cluster, days in ends.items())
    yield (
        "Versions",
        f"Istio {mesh.get('istioVersion')}, Envoy {mesh.get('envoyVersion')} ({mesh.get('dataPlane')} data plane), "
        f"parts from: {mesh.get('source')}",
    )


def _end(mesh: Mapping[str, Any], which: str) -> str:
    """A certificate's last day, and how far off it is today; the state holds the date only."""
    days = days_left(mesh)[which]
    day = str(mesh.get(f"{which}CertificateExpiry", "")).partition("T")[0]
    return day + ("" if days is None else f", {days} days left")


def days_left(mesh: Mapping[str, Any]) -> dict[str, int | None]:
    """Whole days that both certificates are still good for, as of now."""
    found = {which: forms.days_left(str(mesh.get(f"{which}CertificateExpiry"))) for which in ("root", "intermediate")}
    return {which: None if days is None else math.floor(days) for which, days in found.items()}


def credential_days_left(outputs: Mapping[str, Any]) -> dict[str, int]:
    """By remote: whole days that a token which ends is still good for, as of now."""
    listed = cast("list[dict[str, Any]]", outputs.get("credentials") or [])
    found = {str(one["cluster"]): forms.days_left(str(one.get("expiry"))) for one in listed}
    return {cluster: math.floor(days) for cluster, days in found.items() if days is not None}


def verified(verification: Mapping[str, Any] | None) -> str:
    """Say what the proof saw."""
    if not verification:
        return "not asked for (tether:verify is false)"
    answers = cast("dict[str, dict[str, Any]]", verification.get("answers") or {})
    total = int(verification.get("requests", 0))
    ways = "; ".join(f"{source} heard {_tally(counts)}" for source, counts in sorted(answers.items()))
    return f"{total} mTLS requests answered in {float(verification.get('seconds', 0)):.1f} s: {ways}"


def _tally(counts: Mapping[str, Any]) -> str:
    return ", ".join(f"{int(number)} × {cluster}" for cluster, number in sorted(counts.items()))  # noqa: RUF001


def next_commands(outcome: Outcome, endpoints: list[dict[str, Any]]) -> Iterator[tuple[str, str]]:
    """Three commands that lead on."""
    if name := outcome.environment:
        yield f'export KUBECONFIG="$(tether env kubeconfig {name})"', "a context for each cluster; no file of yours"
        yield f"tether env show {name}", "how long it lives, and how pulumi and tether work on it"
        yield f"tether env down {name}", "remove everything"
        return
    remote = next((endpoint["cluster"] for endpoint in endpoints if endpoint["role"] == "remote"), "")
    yield 'eval "$(make env)" && pulumi stack output', "the project as Pulumi sees it; preview, up, destroy work too"
    yield f"kubectl --kubeconfig {outcome.kubeconfigs}/{remote} get pods --all-namespaces", "into a remote"
    yield "make down", "remove everything"
