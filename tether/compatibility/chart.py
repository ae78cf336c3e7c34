"""What the Helm charts say that they are."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import yaml

from tether import versions
from tether.parts import Parts

ISTIO_CHARTS = frozenset({"base", "istiod", "gateway"})


@dataclass(frozen=True, kw_only=True)
class Claim:
    """One chart: what it is meant to be, and what its ``Chart.yaml`` says."""

    name: str
    path: str
    wanted: str
    """The version that goes with the images."""
    said: Mapping[str, str]
    """``name``, ``version`` and ``appVersion``; empty where the file cannot be read."""
    trouble: str = ""
    """Why it cannot be read."""

    @property
    def differences(self) -> list[str]:
        """What is said otherwise than it should be, as ``version 1.30.5``."""
        expected = {"name": self.name, "version": self.wanted, "appVersion": self.wanted}
        return [f"{key} {self.said.get(key) or '(none)'}" for key, value in expected.items()
                if self.said.get(key, "").removeprefix("v") != value]  # fmt: skip


def read(parts: Parts, root: Path) -> list[Claim]:
    """Read what every chart of the parts says.

    Compared are ``name``, ``version`` and ``appVersion`` of ``Chart.yaml`` with the version that the parts claim: for
    Istio's charts that of the images, as Istio's release builder stamps both to the release, and as the toolchain
    stamps those out of the Go module (:func:`tether.versions.as_chart`); for MetalLB's the pinned one.

    Args:
        parts: The parts in use.
        root: Folder of the project, in which the charts' paths begin.
    """
    wanted = dict.fromkeys(ISTIO_CHARTS, versions.as_chart(parts.istio_version))
    wanted["metallb"] = versions.METALLB.version
    return [
        _claim(name, chart.path, wanted[name], root) for name, chart in sorted(parts.charts.items()) if name in wanted
    ]


def _claim(name: str, path: str, wanted: str, root: Path) -> Claim:
    try:
        document: Any = yaml.safe_load((root / path / "Chart.yaml").read_text())
    except OSError as error:
        return Claim(name=name, path=path, wanted=wanted, said={}, trouble=str(error.strerror))
    except (yaml.YAMLError, UnicodeDecodeError):
        return Claim(name=name, path=path, wanted=wanted, said={}, trouble="is no YAML")
    entries = cast("dict[Any, Any]", document) if isinstance(document, dict) else {}
    return Claim(name=name, path=path, wanted=wanted, said={str(key): str(value) for key, value in entries.items()})
