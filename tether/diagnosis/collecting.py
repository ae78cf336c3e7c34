"""Runs the collectors side by side; what one of them cannot read is told in the manifest, and the others go on."""

import json
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from tether import kube, kubeconfig
from tether.diagnosis.archive import Archive
from tether.diagnosis.collectors import Collector
from tether.diagnosis.masking import Masking, values_of
from tether.mesh import Mesh
from tether.redact import redact

SCHEMA_VERSION = 1
MANIFEST = "manifest.json"
_SIDE_BY_SIDE = 4


@dataclass(frozen=True, kw_only=True)
class Collected:
    """What came of one collector."""

    collector: Collector
    files: tuple[str, ...]
    seconds: float
    error: str = ""
    """Why it ended before its end; without secrets."""


def masking_of(mesh: Mesh) -> Masking:
    """Know every secret of a mesh that this user may read; of clusters that do not answer only the kubeconfig."""
    secrets = [member.kubeconfig for member in mesh.blueprint.members]
    names = {mesh.namespace, mesh.blueprint.trust_domain, *(cluster.name for cluster in mesh.clusters)}
    for cluster in mesh.clusters:
        secrets += kubeconfig.credentials_in(cluster.member.kubeconfig)
        try:
            listed = kube.items(cluster.api.get("/api/v1/secrets"))
            names |= {str(one["metadata"]["name"]) for one in kube.items(cluster.api.get("/api/v1/namespaces"))}
        except kube.KubeError:
            continue
        secrets += [value for one in listed for value in values_of(one)]
    return Masking(secrets, names=names)


def collect(
    collectors: Iterable[Collector], archive: Archive, on_done: Callable[[Collected], None] = lambda _: None
) -> tuple[Collected, ...]:
    """Run every collector and put what it reads into the archive.

    Args:
        collectors: what to read.
        archive: open.
        on_done: told of each as it ends.
    """

    def run(collector: Collector) -> Collected:
        found = _run(collector, archive)
        on_done(found)
        return found

    with ThreadPoolExecutor(_SIDE_BY_SIDE) as pool:
        return tuple(pool.map(run, collectors))


def manifest(about: dict[str, Any], found: Sequence[Collected]) -> str:
    """What the archive holds, what it does not and why, as JSON.

    Args:
        about: when and where it was made.
        found: what came of each collector.
    """
    entries = [
        {
            "name": one.collector.name,
            "what": one.collector.what,
            "files": list(one.files),
            "seconds": round(one.seconds, 2),
            **({"error": one.error} if one.error else {}),
        }
        for one in found
    ]
    return json.dumps({"schemaVersion": SCHEMA_VERSION, **about, "collectors": entries}, indent=1) + "\n"


def _run(collector: Collector, archive: Archive) -> Collected:
    began = time.monotonic()
    files: list[str] = []
    error = ""
    try:
        for name, content in collector.read():
            # One file beside the folders of others, or a folder of its own.
            files.append(f"{collector.name}{'/' if '/' in name or '.' in name else '.'}{name}")
            archive.add(files[-1], content)
    except Exception as failure:  # noqa: BLE001 - whatever it is, the others go on, and it is told
        error = redact(f"{type(failure).__name__}: {failure}")
    return Collected(collector=collector, files=tuple(files), seconds=time.monotonic() - began, error=error)
