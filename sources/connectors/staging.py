"""Copy text files for the SELECTs: each valid record with its file and line; invalid records are rejected.

DuckDB's own reader has no line numbers, and loses all rows after a stray quote. Python's `csv` and `json` read one
record at a time and write a plain copy that DuckDB cannot misread.
"""

import csv
import json
import re
from collections.abc import Callable, Iterator
from io import TextIOBase
from pathlib import Path
from typing import IO

from sources.connectors.encodings import UTF_8, encoding_of, encoding_of_mark, open_text
from sources.connectors.headers import Lines, read_header

RejectRecord = Callable[[int, str, str], None]
"""Arguments: line number, text, reason."""

MAX_TEXT_SHOWN = 200
# Excel keeps leading zeros in a formula: ="0017" means 0017.
EXCEL_TEXT_START = '="'
EXCEL_TEXT = re.compile(r'="((?:[^"]|"")*)"')


def _encoding_problem(encoding: str) -> str:
    name = "UTF-8" if encoding == UTF_8 else encoding
    return (
        f"not {name}; save the file as UTF-8, or name its encoding: "
        "encoding = \"cp1252\" under [source] in shop.toml, or read_csv('...', encoding = 'cp1252')"
    )


def _records(
    lines: Lines, delimiter: str, copy_plain: Callable[[], None], reject: RejectRecord
) -> Iterator[tuple[int, list[str]]]:
    """Yield the records that are not plain, each with the number of its line; `copy_plain` takes those before it."""
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    while True:
        copy_plain()
        lines.taken.clear()
        line = lines.number + 1
        try:
            record = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            # An open quote takes in the lines below it. Only the first line is wrong; the others are read again.
            reject(line, lines.put_back_all_but_first(), f"bad quotes ({error})")
            continue
        if record:
            yield line, record


def stage_csv(file: Path, name: str, staged: Path, reject: RejectRecord, declared: str | None = None) -> list[str]:
    """Copy a delimited file, with the columns _file and _line added. Return the names in its header.

    `declared` is the encoding of files that are not UTF-8. Raises ValueError when there is no header.
    """
    encoding = encoding_of(file, declared)
    with open_text(file, encoding) as stream, staged.open("w", encoding=UTF_8, newline="") as copy:
        lines = Lines(stream)
        columns, delimiter = read_header(lines, name)
        if any(map(_has_surrogates, columns)):
            raise ValueError(f"has a header that is {_encoding_problem(encoding)}")
        width = _Width(columns)
        writer = csv.writer(copy, quoting=csv.QUOTE_ALL, lineterminator="\n")
        place = ',"' + name.replace('"', '""') + '",'

        def copy_plain() -> None:
            # Python's csv takes four times as long for a record that has nothing to be quoted.
            for text in lines.plain(delimiter, width.full):
                values = text.rstrip("\r\n") if delimiter == "," else text.rstrip("\r\n").replace(delimiter, ",")
                try:
                    copy.write(f"{values}{place}{lines.number}\n")
                except UnicodeEncodeError:
                    reject(lines.number, text, _encoding_problem(encoding))

        for line, values in _records(lines, delimiter, copy_plain, reject):
            if not any(map(str.strip, values)):
                continue
            record = values if len(values) == width.full else width.fit(values)
            if record is None:
                reject(line, "".join(lines.taken), f"{len(values)} values, but the header names {width.full}")
                continue
            if EXCEL_TEXT_START in (lines.taken[0] if len(lines.taken) == 1 else "".join(lines.taken)):
                record = [_from_excel(value) for value in record]
            try:
                writer.writerow((*record, name, line))
            except UnicodeEncodeError:
                reject(line, "".join(lines.taken), _encoding_problem(encoding))
    return columns


class _Width:
    """How many values a record may have. Blank values at the end, beyond the header, do not count."""

    def __init__(self, columns: list[str]) -> None:
        self.full = self.named = len(columns)
        while self.named > 1 and columns[self.named - 1] == f"column{self.named}":
            self.named -= 1

    def fit(self, record: list[str]) -> list[str] | None:
        """Return the record with as many values as the header; None when values are missing or would be lost."""
        if self.named <= len(record) < self.full:
            return record + [""] * (self.full - len(record))
        return None if len(record) < self.full or any(map(str.strip, record[self.full :])) else record[: self.full]


def _from_excel(value: str) -> str:
    match = EXCEL_TEXT.fullmatch(value.strip())
    return match[1].replace('""', '"') if match else value


def _has_surrogates(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False


def is_json_lines(file: Path) -> bool | None:
    """Return True for one JSON object a line, False for one array, None for one object over several lines.

    A first line that is not JSON is an invalid record if the second is a JSON object by itself.
    """
    with open_text(file, encoding_of_mark(file) or UTF_8) as stream:
        non_blank = (line for line in stream if line.strip())
        first, second = next(non_blank, "{}"), next(non_blank, "")
    if first.lstrip()[0] != "{":
        return False
    return True if not second or _is_object(first) or _is_object(second) else None


def _is_object(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except ValueError:
        return False


def stage_json_lines(file: Path, name: str, staged: Path, reject: RejectRecord) -> None:
    """Copy a file of one JSON object a line, with _file and _line added."""
    with open_text(file, encoding_of_mark(file) or UTF_8) as stream, staged.open("w", encoding=UTF_8) as copy:
        for line, text in enumerate(stream, start=1):
            if text.strip():
                _stage_object(text.strip(), {"_file": name, "_line": line}, copy, reject)


def _stage_object(text: str, place: dict[str, str | int], copy: TextIOBase | IO[str], reject: RejectRecord) -> None:
    line = int(place["_line"])
    try:
        record = json.loads(text)
        if isinstance(record, dict):
            copy.write(json.dumps(place)[:-1] + (", " if record else "") + text[1:] + "\n")
        else:
            reject(line, text, 'a JSON object such as {"id": 1} is right')
    except UnicodeEncodeError:
        reject(line, text, _encoding_problem(UTF_8))
    except ValueError as error:
        reject(line, text, f"not JSON ({error})")
