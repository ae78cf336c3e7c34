"""The verdict inside of the Pulumi program."""

import os
from pathlib import Path

from tether.compatibility import verdict
from tether.errors import UnsupportedError
from tether.parts import Parts
from tether.settings import Settings
from tether.topology import Topology


def check(settings: Settings, plan: Topology, parts: Parts) -> None:
    """Refuse versions that cannot be used, before the program declares anything.

    ``tether up`` has judged the same before; this is for ``pulumi up``, and for clusters whose kubeconfig only the
    engine can decrypt.

    Raises:
        pulumi.RunError: carries every finding; shown by the engine without a traceback.
    """
    # The SDK takes a second to import, and the command line judges versions without it.
    import pulumi

    project = pulumi.get_project()
    findings, silent = verdict.examine(plan, parts, Path.cwd(), project=project)
    allowed = verdict.is_allowed(settings, os.environ)
    try:
        verdict.enforce(findings, silent, pulumi.log.warn, allowed=allowed, project=project)
    except UnsupportedError as error:
        raise pulumi.RunError(str(error)) from None
