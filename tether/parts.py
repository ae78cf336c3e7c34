"""The parts in use: which tools, images and charts this checkout runs with.

``python -m toolchain`` chooses them and writes ``.tether/parts.json``; the program,
the provider and the command line read it. Standard library only, because the
toolchain runs before anything is installed.
"""

import dataclasses
import json
from dataclasses import dataclass, field
from pathlib import Path

SCHEMA_VERSION = 1
FILE = Path(".tether/parts.json")


class PartsMissingError(Exception):
    """The parts file is absent or of another schema; ``make tools`` writes it."""


@dataclass(frozen=True, kw_only=True)
class Tool:
    """A program that Tether calls."""

    path: str
    version: str
    source: str
    """``installed``, ``releases`` or ``packages``."""
    why: str
    """One sentence: why this one was taken."""


@dataclass(frozen=True, kw_only=True)
class Images:
    """Full image references, tag included."""

    node: str
    pilot: str
    proxy: str
    echo: str
    metallb_controller: str
    metallb_speaker: str


@dataclass(frozen=True, kw_only=True)
class Chart:
    """A Helm chart as a folder."""

    path: str
    """Relative to the project, so that state made in one clone fits another."""
    digest: str
    """SHA-256 over the chart's files; its beginning is part of the path."""


@dataclass(frozen=True, kw_only=True)
class Parts:
    """Everything that a mesh on this machine is made of."""

    source: str
    """``installed``, ``releases`` or ``packages``: where images and charts come from."""
    why: str
    container_runtime: str
    """``docker`` or ``podman``."""
    data_plane: str
    """``istio`` (Istio's own proxy image) or ``envoy`` (plain upstream Envoy)."""
    istio_version: str
    envoy_version: str
    kubernetes_version: str
    images: Images
    charts: dict[str, Chart]
    """By chart name: base, istiod, gateway, metallb."""
    tools: dict[str, Tool]
    """By program name: pulumi, kind, kubectl, istioctl, podman or docker."""
    environment: dict[str, str] = field(default_factory=dict[str, str])
    """Environment variables that the tools need, for example CONTAINERS_CONF."""


def read(path: Path = FILE) -> Parts:
    """Read the parts file.

    Raises:
        PartsMissingError: the file is absent or was written by another version.
    """
    try:
        raw = json.loads(path.read_text())
    except FileNotFoundError:
        raise PartsMissingError(
            f"{path} is missing: it says which tools, images and charts to use. Make it with: make tools"
        ) from None
    if raw.pop("schemaVersion", None) != SCHEMA_VERSION:
        raise PartsMissingError(f"{path} was written by another version of Tether. Write it anew with: make tools")
    return Parts(
        images=Images(**raw.pop("images")),
        charts={name: Chart(**chart) for name, chart in raw.pop("charts").items()},
        tools={name: Tool(**tool) for name, tool in raw.pop("tools").items()},
        **raw,
    )


def write(parts: Parts, path: Path = FILE) -> None:
    """Write the parts file whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".draft")
    draft.write_text(json.dumps({"schemaVersion": SCHEMA_VERSION, **dataclasses.asdict(parts)}, indent=2) + "\n")
    draft.replace(path)
