"""A real browser, headless: the machine's own Chromium or Chrome."""

import os
import shutil
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from toolchain.bootstrap import BROWSERS

SCHEMES = ("light", "dark")
WIDTHS = (320, 1280)
HEIGHT = 900
Open = Callable[..., Page]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    program = next(filter(None, map(shutil.which, BROWSERS)), None)
    if program is None:
        pytest.fail("no browser is installed. Install it with: python -m toolchain test-tools")
    # As root, Chromium's sandbox cannot start; the pages are our own.
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=program, args=arguments)
        yield chromium
        chromium.close()


@pytest.fixture
def shown(browser: Browser) -> Iterator[Open]:
    """Opens a file in a window of its own; whatever it asks the network for, it does not get."""
    contexts: list[BrowserContext] = []

    def show(address: str, *, scheme: str = "light", width: int = 1280) -> Page:
        context = browser.new_context(
            color_scheme="dark" if scheme == "dark" else "light", viewport={"width": width, "height": HEIGHT},
            reduced_motion="reduce", offline=True,
        )  # fmt: skip
        contexts.append(context)
        page = context.new_page()
        page.goto(address)
        return page

    yield show
    for context in contexts:
        context.close()
