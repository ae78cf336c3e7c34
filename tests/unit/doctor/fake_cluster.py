"""A cluster in memory that answers as an API server does: objects, lists with selectors, refusals."""

import re
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from tether import kube

Answer = Callable[[kube.Object], kube.Object]


class FakeCluster:
    """Objects by path; lists are made from them."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.objects: dict[str, kube.Object] = {}
        self.texts: dict[str, str] = {}
        """Answer by path without query: logs, metrics through the API server."""
        self.refused: dict[str, kube.KubeError] = {}
        """Error by the pattern of ``VERB path``."""
        self.answers: dict[str, Answer] = {}
        """What creating something in a collection answers; the object itself if nothing is set."""
        self.pages: dict[str, str] = {}
        """What a port of a pod answers, by path."""
        self.written: list[str] = []

    def put(self, path: str, body: kube.Object | None = None) -> kube.Object:
        """Have an object; its name and namespace are those of the path."""
        parts = _segments(path)
        meta: dict[str, Any] = {"name": parts[-1]}
        if parts[0] == "namespaces" and len(parts) == 4:
            meta["namespace"] = parts[1]
        stored: kube.Object = {"spec": {}, **(body or {})}
        stored["metadata"] = {**stored.get("metadata", {}), **meta}
        self.objects[path] = stored
        return stored

    def refuse(self, pattern: str, right: str, status: int = 403) -> None:
        """Answer what matches ``VERB path`` with "forbidden"; the message names the right, as Kubernetes does."""
        self.refused[pattern] = kube.KubeError(f'{right} is forbidden: User "reader" cannot do it', status)

    def get(self, path: str, query: Mapping[str, str] | None = None) -> kube.Object:
        self._check("get", path)
        if _is_collection(path):
            return {"items": [item for other, item in self.objects.items()
                              if _belongs(other, path) and _selected(item, query or {})]}  # fmt: skip
        if path not in self.objects:
            raise kube.KubeError(f"{path} not found", 404)
        return self.objects[path]

    def find(self, path: str) -> kube.Object | None:
        self._check("get", path)
        return self.objects.get(path)

    def create(self, path: str, body: kube.Object, query: Mapping[str, str] | None = None) -> kube.Object:
        self._check("create", path)
        if (query or {}).get("dryRun") != "All" and "review" not in path:
            self.written.append(path)
        return self.answers.get(path.rpartition("/")[2], lambda made: made)(body)

    def patch(self, path: str, body: kube.Object) -> kube.Object:
        self.written.append(path)
        return body

    def delete(self, path: str, query: Mapping[str, str] | None = None) -> None:
        self.written.append(path)

    def text(self, path: str) -> str:
        self._check("get", path)
        bare = path.partition("?")[0]
        if bare not in self.texts:
            raise kube.KubeError(f"{bare} not found", 404)
        return self.texts[bare]

    def execute(
        self, namespace: str, pod: str, command: Sequence[str], *, container: str = "", timeout: float = 30,
        cancel: threading.Event | None = None,
    ) -> kube.Executed:  # fmt: skip
        raise kube.KubeError("there is nothing to run here")

    def ask_pod(self, namespace: str, pod: str, port: int, path: str, *, timeout: float = 10) -> str:
        self._check("create", f"/api/v1/namespaces/{namespace}/pods/{pod}/portforward")
        if path not in self.pages:
            raise kube.KubeError(f"no answer to {path}")
        return self.pages[path]

    def _check(self, verb: str, path: str) -> None:
        for pattern, error in self.refused.items():
            if re.search(pattern, f"{verb} {path}"):
                raise error


def _segments(path: str) -> list[str]:
    parts = path.strip("/").split("/")
    return parts[2:] if parts[0] == "api" else parts[3:] if parts[0] == "apis" else parts


def _is_collection(path: str) -> bool:
    parts = _segments(path)
    return len(parts) % 2 == 1 and not path.startswith("/version")


def _belongs(item: str, collection: str) -> bool:
    """Whether an object is in a collection, also in one over all namespaces."""
    parent = item.rpartition("/")[0]
    return parent == collection or re.sub(r"/namespaces/[^/]+(?=/)", "", parent) == collection


def _selected(item: kube.Object, query: Mapping[str, str]) -> bool:
    labels = cast("dict[str, str]", item["metadata"].get("labels") or {})
    for part in filter(None, query.get("labelSelector", "").split(",")):
        key, equals, value = part.partition("=")
        if key not in labels or (equals and labels[key] != value):
            return False
    for part in filter(None, query.get("fieldSelector", "").split(",")):
        key, _, value = part.partition("=")
        found: Any = item
        for step in key.split("."):
            found = found.get(step, {})
        if found != value:
            return False
    return True
