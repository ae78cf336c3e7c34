"""The program that kind takes for the container runtime while it makes a cluster.

kind takes no labels from its user, and calls the runtime by its name, some sixty times for a cluster. A small program
of that name, first on kind's PATH, calls the runtime itself and differs in three ways (docs/adr/0031):

- What is made gets labels.
- What cannot change while kind runs is asked once. ``podman info`` alone calls dpkg eight times for the versions of its
  parts, and kind asks for it three times before it makes a node.
- Commands run in a node by its namespaces (``nsenter``) where Podman works for root of this machine: ``podman exec``
  writes to its database and starts a monitor and a container runtime for each.
"""

import os
import shlex
import shutil
from collections.abc import Mapping
from pathlib import Path

from tether_provider import labelled

_MAKES = ("run", "create", "volume create")
"""Commands of Docker and Podman after which ``--label`` is an option."""
_REMOTE = ("CONTAINER_HOST", "CONTAINER_CONNECTION")
"""Variables by which Podman is told that its containers are elsewhere."""

_ASK_ONCE = """\
remember() {
  file="$kept/$1"
  shift
  if [ ! -e "$file" ]; then
    "$real" "$@" > "$file.$$" || { code=$?; cat "$file.$$"; rm "$file.$$"; exit $code; }
    mv "$file.$$" "$file"
  fi
  cat "$file"
}
case "$*" in
  info*) remember info "$@"; exit ;;
  --version) remember version "$@"; exit ;;
  'inspect --format {{ index .Config.Labels "io.x-k8s.kind.role"}} '*) remember "role-$4" "$@"; exit ;;
"""
_ENTER = """\
  'exec --privileged '[!-]*|'exec --privileged -i '[!-]*)
    shift 2
    [ "$1" != -i ] || shift
    node=$1
    shift
    pid=$(remember "process-$node" inspect --format '{{.State.Pid}}' "$node") || exit
    # The variables of the container, one a line, are those of its first process.
    set -f
    IFS='
'
    exec nsenter --target "$pid" --mount --uts --ipc --net --pid --cgroup --wd=/ -- \\
      /usr/bin/env -i $(tr '\\0' '\\n' < "/proc/$pid/environ") "$@" ;;
"""
_REST = """\
esac
exec "$real" "$@"
"""


def environment(runtime: str, folder: Path) -> dict[str, str]:
    """Variables with which kind finds that program; none where the runtime is not on this machine.

    Args:
        runtime: ``docker`` or ``podman``.
        folder: private and empty for it; must be there as long as kind runs, and not longer.
    """
    real = shutil.which(runtime)
    if real is None:
        return {}
    programs, kept = folder / "runtime", folder / "remembered"
    programs.mkdir()
    kept.mkdir()
    program = programs / runtime
    program.write_text(script(real, kept, labelled.wanted(), enters=_enters(runtime)))
    program.chmod(0o700)
    return {"PATH": f"{programs}{os.pathsep}{os.environ.get('PATH', os.defpath)}"}


def script(real: str, kept: Path, marks: Mapping[str, str], *, enters: bool) -> str:
    """The program, for a POSIX shell: an interpreter would take seconds to start that often.

    Args:
        real: the runtime itself.
        kept: folder for what is asked once.
        marks: labels.
        enters: whether commands run in a node by its namespaces.
    """
    options = shlex.join(part for key, value in sorted(marks.items()) for part in ("--label", f"{key}={value}"))
    makes = "".join(
        f"  {shlex.quote(command)}|{shlex.quote(command + ' ')}*)"
        f' shift {len(command.split())}; exec "$real" {command} {options} "$@" ;;\n'
        for command in (_MAKES if marks else ())
    )
    places = f"real={shlex.quote(real)}\nkept={shlex.quote(str(kept))}\n"
    return f"#!/bin/sh\n{places}{_ASK_ONCE}{_ENTER if enters else ''}{makes}{_REST}"


def _enters(runtime: str) -> bool:
    """Whether nodes are processes of this machine whose namespaces we may enter."""
    local = not any(os.environ.get(one) for one in _REMOTE)
    return runtime == "podman" and local and os.geteuid() == 0 and shutil.which("nsenter") is not None
