"""The container runtime: which one answers, our settings for podman, loading the node image."""

import contextlib
import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from toolchain import shell
from toolchain.places import Cache
from toolchain.store import locked

PODMAN_SETTINGS = """\
# Written by Tether; CONTAINERS_CONF points here. The machine's own file is left alone.
[containers]
# Within the limits that a process without CAP_SYS_RESOURCE may set.
default_ulimits = ["nofile=20000:20000", "nproc=30000:30000"]
[engine]
# crun refuses machines where cgroup v1 and v2 are mixed.
runtime = "runc"
"""
ANSWER_SECONDS = 30.0
"""Observed: more than ten on a machine with twenty times more to do than processors."""

_QUESTION = ("version", "--format", "{{json .}}")
"""Not "info": without a server Docker 26 ends it with code 0, and Podman calls dpkg eight times in it."""


NAMES = ("docker", "podman")
"""In the order in which they are asked."""
VARIABLE = "KIND_EXPERIMENTAL_PROVIDER"
"""kind's own variable for the choice."""
_FIRST = "it answers; docker is asked first"


class NoRuntimeError(Exception):
    """Neither docker nor podman answers, or not the one that it has to be."""


@dataclass(frozen=True, kw_only=True)
class Found:
    """A runtime that answers."""

    name: str
    version: str
    why: str


def environment(cache: Cache, runtime: str) -> dict[str, str]:
    """Variables that the runtime and kind need."""
    kind = {VARIABLE: runtime}
    return kind | ({"CONTAINERS_CONF": str(cache.containers_conf)} if runtime == "podman" else {})


def write_settings(cache: Cache) -> None:
    """Write our containers.conf, unless it is there."""
    if not cache.containers_conf.is_file() or cache.containers_conf.read_text() != PODMAN_SETTINGS:
        cache.root.mkdir(parents=True, exist_ok=True)
        draft = cache.containers_conf.with_suffix(f".{os.getpid()}.draft")
        draft.write_text(PODMAN_SETTINGS)
        draft.replace(cache.containers_conf)


def path(runtime: str) -> str:
    """Where the runtime's program lies."""
    return shutil.which(runtime) or runtime


def find(cache: Cache, asked: str = "", recorded: str = "") -> Found:
    """The runtime: what is asked for, else what was taken before, else what kind's variable names, else what answers.

    Args:
        cache: Holds our settings for podman.
        asked: What the settings of a stack name; empty: nothing.
        recorded: What this checkout took before. Its clusters are there, so no other one is taken in its place.

    Raises:
        NoRuntimeError: none answers, or not the one that it has to be.
    """
    write_settings(cache)
    preferred = os.environ.get(VARIABLE, "")
    reasons = (
        (asked, "tether:containerRuntime names it", "name another one there"),
        (recorded, "this checkout took it before", "have one chosen anew: rm .tether/parts.json && make tools"),
        (preferred if preferred in NAMES else "", f"{VARIABLE} names it", f"unset {VARIABLE}"),
    )
    only, why, otherwise = next((reason for reason in reasons if reason[0]), ("", _FIRST, ""))
    silent: list[str] = []
    for name in (only,) if only else NAMES:
        version, complaint = _ask(cache, name)
        if version:
            return Found(name=name, version=version, why=why)
        silent.append(complaint)
    if only:
        raise NoRuntimeError(f"container runtime — {silent[0]} — {why}. Start {only}, or {otherwise}")
    raise NoRuntimeError(
        f"container runtime — none answers ({'; '.join(silent)}). kind makes its nodes with docker or podman. "
        "On Debian and Ubuntu: python3 -m toolchain bootstrap; elsewhere install Docker or podman and start it"
    )


def _ask(cache: Cache, name: str) -> tuple[str, str]:
    """Version of a runtime that answers, else empty and what is wrong with it."""
    if shutil.which(name) is None:
        return "", f"{name} is not installed"
    try:
        answer = shell.output([name, *_QUESTION], env=_with(cache, name), timeout=ANSWER_SECONDS)
    except shell.CommandError as error:
        return "", f"{name}: {error.tail.strip().splitlines()[-1] if error.tail.strip() else 'no answer'}"
    return _version(name, answer), f"{name}: no answer"


def _version(name: str, answer: str) -> str:
    """Of what starts containers, empty where nothing does: a client alone does not, unless it is Podman without one."""
    with contextlib.suppress(json.JSONDecodeError):
        told: dict[str, dict[str, Any] | None] = json.loads(answer)
        starts = told.get("Server") or (told.get("Client") if name == "podman" else None) or {}
        return str(starts.get("Version", ""))
    return ""


def _with(cache: Cache, runtime: str) -> dict[str, str]:
    return os.environ | environment(cache, runtime)


def has_image(cache: Cache, runtime: str, reference: str) -> bool:
    """Whether the runtime holds an image of this name; the names' tags are digests of the contents."""
    try:
        shell.output([runtime, "image", "inspect", "--format", "{{.Id}}", reference], env=_with(cache, runtime))
    except shell.CommandError:
        return False
    return True


def load_image(cache: Cache, runtime: str, archive: Path) -> None:
    """Load an image archive into the runtime.

    Raises:
        shell.CommandError: the runtime refused it.
    """
    # podman's store is one for all: two loads at once only slow each other down.
    with locked(cache.locks / f"{runtime}-load.lock"):
        shell.output([runtime, "load", "--input", archive], env=_with(cache, runtime), timeout=600)


def images_of(cache: Cache, runtime: str, repository: str) -> list[str]:
    """References of all loaded images of a repository."""
    listed = shell.output(
        [runtime, "image", "ls", "--format", "{{.Repository}}:{{.Tag}}", repository], env=_with(cache, runtime)
    )
    return listed.split()


def remove_image(cache: Cache, runtime: str, reference: str) -> bool:
    """Remove an image; False where a container still uses it or it is gone already."""
    try:
        shell.output([runtime, "image", "rm", reference], env=_with(cache, runtime), timeout=600)
    except shell.CommandError:
        return False
    return True
