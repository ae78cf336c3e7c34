"""One cluster of a stack, and whether it answers."""

import contextlib
from dataclasses import dataclass

from tether import kube
from tether.mesh import Member
from tether.removal import reach


@dataclass(frozen=True, kw_only=True)
class Side:
    """A cluster, and whether it answers."""

    member: Member
    api: kube.Api | None
    silence: str
    """Why it does not answer; empty where it does."""

    @property
    def open_api(self) -> kube.Api | None:
        """The cluster, None where it does not answer."""
        return None if self.silence else self.api


def open_side(stack: contextlib.ExitStack, member: Member) -> Side:
    """Open a cluster until the stack ends, and ask it whether it is there.

    Raises:
        tether.kube.KubeconfigError: its kubeconfig cannot be used.
    """
    if not member.kubeconfig:
        return Side(member=member, api=None, silence="its kubeconfig is not known")
    api = stack.enter_context(kube.connect(member.kubeconfig))
    return Side(member=member, api=api, silence=reach.silence(api))
