import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tether import kube


class FakeApi:
    """A cluster whose answers are set by a test; what it was not told does not exist."""

    def __init__(self) -> None:
        self.objects: dict[str, Any] = {}
        """Answer by path, or an error to raise."""
        self.created: list[tuple[str, kube.Object, Mapping[str, str]]] = []
        self.patched: list[tuple[str, kube.Object]] = []
        self.deleted: list[str] = []
        self.on_create: Callable[[str, kube.Object], kube.Object] = lambda path, body: body
        self.on_patch: Callable[[str, kube.Object], kube.Object] = lambda path, body: body
        self.on_execute: Callable[[str, Sequence[str]], kube.Executed] = lambda pod, command: kube.Executed("", "", 0)
        self.on_ask: Callable[[str, int, str], str] = lambda pod, port, path: ""

    def get(self, path: str, query: Mapping[str, str] | None = None) -> kube.Object:
        found = self.objects.get(path)
        if found is None:
            raise kube.KubeError(f"{path} not found", 404)
        if isinstance(found, Exception):
            raise found
        return found

    def find(self, path: str) -> kube.Object | None:
        try:
            return self.get(path)
        except kube.KubeError as error:
            if error.status == 404:
                return None
            raise

    def create(self, path: str, body: kube.Object, query: Mapping[str, str] | None = None) -> kube.Object:
        self.created.append((path, body, query or {}))
        return self.on_create(path, body)

    def patch(self, path: str, body: kube.Object) -> kube.Object:
        self.patched.append((path, body))
        return self.on_patch(path, body)

    def delete(self, path: str, query: Mapping[str, str] | None = None) -> None:
        self.deleted.append(path)

    def text(self, path: str) -> str:
        return str(self.get(path))

    def execute(
        self,
        namespace: str,
        pod: str,
        command: Sequence[str],
        *,
        container: str = "",
        timeout: float = 30,
        cancel: threading.Event | None = None,
    ) -> kube.Executed:
        return self.on_execute(pod, command)

    def ask_pod(self, namespace: str, pod: str, port: int, path: str, *, timeout: float = 10) -> str:
        return self.on_ask(pod, port, path)


def pod(name: str, *, ready: bool = True, **spec: Any) -> kube.Object:
    return {
        "metadata": {"name": name},
        "spec": {"containers": [{"name": "istio-proxy", "image": "proxy"}], **spec},
        "status": {"conditions": [{"type": "Ready", "status": "True" if ready else "False", "message": "not yet"}]},
    }
