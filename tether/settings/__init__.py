"""Settings of a mesh: read once, checked whole, frozen."""

from tether.settings.models import Algorithm, AuthoritySettings, ClusterSettings, ContainerRuntime, Settings
from tether.settings.reading import read
from tether.settings.stack import of_stack

__all__ = ["Algorithm", "AuthoritySettings", "ClusterSettings", "ContainerRuntime", "Settings", "of_stack", "read"]
