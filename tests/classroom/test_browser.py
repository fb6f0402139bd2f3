"""The class page in a real browser: ./run_tests --browser. Opened from disk, filtered by its address, turned by keys, read in the
dark, on a laptop and on paper, by 30 and by 1,000 students. No sandbox is needed: the verdicts are made up."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest

from grader.classroom import gradebook as gradebooks
from grader.classroom import page as class_page
from grader.classroom.adjustments import Applied
from grader.classroom.learning_curves import load
from grader.classroom.student_section import Beside
from grader.homework import HOMEWORK
from tests.classroom import chromium
from tests.classroom.chromium import Browser
from tests.classroom.class_page import made
from tests.classroom.test_views import EVIL

pytestmark = pytest.mark.browser
SHOWN = "Array.from(body.rows).filter((row) => !row.hidden)"
LAPTOP, DESK = (1280, 800), (1920, 1080)


@pytest.fixture(scope="module")
def opened() -> Iterator[Browser]:
    with chromium.browser() as found:
        found.answered = "String(new URLSearchParams([...state])) === String(new URLSearchParams(location.hash.slice(1)))"
        yield found


@pytest.fixture
def browser(opened: Browser) -> Browser:
    opened.look(*LAPTOP)
    return opened


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made(tmp_path_factory.mktemp("sixty"), 60)


def column(browser: Browser, at: int) -> list[str]:
    """The cells of a column in the rows that are shown, from top to bottom: 0 names, 2 outcomes, 3 totals."""
    return list(browser.run(f"{SHOWN}.map((row) => row.cells[{at}].textContent.replace(' \u2691', ''))"))


def ids(browser: Browser) -> list[str]:
    """The submissions that are shown, in order."""
    return list(browser.run(f"{SHOWN}.map((row) => row.dataset.id)"))


def visible(browser: Browser, selector: str) -> bool:
    return bool(browser.run("(document.querySelector($0)?.getClientRects().length || 0) > 0", selector))


def pick(browser: Browser, control: str, value: str) -> None:
    """Choose in a list, as a hand does."""
    browser.run("(() => {const list = byId($0); list.value = $1; list.dispatchEvent(new Event('change'))})()", control, value)
    browser.settle()


def search(browser: Browser, text: str) -> None:
    browser.run("(() => {byId('search').value = $0; byId('search').dispatchEvent(new Event('input'))})()", text)


def test_it_opens_from_disk_without_a_complaint_and_asks_for_nothing(browser: Browser, page: Path) -> None:
    browser.open(page)
    assert browser.run("document.title") == "q_optimizer_init: the class"
    browser.press("j")
    browser.run(
        "new Promise((done) => {const see = () => document.querySelector('svg.curves') ? done() : setTimeout(see, 5); see()})"
    )
    assert browser.said == []
    assert browser.asked == [page.as_uri()]


def test_what_a_student_wrote_is_text_in_every_place(browser: Browser, tmp_path: Path) -> None:
    page = made(tmp_path, 3)
    book = gradebooks.load(tmp_path)
    for member in book.members:
        place = gradebooks.place(tmp_path, member.id)
        hostile = place.read_text("utf-8").replace("All right.", json.dumps(EVIL)[1:-1]).replace("Built on", json.dumps(EVIL)[1:-1])
        place.write_text(hostile, "utf-8")
    text = (tmp_path / "class.json").read_text("utf-8")
    (tmp_path / "class.json").write_text(re.sub(r'"name": "\w+ [^"]*"', lambda _: '"name": ' + json.dumps(EVIL), text), "utf-8")
    record = {f"best_fc_model{EVIL}.npz": {"train_losses": ([1, 2], [2.0, 1.0])}}
    beside = Beside(record)
    book = gradebooks.load(tmp_path)
    applied = (Applied(EVIL, EVIL, EVIL, EVIL),)
    lines = [(replace(line, applied=applied), one) for line, one in gradebooks.lines(tmp_path, book)]
    verdicts = "".join(class_page.render(HOMEWORK, book, lambda: iter(lines), beside=lambda _: beside))
    page.write_text(verdicts, "utf-8")
    browser.open(page)
    for _ in book.members:
        browser.press("j")
        assert EVIL in browser.run("document.querySelector('h1[tabindex]').textContent")
        assert browser.run("document.querySelectorAll('img, main script, b b, iframe').length") == 0
    assert browser.said == []


def test_a_header_sorts_up_and_down_numbers_as_numbers(browser: Browser, page: Path) -> None:
    browser.open(page)
    before = column(browser, 3)
    assert len(set(before)) > 8
    for reverse in (False, True):
        browser.click("#grades thead tr:last-child th:nth-child(4) button")
        assert column(browser, 3) == sorted(before, key=float, reverse=reverse)
    assert browser.run("heads.map((head) => head.getAttribute('aria-sort')).filter(Boolean)") == ["descending"]
    browser.click("#grades thead tr:last-child th:nth-child(1) button")
    names = column(browser, 0)
    assert names[0].startswith("Ada")
    assert names[-1].startswith("Zoë")


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("zoe", "Zoë"), ("ZOË", "Zoë"), ("lukasz", "Łukasz"), ("odegard", "Ødegård"), ("nguyen", "Nguyễn"), ("soren", "Søren"),
        ("garcia jos", "José García"), ("3030000007", "Jürgen"), ("STUDENT7@EXAMPLE", "Jürgen"), ("submission_10007", "Jürgen"),
    ],
)  # fmt: skip
def test_search_ignores_accents_and_case_over_name_sid_and_e_mail(browser: Browser, page: Path, asked: str, found: str) -> None:
    browser.open(page)
    search(browser, asked)
    names = column(browser, 0)
    assert names
    assert all(found in name for name in names)
    assert len(names) < 60
    assert browser.run("byId('shown').textContent") == f"{len(names)} of 60 shown"
    address = browser.run("location.hash")
    browser.open(page, address)
    assert column(browser, 0) == names, "a link shows the same"
    assert browser.run("byId('search').value") == asked


def test_filters_are_a_link_that_shows_the_same(browser: Browser, page: Path) -> None:
    browser.open(page)
    item = "optim.adam.golden"
    pick(browser, "item", item)
    failed = ids(browser)
    outcomes = browser.run(f"{SHOWN}.map((row) => row.cells[items.get($0)].dataset.o)", item)
    assert failed
    assert "passed" not in outcomes
    pick(browser, "outcome", "wrong")
    assert ids(browser) == [one for one, outcome in zip(failed, outcomes, strict=True) if outcome == "wrong"]
    pick(browser, "slip", slip := browser.run(f"words({SHOWN}.map((row) => row.dataset.slips).join(' '))[0]"))
    narrowed, address = ids(browser), browser.run("location.hash")
    assert parse_qs(address[1:]) == {"item": [item], "outcome": ["wrong"], "slip": [slip]}
    browser.open(page, address)
    assert ids(browser) == narrowed
    assert [browser.run("byId($0).value", name) for name in ("item", "outcome", "slip")] == [item, "wrong", slip]
    browser.click("#clear")
    assert len(ids(browser)) == 60
    pick(browser, "outcome", "crashed")
    assert 0 < len(ids(browser)) < 60, "an outcome that only an item has is looked for in all of them"


def test_every_count_on_the_page_is_a_link_to_those_who_were_counted(browser: Browser, page: Path) -> None:
    browser.open(page)
    counted = browser.run(
        """((all) => [
            ...all(".histogram a").map((a) => [a.getAttribute("href"), a.textContent.match(/: (\\d+)/)[1]]),
            ...all(".outcomes a, #slips ~ table td a").map((a) => [a.hash, a.textContent.match(/\\d+$/)[0]]),
            ...all(".queue").map((queue) => [queue.querySelector("a").hash, queue.querySelectorAll("li").length]),
        ])((selector) => Array.from(document.querySelectorAll(selector)))"""
    )
    assert len(counted) > 30
    assert any(" " in parse_qs(address[1:]).get("slip", [""])[0] for address, _ in counted), "two slips together are among them"
    for address, count in counted:
        browser.run("location.hash = $0", address)
        browser.settle()
        assert len(ids(browser)) == int(count), address


def test_a_slip_unfolds_to_its_students(browser: Browser, page: Path) -> None:
    browser.open(page)
    browser.click("details.who summary")
    browser.settle()
    listed = browser.run("Array.from(document.querySelectorAll('details.who li a'), (a) => a.hash)")
    wanted = browser.run("rows.filter((row) => has(row.dataset.slips, document.querySelector('details.who').dataset.slip))"
                         ".map((row) => row.querySelector('a').hash)")  # fmt: skip
    assert listed == wanted != []


def test_what_there_is_to_do_leads_to_its_place(browser: Browser, page: Path) -> None:
    browser.open(page)
    browser.run("document.querySelectorAll('.queue').forEach((one) => {one.open = true})")
    places = browser.run("Array.from(document.querySelectorAll('.queue li a'), (a) => a.hash)")
    assert len(places) > 5
    for place in places:
        browser.open(page, place)
        wanted = parse_qs(place[1:])
        focus = browser.run("document.activeElement.dataset.item || document.activeElement.tagName")
        assert focus == wanted.get("at", ["H1"])[0]
        assert browser.run("byId('student').dataset.id") == wanted["student"][0]


def test_keys_turn_the_students_that_are_shown_and_lead_back(browser: Browser, page: Path) -> None:
    browser.open(page, "#outcome=partial")
    browser.click("#grades thead tr:last-child th:nth-child(4) button")
    shown = ids(browser)
    student = "byId('student').hidden ? '' : byId('student').dataset.id"
    for keys, wanted in (("j", shown[0]), ("jj", shown[2]), ("k", shown[1])):
        browser.press(*keys)
        assert browser.run(student) == wanted
    assert browser.run("document.querySelector('.where').textContent") == f"2 of {len(shown)}"
    browser.press("Escape")
    assert browser.run(student) == ""
    assert ids(browser) == shown, "the filter and the order are kept"
    assert browser.run("document.activeElement.closest('tr').dataset.id") == shown[1]
    browser.press("/")
    browser.press(*"zjk?")
    assert browser.run("byId('search').value") == "zjk?", "what is typed is no command"
    browser.press("Escape", "?")
    assert browser.run("byId('help').open") is True
    browser.press("Escape")
    assert browser.run("byId('help').open") is False


def test_the_back_button_and_a_cell_lead_where_they_say(browser: Browser, page: Path) -> None:
    browser.open(page)
    browser.run("scrollTo(0, 400)")
    browser.click("#grades tbody tr:nth-child(5) td[data-o=wrong], #grades tbody td[data-o=wrong]:nth-child(n + 5)")
    item = browser.run("document.activeElement.dataset.item")
    assert parse_qs(browser.run("location.hash")[1:])["at"] == [item]
    browser.run("new Promise((done) => {addEventListener('hashchange', () => done(), {once: true}); history.back()})")
    assert visible(browser, "#grades")
    assert not visible(browser, "#student")


def test_everything_is_reached_by_tabbing(browser: Browser, page: Path) -> None:
    browser.open(page)
    browser.press("Tab")
    assert browser.run("document.activeElement.textContent") == "To the class table"
    browser.press("Enter")
    seen = []
    for _ in range(34):
        browser.press("Tab")
        seen.append(browser.run("document.activeElement.id || document.activeElement.textContent.trim()"))
    assert {"item", "outcome", "slip", "note", "clear", "keys", "Name", "Total", "adam.golden"} <= set(seen)
    assert any(name.startswith("Ada") for name in seen)


@pytest.mark.parametrize("size", [LAPTOP, DESK])
def test_it_fits_the_screen_without_a_hole(browser: Browser, page: Path, size: tuple[int, int]) -> None:
    browser.look(*size)
    browser.open(page)
    assert browser.run("document.documentElement.scrollWidth <= innerWidth")
    assert browser.run("(() => {const wide = document.querySelector('.wide'); return wide.scrollWidth <= wide.clientWidth})()")
    boxes = browser.run("Array.from(document.querySelectorAll('.panels > section'), (one) => {"
                        "const box = one.getBoundingClientRect(); return [box.left, box.right, box.top, box.bottom]})")  # fmt: skip
    assert len(boxes) == 3
    assert len({(top, bottom) for _, _, top, bottom in boxes}) == 1, "panels side by side, all of one height"
    assert all(12 <= right[0] - left[1] <= 14 for left, right in pairwise(boxes))
    clipped = browser.run("Array.from(document.querySelectorAll('#grades thead tr:last-child th'))"
                          ".filter((one) => one.scrollWidth > one.clientWidth || one.scrollHeight > one.clientHeight)"
                          ".map((one) => one.textContent)")  # fmt: skip
    assert clipped == []


def test_names_and_header_stay_in_sight(browser: Browser, page: Path) -> None:
    browser.look(800, 600)
    browser.open(page)
    place = """(() => {
        const wide = document.querySelector(".wide");
        wide.scrollTo(300, 400);
        const frame = wide.getBoundingClientRect(), box = document.querySelector($0).getBoundingClientRect();
        return [box.left - frame.left, box.top - frame.top];
    })()"""
    assert browser.run("document.querySelector('.wide').scrollWidth > document.querySelector('.wide').clientWidth")
    left, _ = browser.run(place, "#grades tbody tr:nth-child(30) th")
    _, top = browser.run(place, "#grades thead")
    assert abs(left) <= 2
    assert abs(top) <= 2


def test_a_students_section_shows_all_there_is(browser: Browser, page: Path, tmp_path: Path) -> None:
    browser.open(page)
    coded = browser.run("rows.find((row) => document.querySelector(`script[data-of='${row.dataset.id}']`).textContent.includes"
                        "('\"code\":')).dataset.id")  # fmt: skip
    browser.open(page, f"#student={coded}")
    places = browser.run(
        """(() => {
            const code = document.querySelector("pre.code");
            const boxes = [code, code.closest(".beside").firstChild].map((one) => one.getBoundingClientRect());
            return boxes.map((box) => [box.left, box.right, box.top]);
        })()"""
    )
    (code_left, _, code_top), (_, said_right, said_top) = places
    assert code_left >= said_right, "the code stands beside what is said of it"
    assert abs(code_top - said_top) < 30
    assert browser.run("document.querySelectorAll('.strip a').length") == 18
    out = tmp_path / "one"
    target = made(out, 3)
    place = gradebooks.place(out, "submission_10000")
    verdict = json.loads(place.read_bytes())
    verdict["extra_data"]["received"] = {"lines": ["x/optim (1).py: not used"], "missing": ["optim.py"]}
    place.write_text(json.dumps(verdict))
    book = gradebooks.load(out)
    beside = Beside(load(place.with_name("curves.json")))
    applied = (Applied("total", "1 -> 8", "in office hours"),)
    lines = [(replace(line, applied=applied), one) for line, one in gradebooks.lines(out, book)]
    target.write_text("".join(class_page.render(HOMEWORK, book, lambda: iter(lines), beside=lambda _: beside)), "utf-8")
    browser.open(target, "#student=submission_10000")
    text = browser.run("byId('student').innerText")
    for said in ("x/optim (1).py: not used", "Missing: optim.py", "total 1 -> 8: in office hours", "Built on the handout"):
        assert said in text


def contrast(browser: Browser, selector: str) -> list[float]:
    """How the text of elements stands out from the nearest background behind it; WCAG 2.2 asks for 4.5."""
    pairs = browser.run(
        """Array.from(document.querySelectorAll($0)).filter((one) => one.getClientRects().length).slice(0, 60).map((one) => {
            const ground = (node) => getComputedStyle(node).backgroundColor;
            let behind = one;
            while (behind.parentElement && ground(behind) === "rgba(0, 0, 0, 0)") behind = behind.parentElement;
            return [getComputedStyle(one).color, ground(behind)];
        })""",
        selector,
    )

    def luminance(colour: str) -> float:
        parts = [int(number) / 255 for number in re.findall(r"\d+", colour)[:3]]
        red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    lights = [sorted(map(luminance, pair)) for pair in pairs]
    return [(bright + 0.05) / (dim + 0.05) for dim, bright in lights]


@pytest.mark.parametrize("dark", [False, True])
def test_it_can_be_read_in_the_light_and_in_the_dark(browser: Browser, page: Path, *, dark: bool) -> None:
    browser.look(*LAPTOP, dark=dark)
    browser.open(page)
    assert (browser.run("getComputedStyle(document.body).backgroundColor") != "rgb(255, 255, 255)") is dark
    places = ["h1", "h2", "td", "th", "a", "summary", ".soft", ".why", ".flag", ".legend span", "button", "select"]
    found: dict[str, list[float]] = {selector: contrast(browser, selector) for selector in places}
    busiest = browser.run("rows.find((row) => row.querySelector('td[data-o=wrong]')).dataset.id")
    browser.open(page, f"#student={busiest}")
    found |= {
        selector: contrast(browser, selector) for selector in (".strip a", ".mark", ".staff", ".label", "pre", ".where", ".card li")
    }
    for selector, ratios in found.items():
        assert ratios, selector
        assert min(ratios) >= 4.5, selector


def test_on_paper_all_rows_and_scores_are_there_and_nothing_to_click(browser: Browser, page: Path) -> None:
    browser.look(1000, 700, dark=True, media="print")
    browser.open(page)
    browser.run("dispatchEvent(new Event('beforeprint'))")
    assert browser.run("getComputedStyle(document.body).backgroundColor") in ("rgb(255, 255, 255)", "rgba(0, 0, 0, 0)")
    assert browser.run("rows.every((row) => row.getClientRects().length && row.cells[TOTAL].textContent)")
    assert browser.run("document.querySelector('.wide').scrollHeight <= document.querySelector('.wide').clientHeight + 1")
    assert browser.run("document.documentElement.scrollWidth <= innerWidth"), "no column is cut off"
    assert not any(visible(browser, selector) for selector in (".controls", ".skip", ".turn"))
    assert browser.printed().startswith(b"%PDF-")
    browser.open(page, "#student=submission_10001")
    assert visible(browser, ".result")
    assert visible(browser, ".strip")
    assert not visible(browser, ".turn")


def test_an_empty_queue_says_so(browser: Browser, tmp_path: Path) -> None:
    browser.open(made(tmp_path, 3, quiet=True))
    assert "Nothing. No grader error" in browser.run("document.querySelector('.first').innerText")
    assert not visible(browser, ".queue")


def test_of_a_thousand_students_all_are_drawn_in_the_end_and_on_paper_at_once(browser: Browser, tmp_path: Path) -> None:
    page = made(tmp_path, 1000)
    drawn = "rows.filter((row) => row.getClientRects().length).length"
    browser.open(page)
    assert len(ids(browser)) == 1000
    browser.run(f"new Promise((done) => {{const see = () => {drawn} === 1000 ? done() : setTimeout(see, 20); see()}})")
    browser.click("#grades thead tr:last-child th:nth-child(4) button")
    totals = column(browser, 3)
    assert totals == sorted(totals, key=float)
    browser.run("dispatchEvent(new Event('beforeprint'))")
    assert browser.run(drawn) == 1000
    last: Any = ids(browser)[-1]
    browser.open(page, f"#student={last}")
    assert browser.run("byId('student').dataset.id") == last
    assert browser.said == []
