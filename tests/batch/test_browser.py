"""The class page in Chromium: opened from disk, sorted, searched, read in the dark, used by keyboard alone; with 1,000 students."""

from __future__ import annotations

import json
import re
import shutil
import time
from collections.abc import Iterator
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from grader.classroom import views
from grader.report import book as books
from grader.report.book import Member
from grader.roster import Person
from tests.batch.classes import mixed
from tests.conftest import run

CHROMIUM, DRIVER = Path("/usr/bin/chromium"), Path("/usr/bin/chromedriver")
pytestmark = [
    pytest.mark.long,
    pytest.mark.usefixtures("sandbox"),
    pytest.mark.skipif(find_spec("selenium") is None, reason="selenium is not installed here"),
    pytest.mark.skipif(not (CHROMIUM.exists() and DRIVER.exists()), reason="chromium and its driver are not installed here"),
]
NAMES = ("Ada King", "Bo Chen", "Cleo Diaz", "Dev Rao", "Eli Stone", "Fay Wu", "Zoë O'Neil", "<b>Gil</b>")


@pytest.fixture(scope="module")
def graded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve submissions graded by the real command, notebooks and all."""
    folder = tmp_path_factory.mktemp("browser")
    process = run("batch", mixed(folder / "class"), "-o", folder / "out", "--html", timeout=300)
    assert process.returncode == 1, process.stderr
    return folder / "out"


def multiplied(graded: Path, target: Path, count: int) -> Path:
    """A class of `count`, made of those graded, with names; the answer is its page."""
    book = books.load(graded)
    members = []
    for number in range(count):
        source = book.members[number % len(book.members)]
        name = f"submission_{number + 1}"
        shutil.copytree(books.place(graded, source.id).parent, books.place(target, name).parent)
        person = Person(f"{NAMES[number % len(NAMES)]} {number}", str(3_030_000_000 + number), f"s{number}@example.edu")
        members.append(Member(name, (person,), "2024-10-01 23:30:20 Z"))
    views(target, replace(book, members=tuple(members)))
    return target / "report.html"


@pytest.fixture(scope="module")
def page(graded: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return multiplied(graded, tmp_path_factory.mktemp("page"), 36)


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Any]:
    """A headless Chromium that logs what a page says and fetches."""
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = str(CHROMIUM)
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--window-size=1400,1000"):
        options.add_argument(argument)
    options.add_argument(f"--user-data-dir={tmp_path / 'profile'}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(str(DRIVER)))
    try:
        yield driver
    finally:
        driver.quit()


def column(browser: Any, name: str) -> list[str]:
    """The visible cells of a column of the class table, from top to bottom."""
    script = """
        const table = document.getElementById("grades");
        const at = Array.from(table.tHead.rows[0].cells).findIndex((cell) => cell.innerText.trim().startsWith(arguments[0]));
        return Array.from(table.tBodies[0].rows).filter((row) => !row.hidden).map((row) => row.cells[at].innerText);
    """
    return list(browser.execute_script(script, name))


def header(browser: Any, name: str) -> Any:
    (found,) = [button for button in browser.find_elements("css selector", "#grades th button") if button.text.startswith(name)]
    return found


def press(browser: Any, *keys: str) -> Any:
    """Press keys one after the other; the answer is what has the focus then."""
    from selenium.webdriver.common.action_chains import ActionChains

    for key in keys:
        ActionChains(browser).send_keys(key).perform()
    return browser.switch_to.active_element


def tab_to(browser: Any, wanted: Any) -> None:
    """Tab until the focus is there."""
    from selenium.webdriver.common.keys import Keys

    for _ in range(60):
        if press(browser, Keys.TAB) == wanted:
            return
    raise AssertionError("it cannot be reached by tabbing")


def contrast(browser: Any, element: Any) -> float:
    """How an element's text stands out from the nearest background behind it; WCAG 2.2 asks for 4.5."""
    script = """
        const colour = getComputedStyle(arguments[0]).color;
        let behind = arguments[0];
        while (getComputedStyle(behind).backgroundColor === "rgba(0, 0, 0, 0)") behind = behind.parentElement;
        return [colour, getComputedStyle(behind).backgroundColor];
    """

    def luminance(colour: str) -> float:
        parts = [int(number) / 255 for number in re.findall(r"\d+", colour)[:3]]
        red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    light = sorted(map(luminance, browser.execute_script(script, element)))
    return (light[1] + 0.05) / (light[0] + 0.05)


def test_it_opens_from_disk_without_errors_and_fetches_nothing(browser: Any, page: Path) -> None:
    browser.get(page.as_uri())
    for details in browser.find_elements("css selector", "details.runs")[:3]:
        browser.execute_script("arguments[0].scrollIntoView(); arguments[0].firstChild.click()", details)
    assert browser.find_elements("css selector", "svg.curves")
    assert browser.get_log("browser") == []
    events = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    sent = [event["params"] for event in events if event["method"] == "Network.requestWillBeSent"]
    asked = {one["request"]["url"] for one in sent if one["documentURL"] == page.as_uri()}  # Chromium's own first tab asks for more
    assert asked == {page.as_uri()}
    assert not browser.find_elements("css selector", "article b:not(.label), td b, img, iframe"), "a name is text"


def test_a_header_sorts_up_and_down_numbers_as_numbers(browser: Any, page: Path) -> None:
    browser.get(page.as_uri())
    before = column(browser, "Total")
    assert len(set(before)) > 4
    header(browser, "Total").click()
    assert column(browser, "Total") == sorted(before, key=float)
    header(browser, "Total").click()
    assert column(browser, "Total") == sorted(before, key=float, reverse=True)
    marked = [head.get_attribute("aria-sort") for head in browser.find_elements("css selector", "#grades thead th")]
    assert [mark for mark in marked if mark] == ["descending"]
    header(browser, "Submission").click()
    assert column(browser, "Submission") == [f"submission_{number}" for number in range(1, 37)]
    header(browser, "Name").click()
    assert column(browser, "Name")[0].startswith("<b>Gil</b>")
    assert column(browser, "Name")[-1].startswith("Zoë")


def test_searching_leaves_the_rows_that_hold_every_word(browser: Any, page: Path) -> None:
    browser.get(page.as_uri())
    field = browser.find_element("id", "search")
    field.send_keys("zoë PARTIAL")
    names, outcomes = column(browser, "Name"), column(browser, "Outcome")
    assert names
    assert all(name.startswith("Zoë") for name in names)
    assert set(outcomes) == {"partial"}
    assert browser.find_element("id", "shown").text == f"{len(names)} shown"
    header(browser, "Total").click()
    assert len(column(browser, "Name")) == len(names), "sorting keeps what was searched"
    field.clear()
    field.send_keys("s7@example.edu")
    assert column(browser, "Submission") == ["submission_8"], "an e-mail that is not shown is found"
    field.clear()
    field.send_keys("nobody")
    assert browser.find_element("id", "shown").text == "0 shown"


def test_a_link_leads_to_the_student_and_back(browser: Any, page: Path) -> None:
    browser.get(page.as_uri())
    browser.find_element("link text", "submission_30").click()
    assert browser.execute_script("return location.hash") == "#s-submission_30"
    section = browser.find_element("id", "s-submission_30")
    top = "return arguments[0].getBoundingClientRect().top"
    assert 0 <= browser.execute_script(top, section) < 1000
    section.find_element("link text", "Back to the class").click()
    assert -1 < browser.execute_script(top, browser.find_element("id", "class")) < 1000


def test_the_notebook_opens_as_a_page_of_its_own(browser: Any, page: Path) -> None:
    browser.get(page.as_uri())
    link = browser.find_element("link text", "Notebook")
    browser.execute_script("arguments[0].scrollIntoView(); arguments[0].click()", link)
    assert browser.current_url.endswith("/notebook.html")
    assert "without having been run again" in browser.find_element("tag name", "body").text


def test_everything_is_reached_by_keyboard_alone(browser: Any, page: Path) -> None:
    from selenium.webdriver.common.keys import Keys

    browser.get(page.as_uri())
    skip = press(browser, Keys.TAB)
    assert skip.text == "To the class table"
    press(browser, Keys.ENTER)
    tab_to(browser, browser.find_element("id", "search"))
    press(browser, *"raised")
    tab_to(browser, header(browser, "Total"))
    before = column(browser, "Total")
    press(browser, Keys.ENTER)
    assert column(browser, "Total") == sorted(before, key=float)
    press(browser, Keys.SPACE)
    assert column(browser, "Total") == sorted(before, key=float, reverse=True)
    visible = browser.find_elements("css selector", "#grades tbody tr:not([hidden]) a")
    tab_to(browser, visible[0])
    name = visible[0].text
    press(browser, Keys.ENTER)
    assert browser.execute_script("return location.hash") == f"#s-{name}"
    summary = browser.find_element("css selector", f"#s-{name} details.runs summary")
    tab_to(browser, summary)
    press(browser, Keys.ENTER)
    drawn = browser.find_elements("css selector", f"#s-{name} svg.curves")
    assert drawn
    assert all(figure.get_attribute("role") == "img" and figure.get_attribute("aria-label") for figure in drawn)
    assert drawn[0].size["width"] > 200


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_can_be_read_in_the_light_and_in_the_dark(browser: Any, page: Path, scheme: str) -> None:
    features = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", features)
    browser.get(page.as_uri())
    dark = browser.execute_script("return getComputedStyle(document.body).backgroundColor") != "rgb(255, 255, 255)"
    assert dark is (scheme == "dark")
    (summary, *_) = browser.find_elements("css selector", "details.runs summary")
    browser.execute_script("arguments[0].scrollIntoView(); arguments[0].click()", summary)
    words = [f".{name}" for name in ("good", "fair", "bad", "staff", "label")]
    shown = ["h1", "td", "th", "a", "summary", ".histogram text", "svg.curves text", "svg.curves .student", *words]
    for selector in shown:
        found = browser.find_elements("css selector", selector)
        assert found, selector
        for element in found[:20]:
            # a line of a figure is no text: WCAG asks for 3
            wanted = 3 if selector.endswith("student") else 4.5
            assert contrast(browser, element) >= wanted, f"{selector}: {element.text}"
    colours = {
        element.value_of_css_property("stroke") for element in browser.find_elements("css selector", "svg.curves .student")[:4]
    }
    assert len(colours) == 4, "lines are told apart by colour, too"


def test_a_thousand_students_load_and_sort(graded: Path, browser: Any, tmp_path: Path) -> None:
    started = time.monotonic()
    page = multiplied(graded, tmp_path / "thousand", 1000)
    made = time.monotonic() - started
    browser.get(page.as_uri())
    loaded = browser.execute_script("return performance.getEntriesByType('navigation')[0].loadEventEnd")
    script = "const t = performance.now(); arguments[0].click(); document.body.offsetHeight; return performance.now() - t"
    sorting = browser.execute_script(script, header(browser, "Total"))
    searching = browser.execute_script(
        "const t = performance.now(); search.value = 'ada'; search.dispatchEvent(new Event('input'));"
        "document.body.offsetHeight; return performance.now() - t"
    )
    opening = browser.execute_script(
        "const t = performance.now(); const d = document.querySelectorAll('details.runs'); d[d.length - 1].open = true;"
        "d[d.length - 1].scrollIntoView(); document.body.offsetHeight; return performance.now() - t"
    )
    size = page.stat().st_size / 2**20
    print(
        f"\n1000 students: report.html {size:.1f} MB, written in {made:.1f} s, loaded in {loaded / 1000:.2f} s, "
        f"sorted in {sorting:.0f} ms, searched in {searching:.0f} ms, curves opened in {opening:.0f} ms"
    )
    assert browser.get_log("browser") == []
    totals = column(browser, "Total")
    assert totals == sorted(totals, key=float)
    assert browser.find_element("id", "shown").text == f"{len(totals)} shown"
