"""Istio's own integration tests as programs, and the images that they want; built only for ``make conformance``."""

import shutil
from pathlib import Path

from tether import versions
from toolchain import archive, debian, golang, programs
from toolchain.archive import Entry, Image
from toolchain.golang import Program
from toolchain.store import Artefact, Workshop

WRAPPER = "istio-tests"
TAGS = f"integ,{programs.ISTIO_TAGS}"
PACKAGES = {"pilot": "tests/integration/pilot", "security": "tests/integration/security"}
"""Test program → its package in Istio's module; a test reads files beside its package."""
FILES = ("tests", "samples", "manifests", "pkg/test", "VERSION", "istio.deps")
"""What the tests read at run time, below the root of Istio's module (pkg/test/env/istio.go)."""
SOURCE = "source"
IMAGES = "images.tar"
EVENTS = "test2json"
"""Go's own program that turns the tests' output into one JSON event per line."""

PULL_POLICIES = {
    "samples/extauthz/ext-authz.yaml": ("imagePullPolicy: Always", "imagePullPolicy: IfNotPresent"),
    "manifests/charts/gateway/values.yaml": ('imagePullPolicy: ""', "imagePullPolicy: IfNotPresent"),
}
"""File of the tests → what it says of pulling, and what it must say where the nodes have the images and no registry
answers. The tests put their image's name into the first but leave its policy; the second leaves it to the API server,
which makes it Always for the tag of ``image: auto``."""

AUTHORIZATION_IMAGE = f"{programs.ISTIO_HUB}/ext-authz:{versions.ISTIO.version}"
TOKEN_IMAGE = "registry.istio.io/testing/jwt-server:0.8"  # noqa: S105 - a name, no secret
"""The name is written in Istio's samples/jwt-server/jwt-server.yaml; the image is built from the sources beside it."""


def _make_tests(workshop: Workshop) -> None:
    module = golang.module_folder(workshop, WRAPPER, versions.ISTIO)
    for name in FILES:
        _copy(module / name, workshop.draft / SOURCE / name)
    use_images_of_the_nodes(workshop.draft / SOURCE)
    for name, package in PACKAGES.items():
        workshop.run(
            golang.go_program(workshop.cache), "test", "-c", "-vet=off", "-tags", TAGS, "-ldflags", "-s -w",
            "-o", workshop.draft / f"{name}.test", f"{versions.ISTIO.module}/{package}",
            cwd=golang.WRAPPERS / WRAPPER, env=golang.environment(workshop.cache),
        )  # fmt: skip

    # `go tool` would compile it at every start, in a cache that nobody keeps.
    workshop.run(
        golang.go_program(workshop.cache), "build", "-o", workshop.draft / EVENTS, "cmd/test2json",
        cwd=golang.WRAPPERS / WRAPPER, env=golang.environment(workshop.cache),
    )  # fmt: skip


def use_images_of_the_nodes(source: Path) -> None:
    """Have the tests' own manifests and chart take the images that the nodes have.

    Raises:
        ValueError: a file does not say any more what would be replaced.
    """
    for name, (said, wanted) in PULL_POLICIES.items():
        text = (source / name).read_text()
        if said not in text:
            raise ValueError(f"{name} of Istio's tests has no {said!r} any more: toolchain/istio_tests.py")
        (source / name).write_text(text.replace(said, wanted))


def _copy(source: Path, target: Path) -> None:
    """Copy without the read-only modes of Go's module cache, which would forbid to write into the copy."""
    if source.is_file():
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
        return
    for path in sorted(source.rglob("*")):
        if path.is_file():
            _copy(path, target / path.relative_to(source))


def _make_images(workshop: Workshop) -> None:
    images: list[Image] = []
    for reference, program in ((AUTHORIZATION_IMAGE, "extauthz"), (TOKEN_IMAGE, "jwt-server")):
        layer = workshop.draft / f"{program}.tar"
        executable = f"/usr/local/bin/{program}"
        archive.write_layer(layer, [Entry(path=executable, source=workshop.needs[SERVERS.name] / program)])
        images.append(Image(reference=reference, layers=(layer,), entrypoint=(executable,)))
    archive.write_archive(workshop.draft / IMAGES, images, debian.architecture())
    for image in images:
        image.layers[0].unlink()


TESTS = Artefact(
    name="istio-tests",
    make=_make_tests,
    inputs={"go": versions.GO.version, "istio": versions.ISTIO.module_version, "tags": TAGS},
    files=(golang.WRAPPERS / WRAPPER, Path(__file__)),
    lane=golang.LANE,
)
"""``pilot.test``, ``security.test``, ``test2json``, and ``source`` with the files that the tests read."""

SERVERS = golang.artefact(
    Program(
        name="istio-test-servers",
        wrapper=WRAPPER,
        packages={
            "extauthz": "istio.io/istio/samples/extauthz/cmd/extauthz",
            "jwt-server": "istio.io/istio/samples/jwt-server/src",
        },
        tags=programs.ISTIO_TAGS,
    )
)
"""The external authorizer and the server of token keys that tests of tokens and CUSTOM policies ask."""

TEST_IMAGES = Artefact(
    name="istio-test-images",
    make=_make_images,
    files=(Path(__file__), Path(archive.__file__)),
    needs=(SERVERS,),
)
"""``images.tar`` with both servers, to be loaded into the nodes."""
