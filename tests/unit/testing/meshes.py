"""A mesh of two clusters that exist in memory only."""

import json
from collections.abc import Mapping
from pathlib import Path

from tests.unit.kube.fake_api import FakeApi
from tether.mesh import Blueprint, Cluster, Member
from tether.mesh import Mesh as Opened
from tether.testing.mesh import Mesh
from tether.testing.place import Place
from tether.topology import Role

PRIMARY, REMOTE = "cluster1", "cluster2"


def kubeconfig(name: str) -> str:
    document: dict[str, object] = {
        "apiVersion": "v1", "kind": "Config", "current-context": "kind",
        "contexts": [{"name": "kind", "context": {"cluster": "kind", "user": "me"}}],
        "clusters": [{"name": "kind", "cluster": {"server": f"https://{name}"}}], "users": [{"name": "me", "user": {}}],
    }  # fmt: skip
    return json.dumps(document)


def resources(*listed: tuple[str, str, bool]) -> Mapping[str, object]:
    return {"resources": [{"name": name, "kind": kind, "namespaced": inside} for name, kind, inside in listed]}


def fake_api() -> FakeApi:
    api = FakeApi()
    api.objects["/api/v1"] = resources(
        ("services", "Service", True), ("services/status", "Service", True), ("namespaces", "Namespace", False)
    )
    api.objects["/apis/apps/v1"] = resources(("deployments", "Deployment", True))
    return api


def mesh(folder: Path, *, name: str = "kind") -> tuple[Mesh, dict[str, FakeApi]]:
    apis = {PRIMARY: fake_api(), REMOTE: fake_api()}
    apis[PRIMARY].objects["/apis/security.istio.io/v1"] = resources(("peerauthentications", "PeerAuthentication", True))
    members = [
        Member(name=cluster, role=Role.PRIMARY if cluster == PRIMARY else Role.REMOTE, kubeconfig=kubeconfig(cluster))
        for cluster in apis
    ]
    opened = Opened(
        blueprint=Blueprint(members=tuple(members)),
        clusters=tuple(Cluster(member=member, api=apis[member.name]) for member in members),
    )
    return Mesh(Place(name=name, folder=folder, is_environment=False), opened, folder), apis
