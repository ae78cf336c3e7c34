"""The rules: pure functions over versions, so that each finding can be shown without such a mesh."""

from collections.abc import Iterator, Mapping, Sequence

from tether import versions
from tether.compatibility import bad_releases, lines, numbers
from tether.compatibility.chart import Claim
from tether.compatibility.lines import Line
from tether.errors import Problem
from tether.parts import FILE, Parts
from tether.preflight import Finding
from tether.settings.wording import fix, remove, shown, subject
from tether.topology import ClusterPlan, Topology

SKEW_SOURCE = "https://istio.io/latest/docs/releases/supported-releases/#control-planedata-plane-skew"
SKEW_RULE = "istiod may be one minor version ahead of a proxy, and a proxy never ahead of istiod"
"""Istio's own rule (SKEW_SOURCE)."""
CHOOSE_PARTS = f"rm {FILE} && make tools  # takes Istio {versions.ISTIO_RELEASE.version}, or the build that is pinned"
_SKEW_BREAKS = "proxies may refuse configuration that they do not know, and then serve stale routes or never get ready"
_TOO_OLD_BREAKS = "Istio does not test it; its API server may refuse objects or requests that this Istio relies on"
_TOO_NEW_BREAKS = "Istio did not test it; an API that this Istio uses may be gone or changed"


def istio(version: str) -> Iterator[Finding]:
    """Judge a version of Istio: of a line that is known, and none that is known to be bad."""
    for bad in bad_releases.of(version):
        yield _refused(
            "istio_version", version, CHOOSE_PARTS,
            wrong=f"{bad.wrong} ({bad.link}); fixed in {numbers.said(bad.fixed)}", why=bad.breaks,
        )  # fmt: skip
    if lines.of(version) is None:
        known = ", ".join(line.name for line in lines.LINES)
        yield _refused(
            "istio_version", version, CHOOSE_PARTS, wrong=f"is of no line that Tether knows: {known}",
            why="which Kubernetes and which proxies go with it is not known here, and no test covers it",
        )  # fmt: skip


def kubernetes(plan: Topology, parts: Parts, answers: Mapping[str, str], project: str) -> Iterator[Finding]:
    """Judge the Kubernetes of every cluster, as far as it is known.

    Args:
        plan: The mesh.
        parts: The parts in use; their node image carries the kind clusters that name no other.
        answers: What the API servers of existing clusters said, by cluster.
        project: Namespace of the settings, for messages.
    """
    line = lines.of(parts.istio_version)
    if line is None:
        return
    if any(cluster.is_kind and cluster.node_image is None for cluster in plan.clusters):
        yield from _kubernetes(
            line, parts.kubernetes_version, f"{FILE}: kubernetes_version", parts.kubernetes_version, CHOOSE_PARTS
        )
    for cluster in plan.clusters:
        version = _chosen(cluster) if cluster.is_made else answers.get(cluster.name)
        if version:
            yield from _kubernetes(line, version, *_words(cluster, version, line, project))


def _chosen(cluster: ClusterPlan) -> str | None:
    """The version that the settings chose, by a node image or in a cloud."""
    return cluster.kubernetes_version if cluster.node_image is not None or cluster.cloud else None


def _words(cluster: ClusterPlan, version: str, line: Line, project: str) -> tuple[str, str, str]:
    """Subject, what is shown, and the fix."""
    if cluster.is_kind:
        path = ("clusters", cluster.index, "nodeImage")
        return subject(path, project), shown(path, cluster.node_image), remove(path, project)
    oldest, newest = numbers.said(line.kubernetes_oldest), numbers.said(line.kubernetes_newest)
    if cluster.cloud:
        path = ("clusters", cluster.index, cluster.platform.value, "version")
        return subject(path, project), shown(path, version), fix(path, newest, project)
    key = "context" if cluster.context else "kubeconfig"
    return (
        subject(("clusters", cluster.index, key), project), f"{cluster.name} with Kubernetes {version}",
        f"Bring cluster {cluster.name} to a Kubernetes from {oldest} to {newest}.",
    )  # fmt: skip


def _kubernetes(line: Line, version: str, about: str, seen: str, way_out: str) -> Iterator[Finding]:
    found = numbers.minor(version)
    if found is None or line.kubernetes_oldest <= found <= line.kubernetes_newest:
        return
    is_old = found < line.kubernetes_oldest
    if is_old:
        wrong = f"Istio {line.name} needs Kubernetes {numbers.said(line.kubernetes_oldest)} or newer ({line.source})"
    else:
        newest = numbers.said(line.kubernetes_newest)
        wrong = f"the newest Kubernetes that Istio {line.name} was announced for is {newest} ({line.source})"
    problem = Problem(
        subject=about, shown=seen, wrong=wrong, why=_TOO_OLD_BREAKS if is_old else _TOO_NEW_BREAKS, fix=way_out
    )
    yield Finding(problem=problem, fatal=is_old)


def is_old(version: str, line: Line) -> bool:
    """Whether a Kubernetes is below what a line needs; one that cannot be read is taken for old."""
    return (numbers.minor(version) or (0, 0)) < line.kubernetes_oldest


def proxies(parts: Parts) -> Iterator[Finding]:
    """Judge the distance between istiod and the proxies that this update brings."""
    istiod = numbers.minor(parts.istio_version)
    if parts.data_plane == "envoy":
        key, value = "envoy_version", parts.envoy_version
        line = lines.of_envoy(value)
        proxy = line.istio if line else None
        if line is None:
            yield _refused(
                key, value, CHOOSE_PARTS, why=_SKEW_BREAKS, wrong="is the Envoy of no line of Istio that Tether knows"
            )
    else:
        key, value = "images.proxy", parts.images.proxy
        proxy = numbers.minor(value.partition("@")[0].rpartition("/")[2].partition(":")[2])
    if istiod and proxy and not fit(istiod, proxy):
        yield _refused(
            key, value, CHOOSE_PARTS, why=_SKEW_BREAKS,
            wrong=f"is a proxy of Istio {numbers.said(proxy)} beside an istiod of {numbers.said(istiod)}: {SKEW_RULE} "
            f"({SKEW_SOURCE})",
        )  # fmt: skip


def standing(parts: Parts, running: str) -> Iterator[Finding]:
    """Judge the distance between the new istiod and the proxies that run now.

    Args:
        parts: The parts in use.
        running: Version of Istio that the mesh has now; empty where there is none yet.
    """
    istiod, proxy = numbers.minor(parts.istio_version), numbers.minor(running)
    if istiod is None or proxy is None or fit(istiod, proxy):
        return
    yield Finding(
        problem=Problem(
            subject="stack output mesh.istioVersion", shown=running,
            wrong=f"its proxies would meet an istiod of {numbers.said(istiod)}: {SKEW_RULE} ({SKEW_SOURCE})",
            why=_SKEW_BREAKS, fix=_way_to_stand(istiod, proxy),
        )
    )  # fmt: skip


def _way_to_stand(istiod: numbers.Minor, proxy: numbers.Minor) -> str:
    """How a mesh stays with its line or gets to the next one, by this checkout where it can make that line."""
    goes_on = istiod > proxy
    line = numbers.said((proxy[0], proxy[1] + 1) if goes_on else proxy)
    if any(made.name == line for made in versions.ISTIO_LINES):
        command = f"{versions.LINE_VARIABLE}={line} make up"
        return f"{command}  # then restart its workloads, and go on from there" if goes_on else command
    if goes_on:
        return f"Go line by line: bring the mesh up with a checkout that pins Istio {line}, restart its workloads."
    return f"Stay with a checkout of Tether that pins Istio {line}."


def fit(istiod: numbers.Minor, proxy: numbers.Minor) -> bool:
    """Whether an istiod may serve a proxy (SKEW_RULE)."""
    return istiod[0] == proxy[0] and 0 <= istiod[1] - proxy[1] <= 1


def charts(claims: Sequence[Claim]) -> Iterator[Finding]:
    """Judge whether every chart is of the version that goes with the images."""
    for claim in claims:
        if claim.trouble:
            wrong = f"its Chart.yaml cannot be read: {claim.trouble}"
        elif claim.differences:
            wrong = (
                f"its Chart.yaml says {', '.join(claim.differences)}; {claim.name} {claim.wanted} goes with the images"
            )
        else:
            continue
        yield _refused(
            f"charts.{claim.name}", claim.path, CHOOSE_PARTS, wrong=wrong,
            why="templates of another version leave out objects and settings that these images need, or make others",
        )  # fmt: skip


def _refused(key: str, value: str, way_out: str, *, wrong: str, why: str) -> Finding:
    return Finding(problem=Problem(subject=f"{FILE}: {key}", shown=value, wrong=wrong, why=why, fix=way_out))


def permission(project: str) -> str:
    """The command that allows all of it for good."""
    return fix(["allowUnsupported"], "true", project)
