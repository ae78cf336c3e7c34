"""What a cluster in a cloud needs on this machine: a package of the program's, and a program that logs in."""

import importlib.util
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tether.errors import Problem
from tether.settings.wording import shown, subject
from tether.topology import Platform


@dataclass(frozen=True, kw_only=True)
class Tools:
    """The tools of one cloud."""

    package: str
    """Python package that makes the cluster; the extra of the platform's name brings it."""
    login: str = ""
    """Program that the cluster's kubeconfig calls; empty where the kubeconfig needs none."""
    login_comes_from: str = ""

    @property
    def module(self) -> str:
        """What the package is imported by."""
        return self.package.replace("-", "_")


TOOLS: Mapping[Platform, Tools] = {
    Platform.EKS: Tools(package="pulumi-aws", login="aws", login_comes_from="the AWS CLI"),
    Platform.GKE: Tools(
        package="pulumi-gcp",
        login="gke-gcloud-auth-plugin",
        login_comes_from="the Google Cloud CLI: gcloud components install gke-gcloud-auth-plugin",
    ),
    Platform.AKS: Tools(package="pulumi-azure"),
}


def _has_module(name: str) -> bool:
    return importlib.util.find_spec(name) is not None


def _has_program(name: str) -> bool:
    return shutil.which(name) is not None


def check(
    clusters: Sequence[Mapping[str, Any]],
    project: str,
    *,
    has_module: Callable[[str], bool] = _has_module,
    has_program: Callable[[str], bool] = _has_program,
) -> Iterator[Problem]:
    """Look for the tools of every cluster's platform, as it was written.

    Args:
        clusters: The list of the settings.
        project: Namespace of the settings, for messages.
        has_module: Whether a Python module can be imported.
        has_program: Whether a program is on PATH.
    """
    for index, cluster in enumerate(clusters):
        platform = str(cluster.get("platform", ""))
        tools = TOOLS.get(Platform(platform)) if platform in set(Platform) else None
        if tools is None:
            continue
        path = ("clusters", index, "platform")
        about, seen = subject(path, project), shown(path, platform)
        if not has_module(tools.module):
            yield Problem(
                subject=about, shown=seen, wrong=f"needs the Python package {tools.package}, which is not installed",
                why="the clouds' packages are large, so each is an extra",
                fix=f"make clouds  # or the one alone: uv sync --inexact --extra {platform}",
            )  # fmt: skip
        if tools.login and not has_program(tools.login):
            yield Problem(
                subject=about, shown=seen, wrong=f"needs the program {tools.login}, which is not on PATH",
                why="the cluster's kubeconfig asks it for tokens that live for minutes, and keeps none itself",
                fix=f"Install it; it comes with {tools.login_comes_from}",
            )  # fmt: skip
