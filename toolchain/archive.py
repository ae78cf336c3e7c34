"""Writes container images as archives, without a container runtime.

The format is the one of ``docker save``: it is read by docker, podman and
containerd alike. Nothing in it depends on the clock or on the user, so the same
contents always make the same image ID.
"""

import hashlib
import io
import json
import tarfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

EPOCH = "1970-01-01T00:00:00Z"
CHUNK = 1 << 20
DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A file or a symbolic link in a layer."""

    path: str
    """In the image, for example ``/usr/local/bin/envoy``."""
    source: Path | None = None
    """File on this machine; None for a link."""
    link: str = ""
    """Target of a symbolic link."""
    mode: int = 0o755


@dataclass(frozen=True, kw_only=True)
class Image:
    """One image: layers from the lowest to the highest, and how it starts."""

    reference: str
    layers: tuple[Path, ...]
    """Uncompressed tar files."""
    entrypoint: tuple[str, ...] = ()
    user: str = ""
    environment: Mapping[str, str] = field(default_factory=dict[str, str])
    stop_signal: str = ""


def write_layer(goal: Path, entries: Iterable[Entry]) -> None:
    """Write a layer with these entries and the folders above them, owned by root."""
    with tarfile.open(goal, "w", format=tarfile.GNU_FORMAT) as layer:
        known: set[str] = set()
        for entry in entries:
            _add_parents(layer, entry.path, known)
            member = tarfile.TarInfo(entry.path.lstrip("/"))
            if entry.source is None:
                member.type, member.linkname, member.mode = tarfile.SYMTYPE, entry.link, 0o777
                layer.addfile(member)
                continue
            member.size, member.mode = entry.source.stat().st_size, entry.mode
            with entry.source.open("rb") as content:
                layer.addfile(member, content)


def _add_parents(layer: tarfile.TarFile, path: str, known: set[str]) -> None:
    parts = path.strip("/").split("/")[:-1]
    for depth in range(1, len(parts) + 1):
        folder = "/".join(parts[:depth])
        if folder in known:
            continue
        known.add(folder)
        member = tarfile.TarInfo(folder)
        member.type, member.mode = tarfile.DIRTYPE, 0o755
        layer.addfile(member)


def write_archive(goal: Path, images: Iterable[Image], architecture: str) -> dict[str, str]:
    """Write all images into one archive; layers they share are stored once.

    Returns:
        Image ID (``sha256:…`` of the configuration) by reference.
    """
    ids: dict[str, str] = {}
    manifest: list[dict[str, object]] = []
    digests: dict[Path, str] = {}
    with tarfile.open(goal, "w", format=tarfile.GNU_FORMAT) as archive:
        for image in images:
            for layer in image.layers:
                if layer not in digests:
                    digests[layer] = digest(layer)
                    _add_layer(archive, digests[layer], layer)
            config = _config(image, [digests[layer] for layer in image.layers], architecture)
            ids[image.reference] = "sha256:" + hashlib.sha256(config).hexdigest()
            name = ids[image.reference].removeprefix("sha256:") + ".json"
            _add_bytes(archive, name, config)
            manifest.append(
                {
                    "Config": name,
                    "RepoTags": [image.reference],
                    "Layers": [f"{digests[layer]}.tar" for layer in image.layers],
                }
            )
        _add_bytes(archive, "manifest.json", json.dumps(manifest).encode())
    return ids


def _config(image: Image, layers: list[str], architecture: str) -> bytes:
    environment = {"PATH": DEFAULT_PATH, **image.environment}
    config: dict[str, object] = {
        "Entrypoint": list(image.entrypoint),
        "Env": [f"{name}={value}" for name, value in environment.items()],
        "User": image.user,
        "WorkingDir": "/",
    }
    if image.stop_signal:
        config["StopSignal"] = image.stop_signal
    whole = {
        "architecture": architecture,
        "os": "linux",
        "created": EPOCH,
        "config": config,
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{layer}" for layer in layers]},
        "history": [{"created": EPOCH, "created_by": "tether"} for _ in layers],
    }
    return json.dumps(whole, sort_keys=True).encode()


def digest(path: Path) -> str:
    """SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _add_layer(archive: tarfile.TarFile, name: str, layer: Path) -> None:
    member = tarfile.TarInfo(f"{name}.tar")
    member.size, member.mode = layer.stat().st_size, 0o644
    with layer.open("rb") as content:
        archive.addfile(member, content)


def _add_bytes(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.mode = len(content), 0o644
    archive.addfile(member, io.BytesIO(content))
