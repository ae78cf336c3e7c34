import json
from typing import Any

import pytest

from tests.unit.cli.workbench import STACK_YAML
from tether import settings
from tether.environments import settings_file
from tether.environments.settings_file import MOST_REMOTES
from tether.settings.stack import of_project

DECLARED = [{"name": "east", "role": "primary", "network": "a"}, {"name": "west", "role": "remote", "network": "b"}]


def clusters(text: str, remotes: int) -> list[dict[str, Any]]:
    document = settings_file.with_remotes(
        settings_file.read(text), remotes, project="tether", declared=DECLARED
    )  # fmt: skip
    return document["config"]["tether:clusters"]


@pytest.mark.parametrize("remotes", [1, 2, 5, MOST_REMOTES])
@pytest.mark.parametrize("text", [STACK_YAML, "config: {}", STACK_YAML.replace("cluster2", "cluster3")])
def test_every_number_of_remotes_makes_valid_settings(text: str, remotes: int) -> None:
    found = clusters(text, remotes)
    wanted = settings.read(of_project({"tether:clusters": json.dumps(found)}, "tether"), "tether")
    assert len(wanted.clusters) == 1 + remotes


def test_remotes_of_the_file_come_first_and_keep_their_settings() -> None:
    text = STACK_YAML + "    - name: far\n      role: remote\n      network: n\n      podCidr: 10.9.0.0/16\n"
    assert [one["name"] for one in clusters(text, 1)] == ["cluster1", "cluster2"]
    named = clusters(text, 3)
    assert [one["name"] for one in named] == ["cluster1", "cluster2", "far", "cluster3"]
    assert named[2]["podCidr"] == "10.9.0.0/16"


def test_a_file_that_lists_none_takes_those_of_the_project() -> None:
    assert [one["name"] for one in clusters("config: {tether:meshId: m}", 2)] == ["east", "west", "cluster2"]


def test_the_rest_of_the_file_stays() -> None:
    text = "encryptionsalt: v1:x\nconfig:\n  tether:meshId: m\n"
    document = settings_file.with_remotes(settings_file.read(text), 1, project="tether", declared=DECLARED)
    again = settings_file.read(settings_file.write(document))
    assert (again["encryptionsalt"], again["config"]["tether:meshId"]) == ("v1:x", "m")


@pytest.mark.parametrize(("text", "says"), [("a: [", "no valid YAML"), ("- a", "config"), ("config: 3", "config")])
def test_what_is_no_stack_file_is_refused(text: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        settings_file.read(text)


def test_secrets_are_seen_by_their_form() -> None:
    assert settings_file.has_secrets("encryptionsalt: v1:x\nconfig:\n  a:\n    secure: v1:y\n")
    assert not settings_file.has_secrets(STACK_YAML)
