"""What kubeadm makes of a control plane of one node does no more than is needed for one.

kubeadm has kubelet ask the API server, etcd and the scheduler each second whether they are ready,
and etcd tell every watch each five seconds that nothing happened. With one node nothing goes by
those answers; without them an idle cluster takes a quarter less of the machine (docs/adr/0019).
CoreDNS, which every lookup waits for, is asked each ten seconds only, and is there twice (docs/adr/0030).
Go collects garbage whenever a heap has doubled, which small heaps that grow do often: theirs may triple
(docs/adr/0031).
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from tether_provider.mounts import with_mount

PATCHES = Path(__file__).with_name("control-plane")
"""One file for each static pod, and for CoreDNS (``kubeadm init --patches``)."""
_PATCHES_IN_NODE = "/etc/kubernetes/tether-patches"

ETCD_ARGUMENTS = {"watch-progress-notify-interval": "60s"}
"""Of etcd 3.6. The API server asks for progress itself where a list must be up to date (KEP-2340)."""


def added_to(config: Mapping[str, Any]) -> dict[str, Any]:
    """Kind's configuration with the patches in every control plane; a user's own folder of patches replaces them."""
    changed = with_mount(config, PATCHES, _PATCHES_IN_NODE)
    patch = {"kind": "InitConfiguration", "patches": {"directory": _PATCHES_IN_NODE}}
    changed["kubeadmConfigPatches"] = [
        yaml.safe_dump(patch, sort_keys=False),
        *changed.get("kubeadmConfigPatches", []),
    ]
    return changed
