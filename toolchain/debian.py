"""Root filesystems from Debian packages, taken from the mirror that this machine uses.

Standard library only.
"""

import os
import platform
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from toolchain import shell
from toolchain.places import PACKAGE
from toolchain.store import Artefact, Workshop

SUITE = "trixie"
"""Debian 13: kind's own node image is made from it, and its containerd is 1.7."""

SCRIPT = PACKAGE / "recipes" / "debian.sh"
SOURCES = (Path("/etc/apt/sources.list"), Path("/etc/apt/sources.list.d"))
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
DEBIAN_SUITES = frozenset(("stable", "testing", "sid", "bullseye", "bookworm", "trixie", "forky"))

POD_PACKAGES = ("iptables", "nftables", "ca-certificates", "iproute2", "conntrack", "kmod", "catatonit")
NODE_PACKAGES = (
    "systemd", "systemd-sysv", "dbus", "iptables", "nftables", "iproute2", "ethtool", "socat", "conntrack", "kmod",
    "procps", "util-linux", "mount", "ca-certificates", "containerd", "runc", "containernetworking-plugins",
    "libcap2-bin", "netbase", "hostname", "jq",
)  # fmt: skip

NOT_NEEDED = (
    "usr/share/doc", "usr/share/man", "usr/share/info", "usr/share/locale", "usr/share/lintian", "usr/share/bug",
    "usr/share/bash-completion", "usr/share/zsh", "var/lib/apt/lists", "var/cache/apt", "var/cache/debconf",
    "var/log", "usr/lib/udev/hwdb.d", "usr/lib/udev/hwdb.bin", "usr/share/zoneinfo/right", "usr/lib/locale",
)  # fmt: skip

ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


def architecture() -> str:
    """This machine's architecture as Debian, Go and container images call it.

    Raises:
        KeyError: another one than amd64 and arm64.
    """
    return ARCHITECTURES[platform.machine()]


@dataclass(frozen=True)
class AptSource:
    """One place that apt takes packages from."""

    uri: str
    suite: str
    components: tuple[str, ...]


def mirror(places: tuple[Path, ...] = SOURCES) -> str:
    """The Debian mirror of this machine's own apt configuration; empty if it has none."""
    for source in apt_sources(places):
        plain = source.suite.rstrip("/") in DEBIAN_SUITES
        if plain and "main" in source.components and source.uri.startswith(("http://", "https://", "file:")):
            return source.uri.rstrip("/")
    return ""


def apt_sources(places: tuple[Path, ...] = SOURCES) -> Iterator[AptSource]:
    """Every enabled binary source, from one-line files (``*.list``) and deb822 files (``*.sources``)."""
    for place in places:
        files = sorted(place.iterdir()) if place.is_dir() else [place]
        for file in files:
            if not file.is_file():
                continue
            if file.suffix == ".list":
                yield from _one_line(file.read_text(errors="replace"))
            elif file.suffix == ".sources":
                yield from _deb822(file.read_text(errors="replace"))


def _one_line(text: str) -> Iterator[AptSource]:
    for line in text.splitlines():
        found = re.match(r"\s*deb\s+(?:\[[^\]]*\]\s*)?(\S+)\s+(\S+)((?:\s+[^\s#]+)*)", line)
        if found:
            yield AptSource(found[1], found[2], tuple(found[3].split()))


def _deb822(text: str) -> Iterator[AptSource]:
    visible = "\n".join(line for line in text.splitlines() if not line.startswith("#"))
    for stanza in re.split(r"\n\s*\n", visible):
        fields = _fields(stanza)
        if "deb" not in fields.get("types", "").split() or fields.get("enabled", "yes").lower() in ("no", "false"):
            continue
        for uri in fields.get("uris", "").split():
            for suite in fields.get("suites", "").split():
                yield AptSource(uri, suite, tuple(fields.get("components", "").split()))


def _fields(stanza: str) -> dict[str, str]:
    fields: dict[str, str] = {}
    key = ""
    for line in stanza.splitlines():
        if line[:1].isspace():
            fields[key] = f"{fields.get(key, '')} {line.strip()}"
        elif ":" in line:
            key, _, value = line.partition(":")
            key = key.strip().lower()
            fields[key] = value.strip()
    return fields


def proxy() -> dict[str, str]:
    """Apt's proxy as the variable that debootstrap's downloader reads; none if apt has none."""
    if not shutil.which("apt-config"):
        return {}
    found = re.search(r'"(.*)"', shell.output(["apt-config", "dump", "--format=%f=%v%n", "Acquire::http::Proxy"]))
    plain = re.search(r"=(\S+)", shell.output(["apt-config", "dump", "--format=%f=%v%n", "Acquire::http::Proxy"]))
    value = found[1] if found else plain[1] if plain else ""
    return {"http_proxy": value} if value and value != "DIRECT" else {}


def as_root() -> list[str]:
    """Prefix that makes a command run as root."""
    return [] if os.geteuid() == 0 else ["sudo", "--non-interactive"]


def root_filesystem(name: str, packages: tuple[str, ...]) -> Artefact:
    """The artefact ``name`` with ``layer.tar`` (the filesystem) and ``packages.txt`` (what it holds)."""
    return Artefact(
        name=name,
        make=lambda workshop: _bootstrap(workshop, packages),
        inputs={
            "suite": SUITE,
            "packages": " ".join(packages),
            "architecture": architecture(),
            "removed": " ".join(NOT_NEEDED),
        },
        files=(SCRIPT,),
        lane="debian",
    )


def _bootstrap(workshop: Workshop, packages: tuple[str, ...]) -> None:
    workshop.run(
        *as_root(), "unshare", "--mount", "--fork", "bash", SCRIPT,
        SUITE, ",".join(packages), KEYRING, mirror(), workshop.draft, *NOT_NEEDED,
        env={**os.environ, **proxy(), "DEBIAN_FRONTEND": "noninteractive"},
    )  # fmt: skip
    give_back(workshop)


def give_back(workshop: Workshop) -> None:
    """Make what root wrote into the draft the user's own."""
    if os.geteuid() != 0:
        workshop.run(*as_root(), "chown", "--recursive", str(os.geteuid()), workshop.draft)


POD_ROOT = root_filesystem("debian-pod", POD_PACKAGES)
"""What every pod image stands on."""
NODE_ROOT = root_filesystem("debian-node", NODE_PACKAGES)
"""What the node image stands on."""
