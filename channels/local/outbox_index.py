"""Write an HTML page that lists the messages in the local outbox."""

import heapq
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from html import escape
from pathlib import Path
from typing import Any

from channels.atomic_files import replace_files
from channels.local.outbox import VIEWS
from models.quantities import counted

MAX_ROWS = 500

PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Outbox</title>
<style>
  :root {{ color-scheme: light dark; --line: #8883; --quiet: light-dark(#5c6370, #a0a6b0); }}
  body {{ font: 15px/1.5 system-ui, sans-serif; max-width: 64rem; margin: 2.5rem auto; padding: 0 1.25rem; }}
  h1 {{ font-size: 1.5rem; margin: 0; }}
  p {{ color: var(--quiet); margin: .25rem 0 1.5rem; }}
  table {{ border-collapse: collapse; width: 100%; }}
  th, td {{ text-align: left; vertical-align: top; padding: .5rem .75rem .5rem 0; border-top: 1px solid var(--line); }}
  th {{ font-weight: 600; color: var(--quiet); border: 0; }}
  td.when, td.to, td.file {{ white-space: nowrap; }}
  td.when {{ font-variant-numeric: tabular-nums; color: var(--quiet); }}
  a {{ color: light-dark(#0b57d0, #8ab4f8); text-underline-offset: .15em; }}
</style>
<h1>Outbox</h1>
<p>{sentence}</p>
{table}
</html>
"""
TABLE = """<table>
<thead><tr><th>Kept (UTC)<th>By<th>To<th>What<th>File</thead>
<tbody>
{rows}
</tbody>
</table>"""
ROW = (
    '<tr><td class="when"><time datetime="{iso}">{when}</time><td>{channel}<td class="to">{to}'
    '<td>{what}<td class="file"><a href="{file}">{suffix}</a>'
)


def write_outbox_index(folder: Path, mask: Callable[[str], str]) -> Path:
    """Write `index.html` into an outbox: the number of messages and the newest 500; return its path.

    `mask` hides most of an address.
    """
    total = sum(1 for _ in _records(folder))
    newest = heapq.nlargest(MAX_ROWS, ((record.stat().st_mtime, record) for record in _records(folder)))
    rows = "\n".join(_row(folder, when, record, mask) for when, record in newest)
    page = folder / "index.html"
    html = PAGE.format(sentence=_sentence(total), table=TABLE.format(rows=rows) if rows else "")
    replace_files({page: html.encode()}, private=True)
    return page


def _records(folder: Path) -> Iterator[Path]:
    return folder.glob("*/??/*.json")


def _sentence(total: int) -> str:
    if not total:
        return "No message so far."
    shown = f" The newest {MAX_ROWS} are shown." if total > MAX_ROWS else ""
    return f"{counted(total, 'message')}.{shown} Nothing of this has left the machine."


def _row(folder: Path, modified: float, record: Path, mask: Callable[[str], str]) -> str:
    try:
        message: dict[str, Any] = json.loads(record.read_bytes())
    except (OSError, ValueError):
        return ""  # an incomplete record: the page must not stop a run
    when = datetime.fromtimestamp(modified, UTC)
    file = record.with_suffix(".eml" if message["channel"] == "email" else ".txt")
    what = escape(message["subject"] or message["text"])
    if message["html"]:
        view = folder / VIEWS / f"{record.stem}.html"
        replace_files({view: message["html"].encode()}, private=True)
        what = f'<a href="{VIEWS}/{view.name}">{what}</a>'
    return ROW.format(
        iso=when.isoformat(timespec="seconds"),
        when=f"{when:%Y-%m-%d %H:%M}",
        channel=escape(message["channel"]),
        to=escape(mask(message["to"])) if message["to"] else "everybody",
        what=what,
        file=file.relative_to(folder).as_posix(),
        suffix=file.suffix,
    )
