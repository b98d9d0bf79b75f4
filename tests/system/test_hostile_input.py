"""What a shop's data may hold by malice or accident: tried from its files to the last page, harmless and readable."""

import csv
import email
import email.policy
import re
import sys
from html.parser import HTMLParser

import pytest

from app.safe_text import escape_control, markdown_cell
from cli.main import main
from sources.starter_folder import write_starter
from tasks.csv_files import escape_formula, open_csv

DAY = "2026-06-15"
ODD = {
    "expression": ("{{ 7*7 }} lamp", "{{ 7*7 }} lamp"),
    "statement": ("{% for x in y %}lamp", "{% for x in y %}lamp"),
    "script": ("<script>alert(1)</script>lamp", "<script>alert(1)</script>lamp"),
    "attribute": ('lamp" onload="x()', 'lamp" onload="x()'),
    "header": ("lamp\r\nBcc: eve@example.com", "lamp Bcc: eve@example.com"),
    "bell": ("lamp\x1b[31m\x07red\x9b2J", "lamp [31m red 2J"),
    "right to left": ("lamp\u202egpj.exe\u200b\u2066", "lampgpj.exe"),
    "emoji": ("lamp \U0001f4a1", "lamp \U0001f4a1"),
    "markdown": ("lamp | `x` [a](http://b) <b>", "lamp | `x` [a](http://b) <b>"),
    "formula": ('=HYPERLINK("http://e","lamp")', '=HYPERLINK("http://e","lamp")'),
    "long": ("lamp " + "ab " * 3332, "lamp ab ab"),
    "one long word": ("lamp" + "x" * 9996, "lampxxx"),
}
UNSEEN = ("\u200b\u2066", "   \u200b")


class Page(HTMLParser):
    """What a reader sees of a page, and what would run in it."""

    def __init__(self, html):
        super().__init__()
        self.seen, self.tags, self.handlers = "", [], []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.handlers += [name for name, value in attrs if name.startswith("on") or "javascript:" in (value or "")]

    def handle_data(self, data):
        self.seen += data


@pytest.fixture
def shop(tmp_path, monkeypatch):
    """Return the folder of a shop with one customer and one product for each odd name, all late."""
    write_starter(tmp_path / "shop")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    names = [odd for odd, _ in ODD.values()] + list(UNSEEN)
    table(tmp_path, "products", [(f"P{n}", name, "Lamps", "9.00") for n, name in enumerate(names)])
    table(tmp_path, "customers", [(f"C{n}", name, f"c{n}@example.com", *[""] * 5) for n, name in enumerate(names)])
    table(tmp_path, "orders", [(f"10{n}", f"C{n}", "2026-05-01 10:00:00", "", "") for n in range(len(names))])
    lines = [(f"10{n}", "1", f"P{n}", "1", "9.00", "2026-06-05", "", "") for n in range(len(names))]
    table(tmp_path, "lines", lines)
    table(tmp_path, "stock", [("P0", "main", "0", "0")])
    return tmp_path


def table(place, name, rows):
    file = place / "shop" / "data" / f"{name}.csv"
    header = file.read_text().splitlines()[0]
    with file.open("w", newline="", encoding="utf-8") as stream:
        stream.write(header + "\n")
        csv.writer(stream).writerows(rows)


@pytest.fixture
def forewarn(monkeypatch, capsys):
    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["forewarn", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        return ended.value.code or 0, said.out + said.err + str(ended.value.code or "")

    return run


def test_odd_names_reach_their_mails_readable_and_harmless(shop, forewarn):
    code, said = forewarn("run", "--import", "--as-of", DAY)
    assert code == 0, said
    mails = {}
    for file in (shop / "var").rglob("*.eml"):
        assert max(map(len, file.read_bytes().split(b"\n\n", 1)[0].split(b"\n"))) < 998
        mail = email.message_from_bytes(file.read_bytes(), policy=email.policy.default)
        mails[mail["To"].addresses[0].addr_spec] = mail
    assert len(mails) == len(ODD) + len(UNSEEN)
    for n, (_, read) in enumerate(ODD.values()):
        mail = mails[f"c{n}@example.com"]
        assert not mail.defects
        assert mail["Bcc"] is None
        assert f"10{n}" in mail["Subject"]
        greeted = not re.search(r"@|://|www\.|\w\.\w", read)  # a name that is an address greets nobody
        assert mail["To"].addresses[0].display_name.startswith(read[:20].rstrip() if greeted else "")
        text, page = (mail.get_body((kind,)).get_content() for kind in ("plain", "html"))
        assert text.count(read) >= 1 + greeted
        assert escape_control(text) == text
        assert len(text) < 3000
        shown = Page(page)
        assert read in shown.seen
        assert "script" not in shown.tags
        assert shown.handlers == []
    for n, _ in enumerate(UNSEEN, len(ODD)):
        assert f"P{n}" in mails[f"c{n}@example.com"].get_body(("plain",)).get_content()


def test_the_outbox_page_and_the_gallery_show_odd_names_as_text(shop, forewarn):
    forewarn("run", "--import", "--as-of", DAY)
    (index,) = (shop / "var").glob("*/outbox/index.html")
    pages = [Page(file.read_text()) for file in index.parent.rglob("*.html")]
    for n in range(len(ODD)):
        code, _ = forewarn("preview", "--order", f"10{n}", "--as-of", DAY, "--into", f"gallery{n}")
        assert code == 0
        pages.append(Page((shop / f"gallery{n}" / "index.html").read_text()))
    assert len(pages) == 1 + len(ODD) + len(UNSEEN) + len(ODD)
    for page in pages:
        assert page.tags.count("script") <= 1  # the gallery's own
        assert page.handlers == []


@pytest.mark.parametrize("how", [(), ("--json",)])
def test_no_escape_sequence_reaches_a_terminal(shop, forewarn, how):
    table(shop, "orders", [("9\x1b[31m\x9b2J\u202e", "C0", "2026-05-01 10:00:00", "", "")])
    table(shop, "lines", [("9\x1b[31m\x9b2J\u202e", "1", "P5", "1", "9.00", "2026-06-05", "", "")])
    forewarn("import", "--as-of", DAY, *how)
    for command in (("run", "--dry-run"), ("explain", "9\x1b[31m\x9b2J\u202e"), ("explain", "8\x1b[31m")):
        _, said = forewarn(*command, "--as-of", DAY, *how)
        assert escape_control(said) == said
        assert "u001b[31m" in said or "x1b[31m" in said


def test_exports_and_rejects_hold_no_formula_and_keep_their_numbers(shop, forewarn):
    odd = "=HYPERLINK(1)"
    table(shop, "orders", [(odd, "C0", "2026-05-01 10:00:00", "", "")])
    bad = ("@SUM(1)", "1", "P1", "+1+cmd", "9.00", "2026-06-05", "", "")
    fewer = ("-3", "2", "P1", "-3", "9.00", "2026-06-05", "", "")
    late = (odd, "1", "P1", "1", "9.00", "2026-06-13", "", "")
    longer = (odd, "2", "P2", "1", "9.00", "2026-05-15", "", "")
    table(shop, "lines", [late, bad, fewer])
    forewarn("run", "--import", "--as-of", DAY)
    forewarn("offers", "handling-dates", "dates.csv", "--as-of", DAY)
    ((order, *_, days, _),) = read(shop / "dates.csv")[1:]
    assert (order, days) == (f"'{odd}", "2")
    (rejects,) = (shop / "var").rglob("rejects.csv")
    assert {row[4] for row in read(rejects)[1:]} == {"'+1+cmd", "-3"}

    table(shop, "lines", [late, longer])
    forewarn("run", "--import", "--as-of", DAY)
    forewarn("offers", "export", "offers.csv")
    header, *offers = read(shop / "offers.csv")
    assert offers
    assert {row[header.index("order")] for row in offers} == {f"'{odd}"}
    assert all(float(row[header.index("value")]) >= 0 for row in offers)


def read(file):
    with file.open(newline="", encoding="utf-8") as stream:
        return list(csv.reader(stream))


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("=1+1", "'=1+1"), ("+1+1", "'+1+1"), ("-1+1", "'-1+1"), ("@SUM(A1)", "'@SUM(A1)"), ("\t=1", "'\t=1"),
        ("\r=1", "'\r=1"), ("\n=1", "'\n=1"), ("  =1", "'  =1"), ("\uff1d1", "'\uff1d1"), ("-", "'-"),
        ("-5", "-5"), ("+12.50", "+12.50"), ("1041", "1041"), ("a=1", "a=1"), ("", ""), (-5, -5), (None, None),
    ],
)  # fmt: skip
def test_a_cell_that_begins_like_a_formula_is_text_and_a_number_stays_one(value, written):
    assert escape_formula(value) == written


def test_no_other_separator_and_no_half_character_breaks_a_sheet(tmp_path):
    with open_csv(tmp_path / "a.csv", ("a", "b")) as write:
        write(('x;=1+1"', "\ud800"))
    assert (tmp_path / "a.csv").read_text() == '"a","b"\n"x;=1+1""","\\ud800"\n'


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a | b", "a \\| b"), ("a\nb\r\nc", "a b c"), ("`x` *y*", "\\`x\\` \\*y\\*"),
        ("<img src=x>", "\\<img src=x\\>"),
        ("[a](http://b)", "\\[a\\](http://b)"), ("\\|", "\\\\\\|"), ("a\u202eb", "a\\\\u202eb"),
        ("opted_out", "opted_out"),
    ],
)  # fmt: skip
def test_a_cell_of_a_table_is_neither_markup_nor_html(text, shown):
    assert markdown_cell(text) == shown
