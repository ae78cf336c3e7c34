"""Starts the resource provider; the Pulumi engine runs this folder and gives its own address."""

import sys

from tether_provider import plugin

if __name__ == "__main__":
    sys.exit(plugin.main(sys.argv[1:]))
