"""What the program itself sees of its settings."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pulumi
import pytest
from pulumi.runtime import Mocks, reset_options, set_all_config, set_mocks

from tether.settings import of_stack


class NoResources(Mocks):
    def new_resource(self, args: pulumi.runtime.MockResourceArgs) -> tuple[str | None, dict[Any, Any]]:
        raise AssertionError("reading settings makes no resource")

    def call(self, args: pulumi.runtime.MockCallArgs) -> tuple[dict[Any, Any], list[tuple[str, str]] | None]:
        raise AssertionError("reading settings calls nothing")


@pytest.fixture(autouse=True)
def clean_configuration() -> Iterator[None]:
    # The SDK queues work on the current loop; left there, it would run inside another test.
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    set_mocks(NoResources(), project="tether", stack="kind")
    set_all_config({})
    yield
    set_all_config({})
    for task in asyncio.all_tasks(loop):
        task.cancel()
    loop.run_until_complete(asyncio.sleep(0))
    reset_options()
    asyncio.set_event_loop(None)
    loop.close()


def test_the_engines_configuration_becomes_settings() -> None:
    set_all_config({"tether:meshId": "east", "kubernetes:context": "ignored"})
    assert of_stack().mesh_id == "east"


def test_wrong_settings_end_the_program_without_a_traceback() -> None:
    set_all_config({"tether:meshID": "east"})
    with pytest.raises(pulumi.RunError, match="did you mean meshId"):
        of_stack()


def test_a_renamed_project_is_told_its_own_keys() -> None:
    set_mocks(NoResources(), project="shop", stack="kind")
    set_all_config({"tether:meshId": "east", "shop:verify": "maybe"})
    with pytest.raises(pulumi.RunError, match="shop:verify"):
        of_stack()
