from pathlib import Path

import pytest
import yaml

from tests.unit.cli.workbench import checkout
from tether.cli import cluster_list
from tether.cli.project import Project
from tether.errors import SettingsError

BLOCK = """\
# of the team
config:
  tether:clusters:
    - name: east
      role: primary # runs istiod
    - name: west
      helmValues:
        istiod:
          note: |
            two
            lines

    # the third
    - {name: north, role: remote}
  # and this
  tether:verify: "false"
encryptionsalt: v1:abc
"""


@pytest.fixture
def place(tmp_path: Path) -> Project:
    return checkout(tmp_path)


def without(place: Project, text: str, name: str) -> str:
    place.stack_file.write_text(text)
    return cluster_list.without(place, name)


def names(text: str) -> list[str]:
    return [one["name"] for one in yaml.safe_load(text)["config"]["tether:clusters"]]


@pytest.mark.parametrize(("name", "left"), [("west", ["east", "north"]), ("north", ["east", "west"])])
def test_one_entry_goes_and_every_other_line_stays(place: Project, name: str, left: list[str]) -> None:
    after = without(place, BLOCK, name)
    assert names(after) == left
    gone = set(BLOCK.splitlines()) - set(after.splitlines())
    assert not any(line.lstrip().startswith("#") for line in gone)
    before = yaml.safe_load(BLOCK)
    before["config"]["tether:clusters"] = [one for one in before["config"]["tether:clusters"] if one["name"] != name]
    assert yaml.safe_load(after) == before


@pytest.mark.parametrize("name", ["east", "west", "north"])
@pytest.mark.parametrize("break_", ["", "\n      "])
def test_entries_in_brackets_go_with_their_comma(place: Project, name: str, break_: str) -> None:
    entries = f",{break_} ".join(f"{{name: {one}, role: remote}}" for one in ("east", "west", "north"))
    after = without(place, f"config:\n  tether:clusters: [{entries}]\n  tether:meshId: m\n", name)
    assert names(after) == [one for one in ("east", "west", "north") if one != name]
    assert yaml.safe_load(after)["config"]["tether:meshId"] == "m"


@pytest.mark.parametrize(
    "text",
    [
        "config:\n  tether:meshId: m\n",
        'config:\n  tether:clusters: \'[{"name": "west"}]\'\n',
        "config:\n  tether:clusters:\n    - name: east\n",
        "{}\n",
    ],
)
def test_a_list_that_is_not_written_there_entry_by_entry_is_refused_with_the_way_out(place: Project, text: str) -> None:
    with pytest.raises(SettingsError) as caught:
        without(place, text, "west")
    assert "pulumi config rm --path 'tether:clusters[0]'" in str(caught.value)
    assert "stacks/Pulumi.kind.yaml" in str(caught.value)
