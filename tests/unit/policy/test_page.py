"""The reference page of the policies says what the code says."""

import json
import re
from pathlib import Path
from typing import Any

from tether_policy import page
from tether_policy.registry import POLICIES

from tether.settings.base import mapping

DOCS = Path(__file__).parents[3] / "docs"
PAGE = DOCS / "reference" / "policies.md"
HOW_TO = DOCS / "how-to" / "keep-a-platforms-rules.md"


def test_the_reference_page_is_written_from_the_policies() -> None:
    assert PAGE.read_text() == page.render(), "write it anew: python -m tether_policy.page > docs/reference/policies.md"


def test_every_link_on_the_page_leads_somewhere() -> None:
    text = page.render()

    assert set(re.findall(r"\]\(#([-\w]+)\)", text)) == {policy.name for policy in POLICIES}
    for path in re.findall(r"\]\(((?!#)[^)]+)\)", text):
        assert PAGE.parent.joinpath(path).resolve().is_file()


def test_every_policy_asks_in_one_way_and_has_words() -> None:
    for policy in POLICIES:
        assert bool(policy.of_resource) is not bool(policy.of_stack), policy.name
        assert all((policy.title, policy.why, policy.looks_at)), policy.name
        assert not policy.title.endswith("."), policy.name


def test_functions_that_settings_share_are_where_the_page_says() -> None:
    for name in (name for policy in POLICIES for name in policy.same_rule):
        assert _found(name), name


def test_the_configuration_of_the_how_to_names_policies_and_options_that_there_are() -> None:
    written: dict[str, Any] = json.loads(HOW_TO.read_text().partition("```json\n")[2].partition("```")[0])
    options = {policy.name: {option.name for option in policy.options} for policy in POLICIES}

    for policy, said in written.items():
        named = {*mapping(said)} - {"enforcementLevel"}
        assert named <= options[policy], policy


def _found(dotted: str) -> bool:
    import importlib

    module, _, name = dotted.rpartition(".")
    try:
        return hasattr(importlib.import_module(module), name)
    except ModuleNotFoundError:
        return False
