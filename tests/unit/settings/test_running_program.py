"""What the program itself sees of its settings."""

import asyncio
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast

import pulumi
import pytest
from pulumi.runtime import Mocks, reset_options, set_all_config, set_mocks
from pulumi.runtime.settings import SETTINGS

from tether.settings import Settings, of_stack


class NoResources(Mocks):
    def new_resource(self, args: pulumi.runtime.MockResourceArgs) -> tuple[str | None, dict[Any, Any]]:
        raise AssertionError("reading settings makes no resource")

    def call(self, args: pulumi.runtime.MockCallArgs) -> tuple[dict[Any, Any], list[tuple[str, str]] | None]:
        raise AssertionError("reading settings calls nothing")


def of_program(configuration: Mapping[str, str], project: str = "tether") -> Settings:
    """Settings that a program reads which the engine gives this configuration."""
    # In a thread of its own: a browser's driver has a loop in the main one for as long as the session lasts.
    with ThreadPoolExecutor(1) as alone:
        return alone.submit(_of_program, configuration, project).result()


def _of_program(configuration: Mapping[str, str], project: str) -> Settings:
    # The SDK queues work on the current loop; left there, it would run inside another test.
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    try:
        set_mocks(NoResources(), project=project, stack="kind")
        set_all_config(dict(configuration))
        return of_stack()
    finally:
        set_all_config({})
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(asyncio.sleep(0))
        # What the SDK still waits for belongs to this loop; the next program of this process would wait for ever.
        cast(Any, SETTINGS).outputs.clear()
        reset_options()
        asyncio.set_event_loop(None)
        loop.close()


def test_the_engines_configuration_becomes_settings() -> None:
    assert of_program({"tether:meshId": "east", "kubernetes:context": "ignored"}).mesh_id == "east"


def test_wrong_settings_end_the_program_without_a_traceback() -> None:
    with pytest.raises(pulumi.RunError, match="did you mean meshId"):
        of_program({"tether:meshID": "east"})


def test_a_renamed_project_is_told_its_own_keys() -> None:
    with pytest.raises(pulumi.RunError, match="shop:verify"):
        of_program({"tether:meshId": "east", "shop:verify": "maybe"}, project="shop")
