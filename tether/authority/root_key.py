"""The file that a new root's key is handed out into."""

import os
from pathlib import Path

from tether.errors import Problem
from tether.settings.wording import fix, shown, subject

SETTING = ("certificateAuthority", "rootKeyFile")


def hindrance(path: Path, project: str = "tether") -> Problem | None:
    """What keeps a key from being handed out into a file that is made for it; None where nothing does.

    Args:
        path: absolute path of the file.
        project: namespace of the settings.
    """
    if os.path.lexists(path):
        wrong = f"names {path}, which exists already"
        why = "the key of a new root is never written over anything"
        way_out = f"{fix(SETTING, '', project).replace('VALUE', 'OTHER')}  # or move the file away"
    elif not path.parent.is_dir():
        wrong = f"names a file in {path.parent}, which is no folder"
        why = "the root's key could not be handed out, and is kept nowhere else"
        way_out = f"mkdir -p -m 700 '{path.parent}'"
    else:
        return None
    where = subject(SETTING, project)
    return Problem(subject=where, shown=shown(SETTING, str(path)), wrong=wrong, why=why, fix=way_out)
