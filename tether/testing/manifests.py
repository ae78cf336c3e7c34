"""Manifests of a test: read, filled in, and checked as a whole before anything of them is created."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import yaml

from tether import kube, metadata
from tether.errors import Problem, UsageError, count

Manifest = str | Path | Mapping[str, Any] | Iterable[Mapping[str, Any]]
"""YAML, the path of a file or of a folder with such files, or objects."""

BUILT_IN = ("cluster", "namespace", "trust_domain")
"""Names that are filled in by themselves."""
_PLACEHOLDER = re.compile(r"\$\{(\w+)\}")
_ISTIO = ".istio.io"


@dataclass(frozen=True, kw_only=True)
class Source:
    """One text of YAML and where it is from."""

    name: str
    text: str


def sources(manifest: Manifest, root: Path) -> list[Source]:
    """The texts of a manifest; relative paths begin at ``root``.

    Raises:
        UsageError: there is no such file.
    """
    if isinstance(manifest, str) and "\n" in manifest:
        return [Source(name="the manifest", text=manifest)]
    if isinstance(manifest, str | Path):
        return list(_files(root / manifest))
    objects: list[Any] = [manifest] if isinstance(manifest, Mapping) else list(manifest)
    return [Source(name="the manifest", text=yaml.safe_dump_all([dict(one) for one in objects]))]


def _files(path: Path) -> Iterator[Source]:
    files = sorted([*path.glob("*.yaml"), *path.glob("*.yml")]) if path.is_dir() else [path]
    if not files:
        raise refused([_problem(str(path), "has no files *.yaml", "nothing would be deployed", f"ls {path}")])
    for file in files:
        try:
            yield Source(name=file.name, text=file.read_text())
        except OSError as error:
            wrong = f"cannot be read: {error.strerror}"
            fix = f"ls {file.parent}  # relative paths begin at pytest's rootdir"
            raise refused([_problem(str(file), wrong, "it is to be deployed", fix)]) from None


def filled(texts: Iterable[Source], values: Mapping[str, object], given: Iterable[str]) -> list[Source]:
    """Put values in place of ``${name}``; names without a value stay, for shells have such words too.

    Args:
        texts: with placeholders or without.
        values: by name.
        given: names that must be in one of the texts at least.

    Raises:
        UsageError: a given one is in none of them, or has a meaning of its own.
    """
    listed = list(texts)
    used = {name for one in listed for name in _PLACEHOLDER.findall(one.text)}
    problems = [
        _problem(
            name, "is given, but it is filled in by itself", f"it would not be clear which {name} is meant",
            f"leave {name}= out, or call yours otherwise",
        )
        for name in given if name in BUILT_IN
    ]  # fmt: skip
    problems += [
        _problem(
            name, f"is given, but {', '.join(one.name for one in listed)} has no ${{{name}}}",
            "what is deployed would not be what was meant", f"write ${{{name}}} where it belongs, or leave {name}= out",
        )
        for name in given if name not in (*used, *BUILT_IN)
    ]  # fmt: skip
    if problems:
        raise refused(problems)

    def value(match: re.Match[str]) -> str:
        return str(values.get(match[1], match[0]))

    return [Source(name=one.name, text=_PLACEHOLDER.sub(value, one.text)) for one in listed]


def objects(texts: Iterable[Source], namespace: str) -> list[kube.Object]:
    """The objects of filled texts.

    Raises:
        UsageError: carries everything that is wrong with any of them.
    """
    found: list[kube.Object] = []
    problems: list[Problem] = []
    for source in texts:
        try:
            documents = [one for one in yaml.safe_load_all(source.text) if one is not None]
        except yaml.YAMLError as error:
            wrong = f"is no YAML: {' '.join(str(error).split())}"
            problems.append(_problem(source.name, wrong, "it is to be deployed", "mend the line that it names"))
            continue
        for number, document in enumerate(_unlisted(documents), 1):
            if problem := _wrong(document, f"{source.name}, object {number}", namespace):
                problems.append(problem)
            else:
                found.append(document)
    if not found and not problems:
        problems.append(_problem("the manifest", "has no object", "nothing would be deployed", "write one into it"))
    if problems:
        raise refused(problems)
    return found


def _unlisted(documents: Iterable[Any]) -> Iterator[Any]:
    for document in documents:
        if _mapping(document).get("kind") == "List":
            yield from metadata.listed(document, "items")
        else:
            yield document


def _wrong(document: Any, where: str, namespace: str) -> Problem | None:
    known = _mapping(document)
    meta = _mapping(known.get("metadata"))
    missing = [key for key in ("apiVersion", "kind") if not known.get(key)]
    missing += [] if meta.get("name") else ["metadata.name"]
    if missing:
        return _problem(where, f"has no {', '.join(missing)}", "the API cannot tell what it is", "kubectl explain KIND")
    other = meta.get("namespace")
    if other and other != namespace:
        return _problem(
            f"{where}: metadata.namespace", f"is {other}, not the test's own namespace",
            "it would stay after the test, and tests side by side would meet in it",
            "leave metadata.namespace out, or write ${namespace}",
        )  # fmt: skip
    return None


def _mapping(value: Any) -> kube.Object:
    return cast("kube.Object", value) if isinstance(value, dict) else {}


def belongs_to_primary(document: kube.Object) -> bool:
    """Whether istiod reads an object, which it does in the primary alone."""
    return _group(document).endswith(_ISTIO)


class Kinds:
    """How a cluster's API serves kinds of objects; asked once for each group."""

    def __init__(self, api: kube.Api, cluster: str) -> None:
        self._api = api
        self._cluster = cluster
        self._known: dict[str, dict[str, kube.Object]] = {}

    def collection(self, document: kube.Object, namespace: str) -> str:
        """Path of the collection that an object is created in.

        Raises:
            LookupError: the cluster does not know the kind, or its objects lie in no namespace; the text says which.
        """
        version, kind = str(document["apiVersion"]), str(document["kind"])
        base = f"/apis/{version}" if "/" in version else f"/api/{version}"
        if base not in self._known:
            resources = metadata.listed(self._api.find(base) or {}, "resources")
            self._known[base] = {str(one["kind"]): one for one in resources if "/" not in one["name"]}
        resource = self._known[base].get(kind)
        if resource is None:
            raise LookupError(f"is of a kind that {self._cluster} does not know: {version} {kind}")
        if not resource.get("namespaced"):
            raise LookupError(f"is a {kind}, which lies in no namespace")
        return f"{base}/namespaces/{namespace}/{resource['name']}"


def unserved(document: kube.Object, why: str) -> Problem:
    """What is wrong with an object that a cluster cannot take."""
    return _problem(
        f"{document['kind']} {document['metadata']['name']}", why,
        "a test deploys into its own namespace only, so that nothing of it stays",
        "kubectl api-resources --namespaced=true; for anything else: mesh.api(cluster).create(...)",
    )  # fmt: skip


def _group(document: kube.Object) -> str:
    version = str(document["apiVersion"])
    return version.partition("/")[0] if "/" in version else ""


def _problem(subject: str, wrong: str, why: str, fix: str) -> Problem:
    return Problem(subject=subject, wrong=wrong, why=why, fix=fix)


def refused(problems: list[Problem]) -> UsageError:
    """All that is wrong with a manifest, as one error."""
    return UsageError(f"{count(len(problems), 'problem')} in what is to be deployed; nothing was created.", problems)
