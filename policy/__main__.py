"""The policy pack: the engine starts this folder and asks it about every resource.

It runs in a virtual environment of its own (docs/adr/0020) beside the checkout's library, whose rules it asks.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

try:
    from tether_policy.pack import serve
except ModuleNotFoundError as error:
    sys.exit(f"policy pack: {error.name} is missing from {sys.executable}. Make the pack's environment: make tools")

serve()
