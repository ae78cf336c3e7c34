"""``tether trace``: the first authentication of a remote's proxy, played for real and drawn."""

import ssl
import sys
from dataclasses import dataclass
from pathlib import Path

import typer
from rich.console import Console

from tether.cli.forms import Drawing
from tether.cli.talk import complain, say
from tether.cli.target import Target, opened
from tether.errors import ExitCode, UsageError
from tether.mesh import Mesh
from tether.trace import diagram, document, play, text
from tether.trace.record import Outcome, Record
from tether.trace.stage import DEFAULT_AUDIENCE


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What the command line asks for."""

    output: Drawing = Drawing.TEXT
    out: Path | None = None
    remote: str = ""
    namespace: str = ""
    service_account: str = ""
    audience: str = DEFAULT_AUDIENCE
    token_file: Path | None = None
    client_certificate: Path | None = None
    address: str = ""
    gateway: bool = False
    yes: bool = False
    doctor: bool = True
    record: Path | None = None


def trace(target: Target, wish: Wish) -> ExitCode:
    """Play the first authentication, or read a record of one, and give it in the form that is asked for.

    Raises:
        UsageError: the options do not fit together, or a file cannot be read or written.
        NotFoundError: the stack has no clusters, or the mesh no such remote.
    """
    if wish.output is Drawing.PNG and wish.out is None and sys.stdout.isatty():
        raise UsageError("A PNG is no text for a terminal. Write it to a file: tether trace --output png --out FILE")
    record = _read(wish.record) if wish.record else _played(target, wish)
    _give(record, wish)
    return _code(record)


def _read(file: Path) -> Record:
    try:
        return document.read(file.read_text())
    except (OSError, UnicodeDecodeError, document.DocumentError) as error:
        raise UsageError(
            f"{file} cannot be read: {error}. Records are written by: tether trace --output json"
        ) from None


def _played(target: Target, wish: Wish) -> Record:
    token = _token(wish.token_file)
    _check(wish.client_certificate)
    with opened(target) as mesh:
        if wish.gateway:
            _ask(mesh, wish)
        return play(
            mesh, remote=wish.remote, namespace=wish.namespace, service_account=wish.service_account,
            audience=wish.audience, token=token, client_certificate=wish.client_certificate, address=wish.address,
            follow_gateway=wish.gateway, diagnose=wish.doctor,
        )  # fmt: skip


def _token(file: Path | None) -> str | None:
    if file is None:
        return None
    try:
        return file.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"--token-file {file} cannot be read: {error}") from None


def _check(client_certificate: Path | None) -> None:
    """A certificate must have its key beside it, before anybody is asked."""
    if client_certificate is None:
        return
    try:
        ssl.create_default_context().load_cert_chain(client_certificate)
    except OSError as error:  # SSLError is one
        raise UsageError(
            f"--client-certificate {client_certificate} cannot be used: {error.strerror or error}. "
            "It holds a certificate, its chain and its key, PEM"
        ) from None


def _ask(mesh: Mesh, wish: Wish) -> None:
    """Restarting a gateway ends its connections, so somebody has to want it."""
    remote = wish.remote or (mesh.remotes[0].name if mesh.remotes else "")
    if wish.yes:
        say(f"Restarting the east-west gateway of {remote}.")
        return
    if not sys.stdin.isatty():
        raise UsageError(
            "--gateway restarts the remote's east-west gateway, and nobody is there to be asked. "
            "Say yes beforehand: tether trace --gateway --yes"
        )
    typer.confirm(f"Restart the east-west gateway of {remote}? Connections through it end.", abort=True, err=True)


def _give(record: Record, wish: Wish) -> None:
    if wish.output is Drawing.TEXT and wish.out is None:
        text.show(record, Console(highlight=False))
        return
    content = _content(record, wish.output)
    if wish.out is not None:
        try:
            wish.out.write_bytes(content)
        except OSError as error:
            raise UsageError(f"--out {wish.out} cannot be written: {error.strerror}") from None
        say(f"{text.verdict(record)} Written: {wish.out}")
        return
    sys.stdout.buffer.write(content)
    sys.stdout.flush()


def _content(record: Record, output: Drawing) -> bytes:
    if output is Drawing.PNG:
        return diagram.png(record)
    if output is Drawing.SVG:
        return diagram.svg(record).encode()
    if output is Drawing.MERMAID:
        return diagram.mermaid(record).encode()
    if output is Drawing.JSON:
        return document.write(record).encode()
    console = Console(highlight=False, no_color=True, width=120)
    with console.capture() as captured:
        text.show(record, console)
    return captured.get().encode()


def _code(record: Record) -> ExitCode:
    if record.ok:
        return ExitCode.OK
    failed = record.failed
    if failed is not None and failed.outcome is Outcome.NO_WAY:
        complain(
            f"{failed.message}. Nothing is said about the mesh. Run it where the clusters' network is reached, or "
            "forward the gateway's ports from the primary: "
            "kubectl -n istio-system port-forward service/istio-eastwestgateway 15012 15017; "
            "then: tether trace --address 127.0.0.1"
        )
        return ExitCode.FAILED
    return ExitCode.UNHEALTHY
