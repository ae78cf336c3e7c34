"""Connections from this machine to a gateway, as far as TLS: nothing is sent after the handshake."""

import socket
import ssl
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from tether.addresses import with_port

SECONDS = 3.0
"""To connect, and again for the handshake: within a region both take milliseconds."""


class Outcome(StrEnum):
    """How far a connection came."""

    OK = "ok"
    NO_ROUTE = "no route"
    """This machine has no way there; it says nothing about the clusters."""
    TIMED_OUT = "timed out"
    REFUSED = "refused"
    CLOSED = "closed"
    """Accepted, then closed in the middle of the handshake: nobody takes this server name."""
    UNTRUSTED = "untrusted"
    WRONG_NAME = "wrong name"
    NOT_TAKEN = "not taken"
    """The server does not take the certificate that was shown to it."""
    FAILED = "failed"


@dataclass(frozen=True, kw_only=True)
class Handshake:
    """What one attempt saw."""

    outcome: Outcome
    seen: str
    chain: tuple[bytes, ...] = ()
    """The server's certificates, DER, leaf first; also where they are not trusted."""


def connect(address: str, port: int, seconds: float = SECONDS) -> Handshake:
    """Open a TCP connection and close it."""
    try:
        with socket.create_connection((address, port), seconds):
            return Handshake(outcome=Outcome.OK, seen=f"{with_port(address, port)} is open")
    except OSError as error:
        return _failure(with_port(address, port), error)


def greet(
    address: str, port: int, server_name: str, root: str, *, by_name: bool = True, protocol: str = "h2",
    client: Path | None = None, seconds: float = SECONDS,
) -> Handshake:  # fmt: skip
    """Do a TLS handshake and check chain and name.

    Args:
        address: IP address or host name.
        port: TCP port.
        server_name: sent as SNI, and what the certificate must be valid for.
        root: PEM of the only authority to trust; empty: chain and name are not checked.
        by_name: whether the certificate must be valid for the server name.
        protocol: what is offered as ALPN; sidecars take ``istio`` for traffic of the mesh.
        client: PEM file with a certificate and its key to show to the server; it must speak first afterwards, as
            HTTP/2 servers do, since in TLS 1.3 it judges the certificate after the handshake.
        seconds: for each of the two steps.
    """
    where = with_port(address, port)
    try:
        context = _context(root, by_name=by_name)
        context.set_alpn_protocols([protocol])
        if client:
            context.load_cert_chain(client)
        with (
            socket.create_connection((address, port), seconds) as connection,
            context.wrap_socket(connection, server_hostname=server_name) as secured,
        ):
            chain = tuple(_unverified_chain(secured))
            if client:
                secured.recv(1)
            return Handshake(outcome=Outcome.OK, seen=f"{where} answers for {server_name}", chain=chain)
    except OSError as error:
        if client and isinstance(error, ssl.SSLError) and "ALERT" in (error.reason or ""):
            words = error.reason.lower().replace("_", " ")
            return Handshake(outcome=Outcome.NOT_TAKEN, seen=f"{where} ends the handshake: {words}")
        return _failure(where, error, server_name)


def _context(root: str, *, by_name: bool) -> ssl.SSLContext:
    context = ssl.create_default_context(cadata=root or None)
    context.check_hostname = bool(root) and by_name
    context.verify_mode = ssl.CERT_REQUIRED if root else ssl.CERT_NONE
    # Istio's mesh certificates need not carry what RFC 5280 asks of web servers' ones.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return context


def _unverified_chain(secured: ssl.SSLSocket) -> list[bytes]:
    """Every certificate that the server sent; before Python 3.13 only the leaf can be had."""
    get = getattr(secured, "get_unverified_chain", None)
    if get is not None:
        return list(get())
    leaf = secured.getpeercert(binary_form=True)
    return [leaf] if leaf else []


def _failure(where: str, error: OSError, server_name: str = "") -> Handshake:
    outcome, words = _sorted(error)
    name = f" for {server_name}" if server_name and outcome in (Outcome.CLOSED, Outcome.WRONG_NAME) else ""
    return Handshake(outcome=outcome, seen=f"{where} {words}{name}")


def _sorted(error: OSError) -> tuple[Outcome, str]:
    if isinstance(error, ssl.SSLCertVerificationError):
        # OpenSSL's X509_V_ERR_HOSTNAME_MISMATCH is 62.
        if error.verify_code == 62:
            return Outcome.WRONG_NAME, "shows a certificate that is not valid"
        return Outcome.UNTRUSTED, f"shows a certificate that is not trusted: {error.verify_message}"
    if isinstance(error, TimeoutError):
        return Outcome.TIMED_OUT, "does not answer in time"
    if isinstance(error, ConnectionRefusedError):
        return Outcome.REFUSED, "refuses connections"
    if isinstance(error, ConnectionResetError | ssl.SSLEOFError | ssl.SSLZeroReturnError | BrokenPipeError):
        return Outcome.CLOSED, "closes the connection in the handshake"
    if isinstance(error, socket.gaierror) or error.errno in (101, 113):
        return Outcome.NO_ROUTE, f"cannot be reached from this machine: {error.strerror or error}"
    return Outcome.FAILED, f"fails: {error.strerror or error}"
