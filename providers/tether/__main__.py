"""Starts the provider of resources and components; the Pulumi engine runs this folder and gives its own address."""

import sys

from tether_provider import plugin
from tether_provider.plugin import ComponentHost


def components(engine: str, version: str) -> ComponentHost:
    """Import the components, which takes seconds, where somebody asks for one; Tether's own program has its own."""
    from components.hosting import Host

    return Host(engine, version)


if __name__ == "__main__":
    sys.exit(plugin.main(sys.argv[1:], components))
