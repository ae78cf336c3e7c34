"""The container runtime: which one answers, our settings for podman, loading the node image."""

import os
import shutil
from pathlib import Path

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


class NoRuntimeError(Exception):
    """Neither docker nor podman answers."""


def environment(cache: Cache, runtime: str) -> dict[str, str]:
    """Variables that the runtime and kind need."""
    kind = {"KIND_EXPERIMENTAL_PROVIDER": runtime}
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


def find(cache: Cache) -> tuple[str, str]:
    """Name and version of the runtime: ``docker`` where its daemon answers, else ``podman``.

    Raises:
        NoRuntimeError: neither does.
    """
    write_settings(cache)
    silent: list[str] = []
    for name in ("docker", "podman"):
        if shutil.which(name) is None:
            silent.append(f"{name} is not installed")
            continue
        try:
            # The server's version: a client alone starts no container.
            question = "{{.ServerVersion}}" if name == "docker" else "{{.Version.Version}}"
            answer = shell.output([name, "info", "--format", question], env=_with(cache, name), timeout=ANSWER_SECONDS)
        except shell.CommandError as error:
            silent.append(f"{name}: {error.tail.strip().splitlines()[-1] if error.tail.strip() else 'no answer'}")
            continue
        return name, answer.strip()
    raise NoRuntimeError(
        f"container runtime — none answers ({'; '.join(silent)}). kind makes its nodes with docker or podman. "
        "On Debian and Ubuntu: python3 -m toolchain bootstrap; elsewhere install Docker or podman and start it"
    )


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
