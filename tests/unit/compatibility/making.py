"""Parts as the toolchain writes them, with charts to match."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from tether import versions
from tether.parts import Chart, Parts
from toolchain import releases

CHARTS = ("base", "gateway", "istiod", "metallb")
RELEASED = Parts(
    source="releases", why="", container_runtime="podman", data_plane="istio",
    istio_version=versions.ISTIO_RELEASE.version, envoy_version=versions.ENVOY.version,
    kubernetes_version=versions.KUBERNETES.version, images=releases.images(versions.DEFAULT_LINE), tools={},
    charts={name: Chart(path=f"charts/{name}", digest="") for name in CHARTS},
)  # fmt: skip
BUILT = replace(RELEASED, source="packages", data_plane="envoy", istio_version=versions.ISTIO.version)


def with_proxy(image: str, parts: Parts = RELEASED, **changes: Any) -> Parts:
    return replace(parts, images=replace(parts.images, proxy=image), **changes)


def write_chart(folder: Path, name: str, version: str, app_version: str = "") -> None:
    place = folder / "charts" / name
    place.mkdir(parents=True, exist_ok=True)
    (place / "Chart.yaml").write_text(f"name: {name}\nversion: {version}\nappVersion: {app_version or version}\n")


def write_charts(folder: Path, istio: str) -> None:
    """Charts that fit a version of Istio, below ``folder``."""
    for name in ("base", "gateway", "istiod"):
        write_chart(folder, name, versions.as_chart(istio))
    write_chart(folder, "metallb", versions.METALLB.version, f"v{versions.METALLB.version}")
