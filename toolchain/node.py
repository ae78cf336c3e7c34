"""The kind node image: Debian, kind's own base files, one Kubernetes executable, every pod image inside."""

import json
from functools import cache
from pathlib import Path

from tether import versions
from tether.versions import IstioLine
from toolchain import archive, debian, golang, images, programs
from toolchain.archive import Image
from toolchain.places import PACKAGE
from toolchain.store import Artefact, Workshop

REPOSITORY = "tether.test/node"
FILES = PACKAGE / "recipes" / "node"
ARCHIVE = "node.tar"


@cache
def node_image(line: IstioLine) -> Artefact:
    """``node.tar``, ready to be loaded, and ``image.json`` with its reference and ID."""
    return Artefact(
        name="node-image",
        make=lambda workshop: _make_node(workshop, reference(line)),
        inputs={"kind": versions.KIND.module_version, "kubernetes": versions.KUBERNETES.version},
        files=(FILES, Path(__file__), Path(archive.__file__)),
        needs=(debian.NODE_ROOT, programs.KUBERNETES, images.pod_images(line)),
    )


def reference(line: IstioLine) -> str:
    """The image's name; the tag is the digest of all that goes in, so other contents have another name."""
    return f"{REPOSITORY}:v{versions.KUBERNETES.version}-{node_image(line).digest}"


def _make_node(workshop: Workshop, reference: str) -> None:
    needs = workshop.needs
    kind = golang.module_folder(workshop, "kind", versions.KIND)
    workshop.run(
        *debian.as_root(), "unshare", "--mount", "--pid", "--fork", "bash", FILES / "assemble.sh",
        needs[debian.NODE_ROOT.name] / "layer.tar",
        kind / "images" / "base" / "files",
        FILES,
        needs[programs.KUBERNETES.name] / "kubernetes",
        needs[images.POD_IMAGES] / "images.tar",
        f"v{versions.KUBERNETES.version}",
        images.PAUSE,
        workshop.draft,
    )  # fmt: skip
    debian.give_back(workshop)
    layer = workshop.draft / "layer.tar"
    image = Image(
        reference=reference,
        layers=(layer,),
        entrypoint=("/usr/local/bin/entrypoint", "/sbin/init"),
        environment={"container": "docker"},
        stop_signal="SIGRTMIN+3",
    )
    ids = archive.write_archive(workshop.draft / ARCHIVE, [image], debian.architecture())
    (workshop.draft / "image.json").write_text(json.dumps({"reference": reference, "id": ids[reference]}) + "\n")
    layer.unlink()
