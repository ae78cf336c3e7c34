"""Access to one Kubernetes cluster: plain JSON in, plain JSON out.

The official client does authentication and TLS; its generated models are left out, because they cost a second of
start-up and hide fields that they do not know. It is imported on first use for the same reason.
"""

import base64
import contextlib
import http
import json
import threading
from collections.abc import Generator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, cast

import yaml

from tether import kube_stream, scratch
from tether.kube_errors import KubeconfigError, KubeError, KubeTimeoutError, one_line
from tether.kube_stream import Executed

__all__ = [
    "Api",
    "Cluster",
    "Executed",
    "KubeError",
    "KubeTimeoutError",
    "KubeconfigError",
    "Object",
    "connect",
    "items",
    "server_of",
    "with_cluster_of",
    "with_server",
    "with_token",
]

Object = dict[str, Any]
"""A Kubernetes object as JSON."""

_OPERATION_TIMEOUT = (5.0, 20.0)
"""Seconds to connect and to read."""
_BEGIN_SECONDS = 0.05
"""For a question to get there whose answer nobody waits for."""


class Api(Protocol):
    """What the rest of Tether asks of a cluster; tests put a fake in its place."""

    def get(self, path: str, query: Mapping[str, str] | None = None) -> Object:
        """Read an object or list; raises KubeError."""
        ...

    def find(self, path: str) -> Object | None:
        """Read an object, None where it does not exist."""
        ...

    def create(self, path: str, body: Object, query: Mapping[str, str] | None = None) -> Object:
        """Create an object in a collection."""
        ...

    def patch(self, path: str, body: Object) -> Object:
        """Merge a patch into an object."""
        ...

    def delete(self, path: str, query: Mapping[str, str] | None = None) -> None:
        """Delete an object or a collection; absent ones are no error."""
        ...

    def text(self, path: str) -> str:
        """Read a path that does not answer JSON."""
        ...

    def execute(
        self,
        namespace: str,
        pod: str,
        command: Sequence[str],
        *,
        container: str = "",
        timeout: float = 30,
        cancel: threading.Event | None = None,
    ) -> Executed:
        """Run a command in a container."""
        ...

    def ask_pod(self, namespace: str, pod: str, port: int, path: str, *, timeout: float = 10) -> str:
        """Ask a port of a pod over HTTP, from inside the pod."""
        ...


def items(listing: Object) -> list[Object]:
    """Objects of a list."""
    return cast("list[Object]", listing.get("items") or [])


@contextlib.contextmanager
def connect(kubeconfig: str, context: str | None = None) -> Generator["Cluster"]:
    """Open a cluster for the length of a block.

    Client keys lie in a private folder for that time, because TLS libraries read
    them from files, and are gone afterwards.

    Args:
        kubeconfig: content, YAML or JSON.
        context: name of a context; the current one if left out.

    Raises:
        KubeconfigError: the kubeconfig cannot be read or names things that it does not hold.
    """
    from kubernetes import config
    from kubernetes.config.config_exception import ConfigException

    load = cast("Any", config).new_client_from_config_dict

    with scratch.folder() as folder:
        document = _with_files(_parse(kubeconfig), folder)
        try:
            client = load(document, context=context, persist_config=False, temp_file_path=str(folder))
        except (ConfigException, KeyError, TypeError, ValueError) as error:
            raise KubeconfigError(f"the kubeconfig cannot be used: {error}") from None
        try:
            yield Cluster(client)
        finally:
            client.close()


def server_of(kubeconfig: str) -> str:
    """URL of the API server of the current context.

    Raises:
        KubeconfigError: there is none.
    """
    return cast("str", _current_cluster(_parse(kubeconfig))["server"])


def with_server(kubeconfig: str, server: str) -> str:
    """The same kubeconfig with another API server in its current context."""
    document = _parse(kubeconfig)
    _current_cluster(document)["server"] = server
    return yaml.safe_dump(document, sort_keys=False, width=float("inf"))


def with_cluster_of(kubeconfig: str, other: str) -> str:
    """The same credential for the API server of another kubeconfig's current context, met in that one's way.

    Raises:
        KubeconfigError: one of them has no cluster.
    """
    document = _parse(kubeconfig)
    cluster = _current_cluster(document)
    cluster.clear()
    cluster.update(_current_cluster(_parse(other)))
    return yaml.safe_dump(document, sort_keys=False, width=float("inf"))


def with_token(kubeconfig: str, token: str) -> str:
    """The same kubeconfig with a bearer token for all credentials in its current context."""
    document = _parse(kubeconfig)
    _current_context(document)["user"] = "token"
    document["users"] = [{"name": "token", "user": {"token": token}}]
    return yaml.safe_dump(document, sort_keys=False, width=float("inf"))


def _parse(kubeconfig: str) -> Object:
    try:
        document: Any = yaml.safe_load(kubeconfig)
    except yaml.YAMLError:
        raise KubeconfigError("the kubeconfig is no YAML") from None
    if not isinstance(document, dict) or not cast("Object", document).get("clusters"):
        raise KubeconfigError("the kubeconfig names no clusters")
    return cast("Object", document)


def _current_cluster(document: Object) -> Object:
    name = _current_context(document)["cluster"]
    for cluster in _entries(document, "clusters"):
        if cluster["name"] == name:
            return cast("Object", cluster["cluster"])
    raise KubeconfigError(f"the kubeconfig has no cluster {name!r}, which its current context is of")


def _current_context(document: Object) -> Object:
    current = document.get("current-context")
    for context in _entries(document, "contexts"):
        if context["name"] == current:
            return cast("Object", context["context"])
    raise KubeconfigError(f"the kubeconfig has no context {current!r}")


def _entries(document: Object, key: str) -> list[Object]:
    return cast("list[Object]", document.get(key) or [])


def _with_files(document: Object, folder: Path) -> Object:
    """Move inline certificates and keys into ``folder``.

    The client would write them to the shared temporary folder and keep them there
    until a clean exit.
    """
    for entry in [*_entries(document, "clusters"), *_entries(document, "users")]:
        section = cast("Object", entry.get("cluster") or entry.get("user") or {})
        for name in ("certificate-authority", "client-certificate", "client-key"):
            if data := section.pop(f"{name}-data", None):
                path = folder / f"{len(list(folder.iterdir()))}-{name}.pem"
                path.touch(mode=0o600)
                path.write_bytes(base64.b64decode(data))
                section[name] = str(path)
    return document


class Cluster:
    """A cluster's API server; made by ``connect``. Safe to use from several threads."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def get(self, path: str, query: Mapping[str, str] | None = None) -> Object:
        """Read an object or a list.

        Raises:
            KubeError: any answer but success.
        """
        return self._json("GET", path, query)

    def find(self, path: str) -> Object | None:
        """Read an object, None where it does not exist.

        Raises:
            KubeError: any answer but success or "not found".
        """
        try:
            return self.get(path)
        except KubeError as error:
            if error.status == http.HTTPStatus.NOT_FOUND:
                return None
            raise

    def create(self, path: str, body: Object, query: Mapping[str, str] | None = None) -> Object:
        """Create an object in the collection ``path``.

        Raises:
            KubeError: any answer but success.
        """
        return self._json("POST", path, query, body)

    def patch(self, path: str, body: Object) -> Object:
        """Merge a patch into the object ``path`` (JSON merge patch, RFC 7386).

        Raises:
            KubeError: any answer but success.
        """
        return self._json("PATCH", path, None, body)

    def delete(self, path: str, query: Mapping[str, str] | None = None) -> None:
        """Delete an object or a collection; what does not exist is no error.

        Raises:
            KubeError: any other answer but success.
        """
        try:
            self._json("DELETE", path, query)
        except KubeError as error:
            if error.status != http.HTTPStatus.NOT_FOUND:
                raise

    def text(self, path: str) -> str:
        """Read a path that does not answer JSON, for example through the service proxy.

        Raises:
            KubeError: any answer but success.
        """
        return self._request("GET", path, None, None)

    def begin(self, path: str, accept: str) -> None:
        """Ask for a path and go on without the answer, which the API server makes all the same.

        Args:
            path: of the URL.
            accept: media type of the answer.

        Raises:
            KubeError: it does not even take the question.
        """
        from urllib3 import Timeout
        from urllib3.exceptions import HTTPError, ReadTimeoutError

        method, url, headers, _, _ = self._client.param_serialize(
            "GET", path, query_params=[], header_params={"Accept": accept}, auth_settings=["BearerToken"]
        )
        pool = self._client.rest_client.pool_manager
        brief = Timeout(connect=_OPERATION_TIMEOUT[0], read=_BEGIN_SECONDS)
        try:
            pool.request(method, url, headers=headers, timeout=brief, retries=False)
        except ReadTimeoutError:
            return
        except (HTTPError, OSError) as error:
            raise KubeError(f"{self._client.configuration.host} does not answer: {_root_of(error)}") from None

    def execute(
        self,
        namespace: str,
        pod: str,
        command: Sequence[str],
        *,
        container: str = "",
        timeout: float = 30,
        cancel: threading.Event | None = None,
    ) -> Executed:
        """Run a command in a container and wait for its end.

        Args:
            namespace: of the pod.
            pod: its name.
            command: arguments; no secrets, they are part of a URL.
            container: its name; the pod's default one if left out.
            timeout: seconds.
            cancel: ends the call when set.

        Raises:
            KubeError: no connection, refused, cancelled or not finished in time.
        """
        return kube_stream.execute(
            self._client, namespace, pod, command, container=container, timeout=timeout, cancel=cancel
        )

    def ask_pod(self, namespace: str, pod: str, port: int, path: str, *, timeout: float = 10) -> str:
        """Ask a port of a pod over HTTP, from inside the pod: also one that it opens for itself alone.

        Args:
            namespace: of the pod.
            pod: its name.
            port: that some process of the pod listens on.
            path: of the URL.
            timeout: seconds.

        Raises:
            KubeError: no connection, refused, any answer but success, or none in time (``KubeTimeoutError``).
        """
        return kube_stream.ask_pod(self._client, namespace, pod, port, path, timeout=timeout)

    def _json(self, method: str, path: str, query: Mapping[str, str] | None, body: Object | None = None) -> Object:
        return cast("Object", json.loads(self._request(method, path, query, body) or "{}"))

    def _request(self, method: str, path: str, query: Mapping[str, str] | None, body: Object | None) -> str:
        from kubernetes.client.exceptions import ApiException
        from urllib3.exceptions import HTTPError

        headers = {"Accept": "application/json, */*"}
        if body is not None:
            headers["Content-Type"] = "application/merge-patch+json" if method == "PATCH" else "application/json"
        method, url, headers, content, _ = self._client.param_serialize(
            method, path, query_params=list((query or {}).items()), header_params=headers, body=body,
            auth_settings=["BearerToken"],
        )  # fmt: skip
        try:
            response = self._client.call_api(method, url, headers, content, _request_timeout=_OPERATION_TIMEOUT)
            data: bytes = response.read()
        except (HTTPError, OSError) as error:
            raise KubeError(f"{self._client.configuration.host} does not answer: {_root_of(error)}") from None
        except ApiException as error:
            raise KubeError(one_line(str(error))) from None
        text = data.decode(errors="replace")
        if response.status >= http.HTTPStatus.MULTIPLE_CHOICES:
            raise KubeError(_reason(text, response.status), response.status)
        return text


def _reason(text: str, status: int) -> str:
    try:
        document: Any = json.loads(text)
    except ValueError:
        document = None
    if isinstance(document, dict):
        return str(cast("Object", document).get("message") or f"HTTP status {status}")
    return one_line(text) or f"HTTP status {status}"


def _root_of(error: Exception) -> str:
    """What went wrong on the network, without the layers that urllib3 wraps around it."""
    words = one_line(str(getattr(error, "reason", None) or error))
    return words.partition("): ")[2] or words
