"""The page in a real browser: for every reader, on every screen, without a network."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from tests.browser.conftest import HEIGHT, SCHEMES, WIDTHS, Open
from tests.unit.report import meshes, reports
from tether.report import page

REPORTS = {
    "healthy": reports.healthy(),
    "unhealthy": reports.unhealthy(),
    "eight-remotes": reports.healthy(meshes.mesh(8)),
    "long-names": reports.unhealthy(meshes.long_names(2)),
    "broken": reports.unhealthy(meshes.broken()),
}


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("reports")
    for name, report in REPORTS.items():
        (folder / f"{name}.html").write_text(page.html(report))
    return folder


@pytest.fixture(params=REPORTS)
def address(folder: Path, request: pytest.FixtureRequest) -> str:
    return (folder / f"{request.param}.html").as_uri()


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("width", WIDTHS)
def test_it_has_no_accessibility_violation(shown: Open, address: str, scheme: str, width: int):
    shown_page = shown(address, scheme=scheme, width=width)
    shown_page.locator("summary").click()
    # The package has no types.
    found = cast("Any", Axe()).run(shown_page)
    assert found.violations_count == 0, found.generate_report()
    assert len(found.response["passes"]) > 20


@pytest.mark.parametrize("width", WIDTHS)
def test_it_is_never_wider_than_the_screen(shown: Open, address: str, width: int):
    shown_page = shown(address, width=width)
    shown_page.locator("summary").click()
    assert shown_page.evaluate("document.documentElement.scrollWidth") == width
    inner = shown_page.evaluate(
        """[...document.querySelectorAll('h1, h2, h3, p, dl, li, summary, .scroll, .command, footer')]
        .filter(one => one.getBoundingClientRect().right > innerWidth + 0.5 && !one.closest('.scroll'))
        .map(one => one.outerHTML.slice(0, 200))"""
    )
    assert inner == []


def test_on_a_phone_tables_and_topology_need_no_sideways_scrolling(shown: Open, address: str):
    shown_page = shown(address, width=320)
    shown_page.locator("summary").click()
    sideways = shown_page.evaluate(
        """[...document.querySelectorAll('.scroll')].filter(one => one.scrollWidth > one.clientWidth)
        .map(one => one.getAttribute('aria-label'))"""
    )
    # A matrix and a sequence diagram have no narrow form: they scroll inside of their own frame.
    assert all(label.startswith(("Requests between", "Sequence diagram")) for label in sideways)


@pytest.fixture
def listening(browser: Browser) -> Iterator[tuple[Page, list[str], list[str]]]:
    """A window that has a network, with what it asked for and what it complained of."""
    context = browser.new_context()
    window = context.new_page()
    asked: list[str] = []
    said: list[str] = []
    window.on("request", lambda request: asked.append(request.url))
    window.on("console", lambda message: said.append(message.text))
    window.on("pageerror", lambda error: said.append(str(error)))
    yield window, asked, said
    context.close()


def test_it_asks_the_network_for_nothing(address: str, listening: tuple[Page, list[str], list[str]]):
    window, asked, said = listening
    window.goto(address)
    window.wait_for_load_state("networkidle")
    assert [url for url in asked if not url.startswith(("data:", address))] == []
    assert said == []


def test_its_policy_stops_what_would_be_put_into_it(address: str, listening: tuple[Page, list[str], list[str]]):
    window, _, _ = listening
    window.goto(address)
    window.evaluate(
        """() => { window.stopped = [];
        document.addEventListener('securitypolicyviolation', one => window.stopped.push(one.blockedURI));
        const image = new Image(); image.src = 'http://192.0.2.1/x.png'; document.body.append(image);
        const script = document.createElement('script'); script.textContent = 'window.ran = true';
        document.body.append(script); }"""
    )
    window.wait_for_function("window.stopped.length == 2")
    assert window.evaluate("window.ran") is None
    assert sorted(window.evaluate("window.stopped")) == ["http://192.0.2.1/x.png", "inline"]


def test_everything_to_be_reached_is_reached_with_the_tab_key(shown: Open, address: str):
    shown_page = shown(address)
    wanted = shown_page.evaluate(
        """() => { const all = [...document.querySelectorAll('a[href], button, summary, [tabindex="0"]')]
        .filter(one => !one.closest('details:not([open])') || one.tagName === 'SUMMARY');
        all.forEach((one, index) => { one.dataset.order = index; }); return all.length; }"""
    )
    reached: list[int] = []
    for _ in range(wanted):
        shown_page.keyboard.press("Tab")
        reached.append(int(shown_page.evaluate("document.activeElement.dataset.order ?? -1")))
        outline = shown_page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert outline != "none"
    assert reached == list(range(wanted))


def test_the_first_tab_offers_to_skip_to_the_report(shown: Open, address: str):
    shown_page = shown(address)
    shown_page.keyboard.press("Tab")
    assert shown_page.evaluate("document.activeElement.textContent") == "Skip to the report"
    assert shown_page.evaluate("document.activeElement.getBoundingClientRect().top") >= 0
    shown_page.keyboard.press("Enter")
    assert shown_page.evaluate("document.activeElement.id") == "content"


@pytest.mark.parametrize("scheme", SCHEMES)
def test_page_and_picture_follow_the_readers_colours(shown: Open, folder: Path, scheme: str):
    shown_page = shown((folder / "healthy.html").as_uri(), scheme=scheme)
    dark = shown_page.evaluate(
        """async () => { const image = document.querySelector('img.drawing'); await image.decode();
        const canvas = document.createElement('canvas'); canvas.width = canvas.height = 8;
        const context = canvas.getContext('2d'); context.drawImage(image, 0, 0);
        const [red, green, blue] = context.getImageData(2, 2, 1, 1).data;
        return [getComputedStyle(document.body).backgroundColor, `rgb(${red}, ${green}, ${blue})`]; }"""
    )
    assert dark == (["rgb(16, 22, 28)"] * 2 if scheme == "dark" else ["rgb(255, 255, 255)"] * 2)


@pytest.mark.parametrize("width", WIDTHS)
def test_a_phone_gets_the_narrow_picture(shown: Open, folder: Path, width: int):
    image = shown((folder / "healthy.html").as_uri(), width=width).locator("img.drawing").first
    natural = image.evaluate("async one => { await one.decode(); return one.naturalWidth; }")
    assert (natural <= 360) is (width == 320)
    assert image.evaluate("one => one.getBoundingClientRect().width") <= width


def test_commands_are_copied_with_one_press(browser: Browser, folder: Path):
    context = browser.new_context(permissions=["clipboard-read", "clipboard-write"])
    try:
        window = context.new_page()
        window.goto((folder / "unhealthy.html").as_uri())
        button = window.get_by_role("button", name="Copy: Commands that mend D13 of cluster2")
        button.press("Enter")
        window.get_by_role("status").filter(has_text="Copied").wait_for(timeout=5000)
        expected = window.locator("pre").first.text_content()
        assert window.evaluate("navigator.clipboard.readText()") == expected
        assert "kind: Secret\nEND" in (expected or "")
    finally:
        context.close()


def test_without_scripts_one_click_selects_the_whole_command(browser: Browser, folder: Path):
    context = browser.new_context(java_script_enabled=False)
    try:
        window = context.new_page()
        window.goto((folder / "unhealthy.html").as_uri())
        assert window.locator("button").count() == 0
        assert window.locator("pre code").first.evaluate("one => getComputedStyle(one).userSelect") == "all"
        assert window.locator("h2").count() == 6
    finally:
        context.close()


def test_readers_who_want_no_motion_get_none(shown: Open, folder: Path):
    window = shown((folder / "healthy.html").as_uri())
    assert window.evaluate("getComputedStyle(document.documentElement).scrollBehavior") == "auto"


def test_landmarks_and_headings_lead_through_the_page(shown: Open, folder: Path):
    window = shown((folder / "unhealthy.html").as_uri())
    for role in ("banner", "navigation", "main", "contentinfo"):
        assert window.get_by_role(role).count() == 1
    sections = window.get_by_role("region")
    names = [sections.nth(index).get_attribute("aria-labelledby") for index in range(sections.count())]
    assert names == ["topology", "findings", "authentication", "certificates", "versions", "traffic"]
    window.get_by_role("link", name="Certificates").click()
    assert 0 <= window.locator("#certificates").evaluate("one => one.getBoundingClientRect().top") < HEIGHT
