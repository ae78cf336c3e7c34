"""The way from the primary's istiod to the API server of a remote that somebody else made."""

import ipaddress
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tether.errors import Problem
from tether.redact import HIDDEN
from tether.settings.base import complaint, pem_text
from tether.settings.wording import fix, remove, shown, subject
from tether.topology import Role

_LOCAL_NAMES = frozenset({"localhost", "localhost.localdomain", "ip6-localhost"})
_IN_CLUSTER_NAME = re.compile(r"kubernetes(\.default(\.svc(\..+)?)?)?")
_LABEL = r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?"
_NAME = re.compile(rf"(?=.{{1,253}}$){_LABEL}(\.{_LABEL})*", re.IGNORECASE)
_CA = "apiServerCa"
_OVERRIDES = ("apiServerName", _CA)


def checked_url(value: str) -> str:
    """Check the address that istiod in another cluster will use, as far as text can tell."""
    why = "the primary's istiod reads the remote's API server through it"
    example = "https://api.remote.example.com:6443"
    try:
        url = urlsplit(value)
        host, port = url.hostname, url.port
    except ValueError:
        host, port, url = None, None, urlsplit("")
    if url.scheme == "http":
        raise complaint("is plain http", "the reader's token would cross the network unencrypted", example)
    if url.scheme != "https" or not host or port == 0:
        raise complaint("is no URL of the form https://host:port", why, example)
    if url.username or url.query or url.fragment:
        raise complaint("carries more than https://host:port/path", why, example)
    if reason := _unreachable(host):
        raise complaint(f"is {reason}", "inside the primary's istiod pod that address means another machine", example)
    return value


def _unreachable(host: str) -> str | None:
    name = host.lower().removesuffix(".")
    if name in _LOCAL_NAMES or name.endswith(".localhost"):
        return "a loopback address"
    if _IN_CLUSTER_NAME.fullmatch(name):
        return "the name that every cluster gives its own API server"
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return None
    mapped = getattr(address, "ipv4_mapped", None) or address
    if mapped.is_loopback:
        return "a loopback address"
    if mapped.is_unspecified:
        return "the unspecified address"
    return "a link-local address" if mapped.is_link_local else None


def checked_name(value: str) -> str:
    """Check the name that istiod will look for in the API server's certificate."""
    why = "istiod asks for that name and looks for it in the certificate"
    try:
        return str(ipaddress.ip_address(value))
    except ValueError:
        pass
    if not _NAME.fullmatch(value):
        raise complaint("is neither a host name nor an IP address", why, "api.remote.example.com")
    return value


def check(clusters: Sequence[Mapping[str, Any]], project: str) -> Iterator[Problem]:
    """Refuse what says how to trust an address where istiod uses none."""
    for index, cluster in enumerate(clusters):
        if wrong := _useless(cluster):
            for key in (key for key in _OVERRIDES if cluster.get(key) is not None):
                path = ("clusters", index, key)
                yield Problem(
                    subject=subject(path, project),
                    wrong=wrong,
                    why="it would be passed over in silence",
                    fix=remove(path, project),
                )


def _useless(cluster: Mapping[str, Any]) -> str:
    """Why istiod could do nothing with a certificate of the cluster's API server; empty where it can."""
    if cluster.get("apiServer") is None:
        return "is about the certificate of apiServer, and there is none"
    if cluster.get("role") == Role.PRIMARY:
        return "is about how istiod reads a remote, and this is the primary, where istiod is"
    return ""


def check_authorities(clusters: Sequence[Mapping[str, Any]], project: str, folder: Path) -> Iterator[Problem]:
    """Check CAs that somebody brings, files included; what is encrypted still is passed over.

    Args:
        clusters: as they were written.
        project: namespace of the settings.
        folder: where relative paths begin.
    """
    for index, cluster in enumerate(clusters):
        value = cluster.get(_CA)
        if not isinstance(value, str) or value == HIDDEN:
            continue
        if wrong := _unfit(value, folder):
            path = ("clusters", index, _CA)
            yield Problem(
                subject=subject(path, project),
                shown="" if "\n" in value else shown(path, value),
                wrong=wrong,
                why="istiod could not prove that it reads the remote's API server and nobody else",
                fix=fix(path, "api-server-ca.pem", project),
            )


def _unfit(value: str, folder: Path) -> str:
    # It loads `cryptography`, which most readers of settings can do without.
    from tether.authority import pem

    try:
        pem.certificates(pem_text(value, folder))
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    except pem.UnfitError as error:
        return error.wrong
    return ""
