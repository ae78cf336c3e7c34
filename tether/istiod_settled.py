"""An istiod that has just begun to end, which the API server still calls."""

from tether import kube, wait
from tether.gate import Finding
from tether.revision import DEFAULT

_FORGOTTEN_SECONDS = 3.0
"""After which no rule of a node leads to a pod that ends; kube-proxy writes them once a second at most."""


class IstiodSettled:
    """Whether every istiod that ends has been doing so for a while: until then calls of the API server still go there.

    It takes no calls any more, though its pod stays for up to half a minute.
    """

    def __init__(self, primary: kube.Api, namespace: str, clock: wait.Clock = wait.SYSTEM_CLOCK) -> None:
        self._primary = primary
        self._pods = f"/api/v1/namespaces/{namespace}/pods"
        self._clock = clock
        self._first_seen: dict[str, float] = {}

    def __call__(self) -> Finding:
        """Look once more."""
        listed = kube.items(self._primary.get(self._pods, {"labelSelector": DEFAULT.selector}))
        now = self._clock.now()
        ending = [str(pod["metadata"]["name"]) for pod in listed if pod["metadata"].get("deletionTimestamp")]
        fresh = [name for name in ending if now - self._first_seen.setdefault(name, now) < _FORGOTTEN_SECONDS]
        if fresh:
            return Finding(ready=False, seen=f"{', '.join(fresh)} has begun to end")
        return Finding(ready=True, seen="none that begins to end")
