"""Links what was chosen into the checkout's private folder."""

import os
import shlex
import shutil
from pathlib import Path

from tether import versions
from toolchain.places import Checkout

LAUNCHER = """\
#!/bin/sh
# The engine looks for this name on PATH; the host itself is toolchain/language_host.py.
PYTHONPATH={root}${{PYTHONPATH:+:$PYTHONPATH}} exec {interpreter} -m toolchain.language_host "$@"
"""

PLUGIN = """\
#!/bin/sh
# The engine kills its plugins, so none removes its temporary files, and the one of Kubernetes writes every kubeconfig
# into one (provider/pkg/provider/util.go, writeKubeconfigToFile). They lie together here; the next one removes them.
home={home}
files="${{PULUMI_HOME:-$home}}/plugin-files"
for left in "$files"/*; do kill -0 "${{left##*/}}" 2>/dev/null || rm -rf "$left"; done
rm -rf "$files/$$"
mkdir -p -m 700 "$files/$$" && export TMPDIR="$files/$$"
exec {executable} "$@"
"""


def link(place: Path, target: Path) -> None:
    """Make ``place`` a symbolic link to ``target``, whatever it was before."""
    if place.is_symlink() and place.readlink() == target:
        return
    place.parent.mkdir(parents=True, exist_ok=True)
    draft = place.with_name(f".{place.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    draft.symlink_to(target)
    draft.replace(place)


def place_beside(place: Path, target: Path) -> None:
    """Make ``place`` a file of its own with the contents of ``target``, without a copy where the disk allows.

    The engine looks for its language host beside its own executable, links resolved.
    """
    if place.is_file() and not place.is_symlink() and (place.samefile(target) or _alike(place, target)):
        return
    place.parent.mkdir(parents=True, exist_ok=True)
    draft = place.with_name(f".{place.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    try:
        draft.hardlink_to(target)
    except OSError:
        shutil.copy2(target, draft)
    draft.replace(place)


def _alike(one: Path, other: Path) -> bool:
    first, second = one.stat(), other.stat()
    return (first.st_size, int(first.st_mtime)) == (second.st_size, int(second.st_mtime))


def unlink(place: Path) -> None:
    """Remove a link or file; absent is fine."""
    place.unlink(missing_ok=True)


def write_launcher(clone: Checkout) -> None:
    """Write ``pulumi-language-python`` beside the linked programs."""
    place = clone.programs / "pulumi-language-python"
    text = LAUNCHER.format(root=shlex.quote(str(clone.root)), interpreter=shlex.quote(str(clone.interpreter)))
    _write_script(place, text)


def install_plugin(clone: Checkout, pin: versions.Pin, executable: Path) -> None:
    """Put a resource plugin where the engine looks for exactly this version."""
    name = pin.name.removeprefix("pulumi-")
    folder = clone.pulumi_home / "plugins" / f"resource-{name}-v{pin.version}"
    home, program = (shlex.quote(str(path)) for path in (clone.pulumi_home, executable))
    _write_script(folder / f"pulumi-resource-{name}", PLUGIN.format(home=home, executable=program))


def _write_script(place: Path, text: str) -> None:
    if place.is_file() and not place.is_symlink() and place.read_text() == text:
        return
    place.parent.mkdir(parents=True, exist_ok=True)
    draft = place.with_name(f".{place.name}.{os.getpid()}")
    draft.write_text(text)
    draft.chmod(0o755)
    draft.replace(place)
