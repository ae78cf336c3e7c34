"""The folder of an environment: the checkout in small, with a state, a home and secrets of its own.

Everything of the checkout is a link, so that each command of Tether and of Pulumi works in the folder as in the
checkout itself, and paths in settings lead to the same files. What must not be shared is made anew: Pulumi's home and
file backend, the passphrase, stack file and kubeconfigs. Plugins are shared, as the tools are.
"""

import os
import shutil
from pathlib import Path

from tether.environments import labels
from tether.environments.registry import Entry

_OWN = frozenset({"stacks"})
_HIDDEN_AND_SHARED = frozenset({".venv"})
_PRIVATE = ".tether"
_TOOLS = ("bin", "charts", "parts.json", "pulumi/plugins")
"""What the toolchain makes below the checkout's private folder (toolchain.places)."""
_LABELS = f"{_PRIVATE}/container-labels.json"
KUBECONFIG = "kubeconfig"
PASSPHRASE = "PULUMI_CONFIG_PASSPHRASE"  # noqa: S105 - the name of Pulumi's variable


def make(entry: Entry) -> None:
    """Make the folder, or mend it; what is its own already stays as it is."""
    private = entry.folder / _PRIVATE
    for folder in (entry.folder, private, private / "pulumi", entry.folder / "stacks"):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for thing in entry.checkout.iterdir():
        if thing.name in _HIDDEN_AND_SHARED or not (thing.name.startswith(".") or thing.name in _OWN):
            _link(entry.folder / thing.name, thing)
    for tool in _TOOLS:
        _link(private / tool, entry.checkout / _PRIVATE / tool)
    (entry.folder / _LABELS).write_text(labels.encode(labels.of(entry)))


def _link(place: Path, target: Path) -> None:
    if place.is_symlink() and place.readlink() == target:
        return
    if not place.exists() or place.is_symlink():
        draft = place.with_name(f".{place.name}.{os.getpid()}")
        draft.symlink_to(target)
        draft.replace(place)


def take_passphrase(entry: Entry) -> None:
    """Use the passphrase that opens the secrets in stack files of the checkout; before the first run only.

    It is that of ``$PULUMI_CONFIG_PASSPHRASE``, else the checkout's.
    """
    source, own = (root / _PRIVATE / "passphrase" for root in (entry.checkout, entry.folder))
    known = os.environ.get(PASSPHRASE) or (source.read_text() if source.is_file() else "")
    if known and not own.exists():
        own.touch(mode=0o600)
        own.write_text(known)


def container_labels(root: Path) -> str:
    """Labels for what is made of the program in a folder, encoded; empty where it is no environment's."""
    try:
        return (root / _LABELS).read_text()
    except OSError:
        return ""


def environment_of(root: Path) -> str:
    """Name of the environment whose folder it is; empty where it is none's."""
    return labels.decode(container_labels(root)).get(labels.NAME_LABEL, "")


def has_tools(entry: Entry) -> bool:
    """Whether the folder still leads to the tools of its checkout."""
    return (entry.folder / _PRIVATE / "parts.json").is_file() and (entry.folder / "Pulumi.yaml").is_file()


def remove(folder: Path) -> None:
    """Remove the folder; what its links lead to stays."""
    shutil.rmtree(folder, ignore_errors=True)
