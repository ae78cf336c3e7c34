"""The Go programs: which module, which flags, which version they say they are.

Stamps are where upstream's own release build sets them, so that ``--version``
and what a program asks for (kubeadm its image tags, istioctl its hub) are right.
"""

import json
import os
import shutil
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from tether import versions
from tether.versions import IstioLine
from toolchain import golang, kubernetes_sdk
from toolchain.golang import Program
from toolchain.store import Artefact, Workshop

ISTIO_HUB = "tether.test/istio"
"""Where Istio's images would come from; nobody is asked, they lie in the node image."""

PULUMI_TAGS = "osusergo,grpcnotrace"
"""Of the engine and of the random plugin, whose go.mod names the engine's versions: shared packages compile once."""
ISTIO_TAGS = "vtprotobuf,disable_pgv"
KUBERNETES_BUILD_DATE = "2026-01-01T00:00:00Z"
"""kubectl wants a date; a real one would make every build another artefact."""


def _kubernetes_stamps() -> dict[str, str]:
    version = versions.KUBERNETES.version
    major, minor, _ = version.split(".")
    package = "k8s.io/component-base/version"
    return {
        f"{package}.gitVersion": f"v{version}",
        f"{package}.gitMajor": major,
        f"{package}.gitMinor": minor,
        f"{package}.gitTreeState": "clean",
        f"{package}.buildDate": KUBERNETES_BUILD_DATE,
        "k8s.io/client-go/pkg/version.gitVersion": f"v{version}",
    }


@dataclass(frozen=True, kw_only=True)
class IstioPrograms:
    """What of Istio is built for each of its lines."""

    pilot: Artefact
    agent: Artefact
    istioctl: Artefact


@cache
def istio(line: IstioLine) -> IstioPrograms:
    """The programs of one line of Istio."""
    return IstioPrograms(
        pilot=_istio(line, "pilot-discovery", {"pilot-discovery": "istio.io/istio/pilot/cmd/pilot-discovery"}),
        agent=_istio(
            line, "pilot-agent", {"pilot-agent": "istio.io/istio/pilot/cmd/pilot-agent"}, f"agent,{ISTIO_TAGS}"
        ),
        istioctl=_istio(line, "istioctl", {"istioctl": "istio.io/istio/istioctl/cmd/istioctl"}),
    )


def _istio(line: IstioLine, name: str, packages: dict[str, str], tags: str = ISTIO_TAGS) -> Artefact:
    package = "istio.io/istio/pkg/version"
    stamps = {
        f"{package}.buildVersion": line.build.version,
        f"{package}.buildGitRevision": line.build.module_version.rpartition("-")[2],
        f"{package}.buildStatus": "Clean",
        f"{package}.buildTag": line.build.version,
        f"{package}.buildHub": ISTIO_HUB,
    }
    return golang.artefact(Program(name=name, wrapper=line.wrapper, packages=packages, tags=tags, stamps=stamps))


def _complete_kubernetes(workshop: Workshop, source: Path) -> None:
    """Make the two files that upstream's generator makes and does not publish, and leave out most of its SDK."""
    folder = golang.module_folder(workshop, "pulumi-kubernetes", versions.PULUMI_KUBERNETES)
    published = folder / "cmd" / "pulumi-resource-kubernetes"
    schema = json.loads((published / "schema.json").read_text())
    schema["version"] = versions.PULUMI_KUBERNETES.version
    (source / "schema-embed.json").write_text(json.dumps(schema, separators=(",", ":")))
    shutil.copyfile(published / "terraform-mapping.json", source / "terraform-mapping-embed.json")
    pin = replace(versions.PULUMI_KUBERNETES, module=kubernetes_sdk.MODULE, module_version=f"v{schema['version']}")
    sdk = golang.module_folder(workshop, "pulumi-kubernetes", pin)
    kubernetes_sdk.reduce(sdk, source / "sdk", source / "kinds" / "register.go")
    golang.replace_module(workshop, source, pin.module, source / "sdk")


def _embed_random_schema(workshop: Workshop, source: Path) -> None:
    """Make the schema with the bridge's own generator, as upstream's release does."""
    generator = source / "generator"
    # The generator's package embeds nothing, so it compiles before the files exist.
    golang.compile_package(PULUMI_RANDOM_PROGRAM, workshop, source, "./tfgen", generator)
    made = source / "made"
    workshop.run(generator, "schema", "--out", made, cwd=source, env=_with_home(made))
    for name in ("schema.json", "bridge-metadata.json"):
        (made / name).rename(source / name)
    generator.unlink()


def _with_home(folder: Path) -> dict[str, str]:
    """The generator looks for plugins in the home folder; it shall find none."""
    return {**os.environ, "PULUMI_HOME": str(folder / "home"), "PULUMI_SKIP_UPDATE_CHECK": "true"}


KUBERNETES = golang.artefact(
    Program(name="kubernetes", wrapper="kubernetes", packages={"kubernetes": "."}, stamps=_kubernetes_stamps())
)
"""One executable for kubeadm, kubelet, kubectl, etcd and the control plane; its name says which one it is."""

PULUMI = golang.artefact(
    Program(
        name="pulumi",
        wrapper="pulumi",
        packages={"pulumi": "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi"},
        tags=PULUMI_TAGS,
        stamps={"github.com/pulumi/pulumi/sdk/v3/go/common/version.Version": f"v{versions.PULUMI.version}"},
    )
)
PULUMI_KUBERNETES = golang.artefact(
    Program(
        name="pulumi-kubernetes",
        wrapper="pulumi-kubernetes",
        packages={"pulumi-resource-kubernetes": "."},
        stamps={f"{versions.PULUMI_KUBERNETES.module}/pkg/version.Version": versions.PULUMI_KUBERNETES.version},
        generate=_complete_kubernetes,
    )
)
PULUMI_RANDOM_PROGRAM = Program(
    name="pulumi-random",
    wrapper="pulumi-random",
    packages={"pulumi-resource-random": "."},
    tags=PULUMI_TAGS,
    stamps={"tether.test/toolchain/pulumi-random/bridge.Version": versions.PULUMI_RANDOM.version},
    generate=_embed_random_schema,
)
PULUMI_RANDOM = golang.artefact(PULUMI_RANDOM_PROGRAM)
HELM = golang.artefact(
    Program(
        name="helm",
        wrapper="pulumi-kubernetes",
        packages={"helm": "helm.sh/helm/v3/cmd/helm"},
        stamps={
            "helm.sh/helm/v3/internal/version.version": golang.required_version("pulumi-kubernetes", "helm.sh/helm/v3")
        },
    )
)
"""For the benchmark's step-by-step sequence only; of the version that the Kubernetes plugin is linked with."""
ACTIONLINT = golang.artefact(
    Program(
        name="actionlint",
        wrapper="actionlint",
        packages={"actionlint": "github.com/rhysd/actionlint/cmd/actionlint"},
        stamps={f"{versions.ACTIONLINT.module}.version": versions.ACTIONLINT.version},
    )
)
"""For the tests of the pipelines only."""
PULUMI_YAML = golang.artefact(
    Program(
        name="pulumi-language-yaml",
        wrapper="pulumi-yaml",
        packages={"pulumi-language-yaml": "github.com/pulumi/pulumi-yaml/cmd/pulumi-language-yaml"},
        tags=PULUMI_TAGS,
        stamps={f"{versions.PULUMI_YAML.module}/pkg/version.Version": f"v{versions.PULUMI_YAML.version}"},
    )
)
"""Language host of YAML programs, for the tests that use the components from one."""
ECHO = _istio(
    versions.DEFAULT_LINE,
    "istio-echo",
    {"server": "istio.io/istio/pkg/test/echo/cmd/server", "client": "istio.io/istio/pkg/test/echo/cmd/client"},
)
"""Of one line for all: it is an application, which no istiod and no proxy asks for its version."""
KIND = golang.artefact(Program(name="kind", wrapper="kind", packages={"kind": "sigs.k8s.io/kind"}))
COREDNS = golang.artefact(Program(name="coredns", wrapper="coredns", packages={"coredns": "."}))
METALLB = golang.artefact(
    Program(
        name="metallb",
        wrapper="metallb",
        packages={"controller": "go.universe.tf/metallb/controller", "speaker": "go.universe.tf/metallb/speaker"},
    )
)
