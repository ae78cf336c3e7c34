"""With what istiod reads a remote: which resource makes it, what it goes into, in which order."""

import base64
import json
from pathlib import Path
from typing import Any

import pulumi
import pytest
import yaml

from components.mesh import Mesh
from tests.contract.conftest import LABELS, mesh_args
from tests.contract.recording import TOKEN, Recording, is_secret, record
from tether.credential import CredentialKind
from tether.settings import read
from tether.settings.credential import in_force

BOUND = "tether:index:BoundToken"
SECRET = "kubernetes:core/v1:Secret"


def names(recording: Recording, kind: str) -> set[str]:
    return {one.name for one in recording.all() if one.type == kind}


def test_each_remote_has_the_credential_that_was_asked_for(bound_credentials: Recording) -> None:
    assert names(bound_credentials, BOUND) == {"cluster2-reader-token", "cluster3-reader-token"}
    assert "cluster4-reader-token" in names(bound_credentials, SECRET)
    assert not {"cluster2-reader-token", "cluster3-reader-token"} & names(bound_credentials, SECRET)
    hours = {name: bound_credentials.one(BOUND, f"{name}-reader-token").inputs["lifetimeHours"]
             for name in ("cluster2", "cluster3")}  # fmt: skip
    assert hours == {"cluster2": 48, "cluster3": 24}


def test_without_a_word_of_it_nothing_is_bound(two_clusters: Recording) -> None:
    assert names(two_clusters, BOUND) == set()
    assert "triggers" not in two_clusters.one("tether:index:RemoteReady", "cluster2").inputs


def test_a_bound_token_is_the_readers_and_is_kept_secret(bound_credentials: Recording) -> None:
    made = bound_credentials.one(BOUND, "cluster2-reader-token")
    remote = bound_credentials.one("tether:index:Remote", "cluster2")
    assert made.inputs["serviceAccount"] == "istio-reader-service-account"
    assert made.inputs["namespace"] == "istio-system"
    assert made.inputs["labels"] == LABELS
    assert is_secret(made.inputs["kubeconfig"])
    assert made.secret_outputs == {"token"}
    assert bound_credentials.is_below(made, remote)


def test_both_kinds_give_a_remote_secret_of_one_shape(bound_credentials: Recording) -> None:
    shapes: set[str] = set()
    for name in ("cluster2", "cluster4"):
        secret = bound_credentials.one(SECRET, name)
        assert is_secret(secret.inputs["data"])
        (content,) = secret.inputs["data"]["value"].values()
        kubeconfig: dict[str, Any] = yaml.safe_load(base64.b64decode(content))
        assert kubeconfig["users"] == [{"name": name, "user": {"token": TOKEN}}]
        meta = secret.inputs["metadata"]
        shapes.add(f"{sorted(meta)} {sorted(kubeconfig)}".replace(name, "NAME"))
    assert len(shapes) == 1


@pytest.mark.parametrize(
    ("later", "earlier", "because"),
    [
        ((BOUND, "cluster2-reader-token"), ("kubernetes:helm.sh/v3:Release", "cluster2-base"), "it brings the reader"),
        ((SECRET, "cluster2"), (BOUND, "cluster2-reader-token"), "the remote secret holds the token"),
        (("tether:index:RemoteReady", "cluster2"), (BOUND, "cluster2-reader-token"), "an old token goes after that"),
    ],
)
def test_this_waits_for_that(
    bound_credentials: Recording, later: tuple[str, str], earlier: tuple[str, str], because: str
) -> None:
    assert bound_credentials.reaches(bound_credentials.one(*later), bound_credentials.one(*earlier)), because


def test_another_token_has_istiod_asked_anew(bound_credentials: Recording) -> None:
    ready = bound_credentials.one("tether:index:RemoteReady", "cluster2")
    assert ready.inputs["triggers"] == {"credential": "reader-bound-1"}


def test_the_end_of_every_token_is_told_and_no_token() -> None:
    told: list[Any] = []

    def program() -> None:
        args = mesh_args("cluster2", "cluster3")
        args["clusters"][1]["bound_token_hours"] = 24
        made = Mesh("mesh", args)
        pulumi.Output.all(made.credentials.is_secret(), made.credentials).apply(told.append)

    record(program)

    ((hidden, listed),) = told
    assert not hidden
    assert listed == [
        {"cluster": "cluster2", "kind": "bound", "expiry": "2030-01-01T00:00:00+00:00"},
        {"cluster": "cluster3", "kind": "token-secret", "expiry": None},
    ]


def test_the_settings_of_the_how_to_can_be_used() -> None:
    page = (Path(__file__).parents[2] / "docs/how-to/renew-the-remote-credential.md").read_text()
    config = yaml.safe_load(page.partition("```yaml\n")[2].partition("```")[0])["config"]

    settings = read({key: json.dumps(value) for key, value in config.items()})

    kinds = [in_force(settings.remote_credential, cluster.remote_credential).kind for cluster in settings.clusters[1:]]
    assert set(kinds) == set(CredentialKind)
