import threading
import time
from collections.abc import Mapping

from tests.unit.removal.fake_remote import FakeRemote
from tether import kube
from tether.removal import reach


def test_a_cluster_that_answers_is_not_silent_even_if_it_refuses() -> None:
    cluster = FakeRemote()
    assert reach.silence(cluster) == ""
    cluster.refuse("get /version", "version")
    assert reach.silence(cluster) == ""


def test_a_cluster_that_cannot_be_connected_to_says_why() -> None:
    cluster = FakeRemote()
    cluster.refused["get /version"] = kube.KubeError("https://west does not answer: no route to host")
    assert reach.silence(cluster) == "https://west does not answer: no route to host"


class Mute(FakeRemote):
    """Answers only when it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.speak = threading.Event()

    def get(self, path: str, query: Mapping[str, str] | None = None) -> kube.Object:
        self.speak.wait(30)
        return super().get(path, query)


def test_nobody_waits_longer_than_said() -> None:
    cluster = Mute()
    began = time.monotonic()
    assert reach.silence(cluster, patience=0.05) == "no answer within 0 s"
    assert time.monotonic() - began < 5
    cluster.speak.set()
