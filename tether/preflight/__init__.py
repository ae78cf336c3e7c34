"""Whether this machine can carry the mesh: every check at once, before anything is made."""

from tether.preflight.checks import CHECKS, INOTIFY, Finding, Need, examine, need
from tether.preflight.machine import Facts, RuntimeFacts, gather

__all__ = ["CHECKS", "INOTIFY", "Facts", "Finding", "Need", "RuntimeFacts", "examine", "gather", "need"]
