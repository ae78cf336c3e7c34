"""Ways into a cluster that say what they were for when they fail."""

import contextlib
import os
from collections.abc import Generator

from tether import kube
from tether.removal import reach
from tether_provider.errors import ProviderError
from tether_provider.resource import Operation


@contextlib.contextmanager
def reached(kubeconfig: str, what: str) -> Generator[kube.Api]:
    """Open a cluster for the length of a block.

    Args:
        kubeconfig: content.
        what: is looked at or changed there, for messages.

    Raises:
        ProviderError: it does not answer, or refuses.
    """
    try:
        with kube.connect(kubeconfig) as cluster:
            yield cluster
    except kube.KubeError as error:
        raise ProviderError(f"{what}: {error}") from None


@contextlib.contextmanager
def left(operation: Operation, kubeconfig: str, what: str) -> Generator[kube.Api]:
    """The same for a deletion and the look before it, both given up with a silent cluster where that was asked for.

    The Kubernetes provider does the same in its Read and Delete; of Helm releases in Read alone, so that it takes a
    refresh to give those up (pulumi-kubernetes provider.go).

    Raises:
        ProviderError: it refuses; or it does not answer and must not be given up.
    """
    try:
        with kube.connect(kubeconfig) as cluster:
            yield cluster
    except kube.KubeError as error:
        if error.status or os.environ.get(reach.GIVE_UP) != "true":
            raise ProviderError(f"{what}: {error}") from None
        operation.log.warning(f"{what} is given up with its cluster, which does not answer")
