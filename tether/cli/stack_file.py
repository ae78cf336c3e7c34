"""Keeps what the engine writes into a stack file out of git.

The engine stores the salt of the passphrase in the stack file and rewrites it whenever it is
missing. The passphrase is private to a checkout, so for the local stacks the salt is of no use
to anyone else and would only make a committed file look edited. ``.gitattributes`` names those
files; the filter that it refers to is set here, in the checkout's own git settings. Files that
it does not name keep their salt, as a stack that is shared must.
"""

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from tether.cli.project import Project

FILTER = "tether-salt"
_SALT = "encryptionsalt:"
_CLEAN = f"sed '/^{_SALT}/d'"


def is_private(project: Project) -> bool:
    """Whether git is to see the stack file without its salt."""
    if shutil.which("git") is None:
        return False
    answer = _git(project.root, "check-attr", "filter", "--", str(project.stack_file))
    return answer.returncode == 0 and answer.stdout.strip().endswith(f": {FILTER}")


def keep_salt_out_of_git(project: Project) -> None:
    """Teach this checkout's git to look past the salt; does nothing for files that are shared with it."""
    if not is_private(project):
        return
    if _git(project.root, "config", "--local", "--get", f"filter.{FILTER}.clean").stdout.strip() != _CLEAN:
        _git(project.root, "config", "--local", f"filter.{FILTER}.clean", _CLEAN)
    # git takes a file of another size for modified without looking inside; adding equal content only
    # renews the size that it remembers.
    file = str(project.stack_file)
    tracked = _git(project.root, "ls-files", "--error-unmatch", "--", file).returncode == 0
    if tracked and _git(project.root, "diff", "--quiet", "--", file).returncode == 0:
        _git(project.root, "add", "--", file)


def forget_salt(project: Project) -> None:
    """Take the salt out of a private stack file, once no state needs it; a file with secrets keeps it."""
    if not project.stack_file.is_file() or not is_private(project):
        return
    written = project.stack_file.read_text()
    bare = without_salt(written)
    if "secure:" in written or bare == written:
        return
    project.stack_file.write_text(bare)
    keep_salt_out_of_git(project)


def without_salt(written: str) -> str:
    """A stack file's text as git sees it."""
    return "".join(line for line in written.splitlines(keepends=True) if not line.startswith(_SALT))


def _git(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command: Sequence[str] = ("git", "-C", str(root), *arguments)
    return subprocess.run(command, capture_output=True, text=True, check=False)
