"""Lines without quotes are copied as they are; what DuckDB reads of them is what it reads of a quoted copy."""

import tempfile
from pathlib import Path

import duckdb
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sources.connectors.duckdb_readers import QUERY_BUILDERS
from sources.connectors.headers import Lines

cells = st.text(st.sampled_from("ab1 é\t\0\r\x0b\x85\u2028\xa0'\\#=") | st.sampled_from(',;"'), max_size=5)
plain_cells = st.text(st.sampled_from("ab1 é'\\#-."), max_size=5)
rows = st.lists(st.lists(cells, min_size=1, max_size=4) | st.lists(plain_cells, min_size=3, max_size=3), max_size=8)


def read(content, *, plain):
    """Return the rows of a file with their lines, and the rejected records."""
    rejected = []
    with tempfile.TemporaryDirectory() as folder, duckdb.connect() as duck:
        file = Path(folder) / "rows.csv"
        file.write_bytes(content)
        kept = Lines.plain
        if not plain:
            Lines.plain = lambda *_: iter(())
        try:
            query = QUERY_BUILDERS["csv"](
                duck, file, "o'rows\".csv", Path(folder) / "copy", lambda *one: rejected.append(one), None
            )
        except ValueError as error:
            return str(error), rejected
        finally:
            Lines.plain = kept
        return duck.execute(query).fetchall(), rejected


@settings(max_examples=60, deadline=None)
@given(rows, st.sampled_from(",;\t"), st.sampled_from(["\n", "\r\n"]), st.binary(max_size=3))
@example([["1", "", "x"], ["2", " y ", ""], ["", "", ""], [" ", "a", "b"]], ",", "\r\n", b"")
@example([["1", "a", "x"], [" ", "", " "], ["2", "a\0b", "\0"], ["3", "", ""]], ",", "\n", b"")
@example([["1", "a,b", "c"], ["2", "a", "c"]], ";", "\n", b"")
@example([["1", "NULL", "null"], ["2", "\\N", "#"]], ",", "\n", b"")
@example([["1", "a", "b"], ["2", "a", "b"]], ",", "\n", b"3,\xff\xe9,c")
@example([["1", '"a', "b"], ["2", "a", 'b"'], ["3", "c", "d"]], ",", "\n", b"")
def test_plain_lines_are_read_as_their_quoted_copies(rows, delimiter, end, last):
    text = end.join(delimiter.join(row) for row in (["id", "name", "city"], *rows)) + end
    content = text.encode() + last
    assert read(content, plain=True) == read(content, plain=False)


def test_a_line_beside_a_quoted_one_keeps_its_number_and_its_values():
    content = b'id,name,city\n1, a b ,\n"2","x\ny",z\n\n3,c,d\n4,e\n5,f,g'
    found, rejected = read(content, plain=True)
    name = "o'rows\".csv"
    assert found == [
        ("1", " a b ", None, name, 2), ("2", "x\ny", "z", name, 3), ("3", "c", "d", name, 6), ("5", "f", "g", name, 8)
    ]  # fmt: skip
    assert [(line, reason) for line, _, reason in rejected] == [(7, "2 values, but the header names 3")]
