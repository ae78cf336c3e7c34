"""With what istiod reads the remotes: what is taken, what is refused, what holds for one remote."""

import datetime
import json
from typing import Any

import pytest

from tether import credential
from tether.credential import LEAST_LIFETIME_HOURS, MOST_LIFETIME_HOURS, RENEWED_AT, CredentialKind
from tether.errors import Problem, SettingsError
from tether.settings import Settings, read
from tether.settings.credential import RemoteCredential, RemoteCredentialSettings, in_force

HOUR = datetime.timedelta(hours=1)


def settings(mesh: Any = None, remote: Any = None, primary: Any = None) -> Settings:
    clusters: list[dict[str, Any]] = [
        {"name": "a", "role": "primary", "network": "net-a", **({"remoteCredential": primary} if primary else {})},
        {"name": "b", "role": "remote", "network": "net-b", **({"remoteCredential": remote} if remote else {})},
    ]
    raw = {"clusters": clusters, **({"remoteCredential": mesh} if mesh else {})}
    return read({f"tether:{key}": json.dumps(value) for key, value in raw.items()})


def problems(mesh: Any = None, remote: Any = None, primary: Any = None) -> dict[str, Problem]:
    with pytest.raises(SettingsError) as caught:
        settings(mesh, remote, primary)
    return {problem.subject: problem for problem in caught.value.problems}


def held(mesh: Any = None, remote: Any = None) -> tuple[CredentialKind, int]:
    chosen = settings(mesh, remote)
    found = in_force(chosen.remote_credential, chosen.clusters[1].remote_credential)
    return found.kind, found.lifetime_hours


def test_a_token_has_no_end_unless_somebody_asks_for_one() -> None:
    assert held()[0] is CredentialKind.TOKEN_SECRET
    assert in_force(RemoteCredentialSettings(), RemoteCredential()) == RemoteCredentialSettings()


def test_a_remote_takes_the_meshs_credential_and_lays_its_own_over_it() -> None:
    assert held({"kind": "bound", "lifetimeHours": 48}) == (CredentialKind.BOUND, 48)
    assert held({"kind": "bound", "lifetimeHours": 48}, {"lifetimeHours": 24}) == (CredentialKind.BOUND, 24)
    assert held({"kind": "bound"}, {"kind": "token-secret"})[0] is CredentialKind.TOKEN_SECRET
    assert held({"lifetimeHours": 48}, {"kind": "bound"}) == (CredentialKind.BOUND, 48)


def test_all_that_is_wrong_with_credentials_is_told_at_once() -> None:
    found = problems({"kind": "bond", "lifetimeHours": 1}, {"lifetimeHours": 10**6, "lifetime": 2})
    assert set(found) == {
        "tether:remoteCredential.kind",
        "tether:remoteCredential.lifetimeHours",
        "tether:clusters[1].remoteCredential.lifetimeHours",
        "tether:clusters[1].remoteCredential.lifetime",
    }
    assert found["tether:remoteCredential.kind"].fix.endswith(" bound")
    assert found["tether:remoteCredential.lifetimeHours"].fix.endswith(f" {LEAST_LIFETIME_HOURS}")
    assert found["tether:clusters[1].remoteCredential.lifetimeHours"].fix.endswith(f" {MOST_LIFETIME_HOURS}")


def test_a_lifetime_of_what_never_ends_is_refused() -> None:
    ((subject, problem),) = problems(remote={"lifetimeHours": 24}).items()
    assert subject == "tether:clusters[1].remoteCredential.lifetimeHours"
    assert problem.fix == "pulumi config set --path 'tether:clusters[1].remoteCredential.kind' bound"


def test_a_primary_is_read_without_a_credential() -> None:
    ((subject, problem),) = problems(primary={"kind": "bound"}).items()
    assert subject == "tether:clusters[0].remoteCredential"
    assert problem.fix == "pulumi config rm --path 'tether:clusters[0].remoteCredential'"


@pytest.mark.parametrize("hours", [LEAST_LIFETIME_HOURS, 24, MOST_LIFETIME_HOURS])
def test_whoever_is_warned_can_renew(hours: int) -> None:
    lifetime = hours * HOUR
    for minutes in range(0, hours * 60 + 1, max(1, hours // 4)):
        left = datetime.timedelta(minutes=minutes)
        assert credential.is_due(left, lifetime) or not credential.ends_soon(left, lifetime)


def test_two_runs_within_one_lifetime_keep_a_token_alive() -> None:
    lifetime = 24 * HOUR
    assert not credential.is_due(lifetime * RENEWED_AT, lifetime)
    assert credential.is_due(lifetime * RENEWED_AT - HOUR / 60, lifetime)
