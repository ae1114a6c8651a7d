"""The page in a real browser: nothing from the network, no page wider than the screen, sorting, filtering, print.

Wants Chromium (Debian: chromium) and Playwright's Python package; without one of them these tests are skipped. The
screenshots are kept in tests/artefacts.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sweeps.report.write import write_report

ARTEFACTS = Path(__file__).parents[2] / "artefacts"
MEASURE = """() => [...document.querySelectorAll("body *")]
  .filter((one) => !one.closest(".scroll") || one.matches(".scroll"))
  .filter((one) => one.getBoundingClientRect().right > innerWidth + 0.5)
  .map((one) => one.outerHTML.slice(0, 80))"""


@pytest.fixture(scope="module")
def address(made_up, tmp_path_factory) -> str:
    return write_report(made_up, tmp_path_factory.mktemp("browser"), {})[0].as_uri()


@pytest.fixture
def opened(browser, address) -> Iterator[Any]:
    """Opens a page at a width; fails where it asks for anything or complains."""
    pages, asked, said = [], [], []

    def open_at(width: int, address: str = address, **settings: Any) -> Any:
        page = browser.new_page(viewport={"width": width, "height": 900}, **settings)
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.goto(address)
        pages.append(page)
        return page

    yield open_at
    assert [url for url in asked if not url.endswith("report.html") and not url.startswith("data:")] == []
    assert said == []
    for page in pages:
        page.close()


@pytest.mark.parametrize("width", [1280, 400])
def test_the_page_is_no_wider_than_the_screen(opened, width):
    page = opened(width)
    ARTEFACTS.mkdir(exist_ok=True)
    page.screenshot(path=ARTEFACTS / f"report-{width}.png", full_page=True)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate(MEASURE) == []
    images = page.locator("img")
    assert images.count() == 6
    assert all(images.nth(i).evaluate("one => one.complete && one.naturalWidth > 0") for i in range(6))
    boxes = page.locator(".scroll").evaluate_all("all => all.map((one) => one.scrollWidth > one.clientWidth)")
    # What is wider scrolls in its own box: on a telephone most tables do.
    assert any(boxes) or width == 1280


@pytest.mark.parametrize(("width", "seen"), [(1280, ("claim", "answer img", "answer dl")), (400, ("claim",))])
def test_the_first_screen_has_the_answer(opened, width, seen):
    page = opened(width)
    for name in seen:
        box = page.locator(f".question .{name}").first.bounding_box()
        assert box["y"] >= 0
        assert box["y"] + box["height"] <= 900, name


@pytest.mark.parametrize("width", [1280, 400])
def test_with_several_questions_the_first_screen_has_every_answer(opened, asked_once, width):
    page = opened(width, (asked_once.folder / "report.html").as_uri())
    page.screenshot(path=ARTEFACTS / f"answers-{width}.png", full_page=True)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate(MEASURE) == []
    shown = page.locator("#answers dd")
    assert shown.all_inner_texts() == [one.claim[0] for one in asked_once.answers.values()]
    last = shown.last.bounding_box()
    assert last["y"] + last["height"] <= (900 if width == 1280 else 1300)
    for figure in page.locator(".question .answer img").all():
        box = figure.bounding_box()
        assert figure.evaluate("one => one.naturalWidth > 0")
        assert box["width"] >= min(416, width)


def test_tables_sort_by_their_headings(opened):
    page = opened(1280)
    table = page.locator("#differences-table-1")
    heading = table.get_by_role("button", name="difference")

    def values() -> list[float]:
        cells = table.locator("tbody tr td:nth-child(4)")
        return [float(text.strip().rstrip("*").replace("−", "-")) for text in cells.all_inner_texts()]

    before = values()
    heading.click()
    assert values() == sorted(before, reverse=True)
    assert table.locator("th[aria-sort=descending]").count() == 1
    heading.press("Enter")
    assert values() == sorted(before)
    assert table.locator("th[aria-sort=ascending]").count() == 1
    table.get_by_role("button", name="target").click()
    names = table.locator("tbody tr td:nth-child(2)").all_inner_texts()
    assert names == sorted(names)


def test_tables_are_filtered_by_all_words(opened):
    page = opened(1280)
    rows = page.locator("#differences-table-1 tbody tr:visible")
    assert rows.count() == 12
    field = page.locator("input[data-filter=differences-table-1]")
    field.fill("gen-qa GEN-tags")
    assert rows.count() == 1
    assert "gen-tags" in rows.first.inner_text()
    field.fill("")
    assert rows.count() == 12


def test_without_scripts_everything_is_there_but_the_fields(opened):
    page = opened(1280, java_script_enabled=False)
    assert page.locator("#differences-table-1 tbody tr:visible").count() == 12
    assert page.locator("input:visible").count() == 0


def test_it_prints_whole(opened):
    page = opened(1280)
    page.emulate_media(media="print")
    assert not page.locator("nav").is_visible()
    assert page.locator("h2").first.is_visible()
    # A4 landscape less its margins, in CSS pixels: nothing may be cut off on the right.
    page.set_viewport_size({"width": 1032, "height": 703})
    assert page.evaluate("document.documentElement.scrollWidth") <= 1032
    pdf = page.pdf(prefer_css_page_size=True)
    assert pdf.startswith(b"%PDF")
