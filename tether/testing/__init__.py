"""Tests of services on a mesh of several clusters: what pytest's fixtures give, and helpers.

The plugin is loaded by every pytest run of whoever installed Tether, so that nothing is imported before it is used.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tether.testing.calls import Answer, Calls
    from tether.testing.mesh import Mesh
    from tether.testing.namespace import MeshNamespace
    from tether.testing.waiting import WaitError, wait_for

__all__ = ["Answer", "Calls", "Mesh", "MeshNamespace", "WaitError", "wait_for"]

_MODULES = {
    "Answer": "calls",
    "Calls": "calls",
    "Mesh": "mesh",
    "MeshNamespace": "namespace",
    "WaitError": "waiting",
    "wait_for": "waiting",
}


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
