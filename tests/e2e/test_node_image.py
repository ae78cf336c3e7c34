"""A cluster whose node image cannot be had."""

from tests.e2e.environment import TETHER, Environment, things_of

PRIMARY = {"name": "cluster1", "role": "primary", "network": "network1"}
REMOTE = {"name": "cluster2", "role": "remote", "network": "network2"}


def test_a_node_image_that_does_not_exist_fails_by_name_and_leaves_nothing() -> None:
    clusters = [{**one, "nodeImage": "tether.test/absent:v1.34.4"} for one in (PRIMARY, REMOTE)]
    environment = Environment(settings={"clusters": clusters})
    suffix = ""
    try:
        ran = environment.run(TETHER, "up")
        suffix = environment.suffix
        assert ran.code == 1, ran.talk
        assert "nodeImage" in ran.talk
        assert "tether.test/absent:v1.34.4" in ran.talk
        assert "Traceback" not in ran.talk
    finally:
        environment.remove()
    assert suffix
    assert things_of(suffix) == []
