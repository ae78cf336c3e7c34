"""Kubeconfigs: the one that a user names, and the one inside a remote secret."""

import base64
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

import yaml


class KubeconfigFileError(Exception):
    """A kubeconfig that the settings name cannot be used; the text says why."""


def load(path_or_content: str, context: str | None = None) -> str:
    """A kubeconfig's content, with the wanted context as its current one.

    Args:
        path_or_content: content, or a path (``~`` is the user's home); empty for the file that kubectl takes: the
            first of ``$KUBECONFIG``, else ``~/.kube/config``.
        context: name of a context in it; its current one when left out.

    Raises:
        KubeconfigFileError: no such file, no kubeconfig, or no such context.
    """
    is_path = not is_content(path_or_content)
    content = _read(Path(path_or_content or _kubectls()).expanduser()) if is_path else path_or_content
    try:
        document: Any = yaml.safe_load(content)
    except yaml.YAMLError:
        document = None
    if not isinstance(document, dict) or "contexts" not in document:
        raise KubeconfigFileError("is no kubeconfig: it has no contexts")
    if context is None:
        return content
    known = [str(entry["name"]) for entry in cast("list[dict[str, Any]]", document["contexts"])]
    if context not in known:
        raise KubeconfigFileError(f"has no context {context}; it has: {', '.join(known)}")
    return yaml.safe_dump({**cast("dict[str, Any]", document), "current-context": context}, width=float("inf"))


def is_content(path_or_content: str) -> bool:
    """Whether a text is a kubeconfig, and no path of one: it has lines, or is JSON, as clouds' providers write it."""
    return "\n" in path_or_content or path_or_content.lstrip().startswith("{")


def merged(contents: Mapping[str, str]) -> str:
    """Join kubeconfigs into one, with a context for each that has its name; the first is the current one.

    Args:
        contents: kubeconfigs with one cluster, by the name to give it.

    Raises:
        KubeconfigFileError: one of them is none.
    """
    whole: dict[str, Any] = {"apiVersion": "v1", "kind": "Config", "clusters": [], "users": [], "contexts": []}
    for name, content in contents.items():
        document: Any = yaml.safe_load(content)
        try:
            context = _entry(document, "contexts", document["current-context"])["context"]
            cluster = _entry(document, "clusters", context["cluster"])["cluster"]
            user = _entry(document, "users", context["user"])["user"]
        except (KeyError, TypeError, StopIteration):
            raise KubeconfigFileError(f"of {name} is no kubeconfig with a current context") from None
        whole.setdefault("current-context", name)
        whole["clusters"].append({"name": name, "cluster": cluster})
        whole["users"].append({"name": name, "user": user})
        whole["contexts"].append({"name": name, "context": {**context, "cluster": name, "user": name}})
    return yaml.safe_dump(whole, width=float("inf"))


def credentials_in(content: str) -> list[str]:
    """Everything in a kubeconfig that lets somebody in: tokens, passwords, keys (in base64 and in PEM)."""
    document: Any = yaml.safe_load(content)
    found: list[str] = []
    for entry in cast("list[dict[str, Any]]", document.get("users") or []):
        user = cast("dict[str, Any]", entry.get("user") or {})
        found += [str(user[key]) for key in ("token", "password", "client-key-data") if user.get(key)]
        found += [base64.b64decode(user["client-key-data"]).decode()] if user.get("client-key-data") else []
    return found


_GKE_PLUGIN = "gke-gcloud-auth-plugin"
_AKS_DOMAIN = ".azmk8s.io"


def is_of_endpoints_cloud(content: str) -> bool:
    """Whether a kubeconfig shows that its current context is on GKE or AKS.

    Their API servers find the Services of webhooks through v1 Endpoints (istio/istio#58998, #58445). GKE is known by
    its credential plugin, AKS by the domain of its API servers; a kubeconfig with neither tells nothing.
    """
    document: Any = yaml.safe_load(content)
    try:
        context = _entry(document, "contexts", document["current-context"])["context"]
        server = str(_entry(document, "clusters", context["cluster"])["cluster"]["server"])
        user: dict[str, Any] = _entry(document, "users", context["user"])["user"] or {}
    except (KeyError, TypeError, StopIteration):
        return False
    plugin: dict[str, Any] = user.get("exec") or {}
    is_gke = Path(str(plugin.get("command"))).name == _GKE_PLUGIN
    return is_gke or (urlsplit(server).hostname or "").endswith(_AKS_DOMAIN)


def _entry(document: Any, kind: str, name: str) -> Any:
    return next(entry for entry in document[kind] if entry["name"] == name)


def _kubectls() -> str:
    return next(filter(None, os.environ.get("KUBECONFIG", "").split(os.pathsep)), "~/.kube/config")


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError as error:
        raise KubeconfigFileError(f"cannot be read: {path}: {error.strerror}") from None


def for_istiod(*, cluster_name: str, server: str, certificate_authority: str, token: str, server_name: str = "") -> str:
    """Write the kubeconfig with which istiod reads a remote cluster.

    Same fields and same order as ``istioctl create-remote-secret``
    (istio/istio istioctl/pkg/multicluster/remote_secret.go). Credentials are inline:
    istiod refuses exec, tokenFile and key files (istio/istio pkg/kube/util.go).

    Args:
        cluster_name: Istio cluster ID; names the cluster, the user and the context.
        server: URL of the API server as the primary's pods reach it.
        certificate_authority: PEM of the CA that signed the API server's certificate.
        token: bearer token of the reader service account.
        server_name: name in the API server's certificate; that of the URL when left out.
    """
    bundle = base64.b64encode(certificate_authority.encode()).decode()
    user = {"token": token}
    return for_cluster(name=cluster_name, server=server, bundle=bundle, user=user, server_name=server_name)


def for_cluster(*, name: str, server: str, bundle: str, user: Mapping[str, Any], server_name: str = "") -> str:
    """Write a kubeconfig for one cluster.

    Args:
        name: names the cluster, the user and the context.
        server: URL of the API server.
        bundle: the CA that signed the API server's certificate; PEM in base64, as clouds hand it out.
        user: what the user says to be let in, in the words of a kubeconfig: ``token``, ``exec`` or others.
        server_name: name in the API server's certificate; that of the URL when left out.
    """
    cluster = {"certificate-authority-data": bundle, "server": server}
    if server_name:
        cluster["tls-server-name"] = server_name
    document: dict[str, Any] = {
        "apiVersion": "v1",
        "clusters": [{"cluster": cluster, "name": name}],
        "contexts": [{"context": {"cluster": name, "user": name}, "name": name}],
        "current-context": name,
        "kind": "Config",
        "users": [{"name": name, "user": dict(user)}],
    }
    return yaml.safe_dump(document, sort_keys=True, width=float("inf"))
