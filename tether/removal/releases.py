"""Helm releases of a cluster as Helm's own records tell them, and those that Helm cannot go on with."""

import collections
from dataclasses import dataclass

from tether import kube, metadata

_DEPLOYED = "deployed"
_UNFINISHED = frozenset({"pending-install", "pending-upgrade", "pending-rollback", "uninstalling"})
"""States of a release in which Helm died (helm.sh/helm pkg/release, Status)."""


@dataclass(frozen=True, kw_only=True)
class Release:
    """A release, judged by its newest record."""

    name: str
    namespace: str
    status: str
    record: str
    """Path of the newest record, a Secret."""
    has_older: bool
    """An older revision counts as deployed, so that the release still has one without the newest."""

    @property
    def is_stuck(self) -> bool:
        """Whether Helm left it in the middle of something."""
        return self.status in _UNFINISHED

    def __str__(self) -> str:
        stuck = f", stuck in {self.status}" if self.is_stuck else ""
        return f"Helm release {self.namespace}/{self.name}{stuck}"


def installed(api: kube.Api, namespace: str) -> list[Release]:
    """Releases of a namespace by name.

    Raises:
        tether.kube.KubeError: the cluster does not answer or refuses.
    """
    secrets = f"/api/v1/namespaces/{namespace}/secrets"
    by_name: dict[str, list[kube.Object]] = collections.defaultdict(list)
    for record in kube.items(api.get(secrets, {"labelSelector": "owner=helm"})):
        by_name[metadata.labels(record)["name"]].append(record)
    return [_release(secrets, namespace, name, records) for name, records in sorted(by_name.items())]


def _release(secrets: str, namespace: str, name: str, records: list[kube.Object]) -> Release:
    *older, newest = sorted(records, key=lambda record: int(metadata.labels(record)["version"]))
    return Release(
        name=name,
        namespace=namespace,
        status=metadata.labels(newest)["status"],
        record=f"{secrets}/{metadata.name(newest)}",
        has_older=any(metadata.labels(record)["status"] == _DEPLOYED for record in older),
    )


def mend(api: kube.Api, release: Release) -> bool:
    """Make the last deployed revision of a stuck release count again.

    Returns:
        Whether there is one. Otherwise nothing was done: what the release put into the cluster has to be
        removed one by one.

    Raises:
        tether.kube.KubeError: the cluster does not answer or refuses.
    """
    if not release.has_older:
        return False
    api.delete(release.record)
    return True
