import pytest

from tests.unit.removal.fake_remote import NAMESPACE, SECRETS, FakeRemote, put_record
from tether.removal import releases


def only(cluster: FakeRemote) -> releases.Release:
    (release,) = releases.installed(cluster, NAMESPACE)
    return release


def test_a_release_is_judged_by_its_newest_record() -> None:
    cluster = FakeRemote()
    for version, status in ((9, "superseded"), (10, "deployed")):
        put_record(cluster, "istiod", version, status)
    assert str(only(cluster)) == "Helm release istio-system/istiod"
    assert not only(cluster).is_stuck


@pytest.mark.parametrize("status", ["pending-install", "pending-upgrade", "pending-rollback", "uninstalling"])
def test_a_release_that_helm_died_in_is_stuck(status: str) -> None:
    cluster = FakeRemote()
    put_record(cluster, "istiod", 1, status)
    assert str(only(cluster)) == f"Helm release istio-system/istiod, stuck in {status}"


def test_of_a_stuck_release_only_the_newest_record_goes_where_an_older_one_is_deployed() -> None:
    cluster = FakeRemote()
    put_record(cluster, "istiod", 1, "deployed")
    put_record(cluster, "istiod", 2, "pending-upgrade")
    assert releases.mend(cluster, only(cluster))
    assert cluster.written == [f"{SECRETS}/sh.helm.release.v1.istiod.v2"]
    assert not only(cluster).is_stuck


def test_a_stuck_release_with_nothing_to_go_back_to_is_left_as_it_is() -> None:
    cluster = FakeRemote()
    put_record(cluster, "istiod", 1, "pending-install")
    assert not releases.mend(cluster, only(cluster))
    assert cluster.written == []
