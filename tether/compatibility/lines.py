"""Istio's lines, and what each was released for."""

from dataclasses import dataclass

from tether import versions
from tether.compatibility import numbers
from tether.compatibility.numbers import Minor


@dataclass(frozen=True, kw_only=True)
class Line:
    """One minor version of Istio."""

    istio: Minor
    kubernetes_oldest: Minor
    kubernetes_newest: Minor
    """The newest that the line was announced for; later ones may work, and Istio's page then says so."""
    envoy: Minor
    """Upstream Envoy that its proxy is made from."""
    source: str
    """Link to the announcement that names the Kubernetes versions."""

    @property
    def name(self) -> str:
        """As people say it: ``1.31``."""
        return numbers.said(self.istio)


LINES = (
    Line(
        istio=(1, 29), kubernetes_oldest=(1, 31), kubernetes_newest=(1, 35), envoy=(1, 37),
        source="https://istio.io/latest/news/releases/1.29.x/announcing-1.29/",
    ),
    Line(
        istio=(1, 30), kubernetes_oldest=(1, 32), kubernetes_newest=(1, 36), envoy=(1, 38),
        source="https://istio.io/latest/news/releases/1.30.x/announcing-1.30/",
    ),
    Line(
        istio=(1, 31), kubernetes_oldest=(1, 32), kubernetes_newest=(1, 36), envoy=(1, 39),
        source="https://istio.io/latest/news/releases/1.31.x/announcing-1.31/",
    ),
)  # fmt: skip
"""In order. The oldest Kubernetes of 1.31 is MinK8SVersion in istioctl/pkg/install/k8sversion/version.go too; Envoy's
versions are those of istio/proxy, ENVOY_VERSION.txt."""


def of(istio: str) -> Line | None:
    """The line of a version of Istio; None where it is none of those known here."""
    return next((line for line in LINES if line.istio == numbers.minor(istio)), None)


def of_envoy(envoy: str) -> Line | None:
    """The line whose proxy is made from a version of Envoy."""
    return next((line for line in LINES if line.envoy == numbers.minor(envoy)), None)


def pinned() -> Line:
    """The line of the Istio that this checkout pins."""
    return next(line for line in LINES if line.istio == numbers.minor(versions.ISTIO.version))
