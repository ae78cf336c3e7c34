"""Who holds the lock by which istiod leads in a remote, and how long nobody may."""

import datetime

import pytest

from tests.unit.doctor.fake_mesh import SYSTEM, FakeMesh, put_leader
from tether.doctor.check import Status


@pytest.mark.parametrize(
    ("began", "renewed", "status"),
    [(20, 5, Status.OK), (70, 45, Status.OK), (40, 300, Status.OK), (300, 5, Status.WRONG), (70, 55, Status.WRONG)],
    ids=["that one still ends", "that one has ended", "that one hung", "another one goes on", "it never follows"],
)
def test_a_new_istiod_may_wait_for_the_lock_of_the_one_before(
    mesh: FakeMesh, began: float, renewed: float, status: Status
) -> None:
    created = datetime.datetime.now(datetime.UTC) - datetime.timedelta(seconds=began)
    mesh.primary.objects[f"{SYSTEM}/pods/istiod-1"]["metadata"]["creationTimestamp"] = created.isoformat()
    put_leader(mesh.remote, "istiod-0", renewed)

    (found,) = (one for one in mesh.examine().findings if one.check.id == "D34")

    assert found.status is status, found.answer


@pytest.mark.parametrize(("age", "healthy"), [(4, True), (20, False)], ids=["just now", "a while ago"])
def test_a_lock_that_was_given_back_may_be_free_for_a_moment(mesh: FakeMesh, age: float, healthy: bool) -> None:
    """A remote whose credential was renewed is exchanged: one istiod's work ends there, and the next one's begins."""
    put_leader(mesh.remote, "", age)

    assert ("D34" not in {one.check.id for one in mesh.examine().wrong}) is healthy
