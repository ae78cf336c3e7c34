import dataclasses
from pathlib import Path

import pytest

from tests.unit.environments.making import entry, living
from tether.environments import labels
from tether.environments.registry import Entry, Phase


def lost(one: Entry) -> Entry:
    return dataclasses.replace(one, phase=Phase.LOST, clusters=0)


def test_an_environment_is_known_again_by_its_labels(tmp_path: Path) -> None:
    for one in (entry(tmp_path), entry(tmp_path, owner=living(), expires=None)):
        assert labels.read(labels.decode(labels.encode(labels.of(one)))) == lost(one)


def test_labels_of_others_tell_of_none(tmp_path: Path) -> None:
    good = labels.of(entry(tmp_path))
    broken = [{}, {"io.x-k8s.kind.cluster": "x"}, {**good, "tether-env.name": "../x"}]
    broken += [{**good, "tether-env.created": "then"}, {key: good[key] for key in list(good)[1:]}]
    assert [labels.read(one) for one in broken] == [None] * len(broken)


@pytest.mark.parametrize("value", ["[]", "3", "{"])
def test_a_variable_of_another_form_is_refused(value: str) -> None:
    with pytest.raises(ValueError, match=r"TETHER_CONTAINER_LABELS|Expecting"):
        labels.decode(value)
    assert labels.decode(" ") == {}
