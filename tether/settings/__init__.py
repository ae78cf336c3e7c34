"""Settings of a mesh: read once, checked whole, frozen."""

from tether.settings.models import (
    Algorithm,
    AuthoritySettings,
    AuthoritySource,
    ClusterSettings,
    ContainerRuntime,
    HelmValues,
    Settings,
)
from tether.settings.reading import read
from tether.settings.stack import of_stack

__all__ = [
    "Algorithm",
    "AuthoritySettings",
    "AuthoritySource",
    "ClusterSettings",
    "ContainerRuntime",
    "HelmValues",
    "Settings",
    "of_stack",
    "read",
]
