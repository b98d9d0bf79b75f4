"""Bring into the site what pages link to outside of docs/: two pages at the top, and other files as they are."""

import os
import re
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

LINK = re.compile(r"(\]\()([^)#\s:]+)")
PAGES = {"CHANGELOG.md": "changelog.md", "CONTRIBUTING.md": "contributing.md"}
"""Pages at the top of the checkout, with their place in the site."""
FILES = "files"
"""The site's folder for files that are not pages."""


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages and every file outside docs/ that a page links to."""
    docs = Path(config.docs_dir)
    root = docs.parent
    for name, place in PAGES.items():
        text = (root / name).read_text()
        files.append(File.generated(config, place, content=_moved(text, root, docs, docs / place)))
        _add_linked(text, root, files, config)
    for page in files.documentation_pages():
        if page.abs_src_path is not None:
            source = Path(page.abs_src_path)
            _add_linked(source.read_text(), source.parent, files, config)
    return files


def on_page_markdown(markdown: str, config: MkDocsConfig, page: Any, files: Files) -> str:  # noqa: ARG001 - mkdocs' own
    """Point the links of a page to where those files are in the site."""
    docs = Path(config.docs_dir)
    if page.file.abs_src_path is None:  # a page of PAGES, whose links were moved with it
        return markdown
    source = Path(page.file.abs_src_path)
    return _moved(markdown, source.parent, docs, source)


def _add_linked(text: str, folder: Path, files: Files, config: MkDocsConfig) -> None:
    docs = Path(config.docs_dir)
    for _, link in LINK.findall(text):
        target = (folder / link).resolve()
        place = _place(target, docs)
        if place and place.startswith(f"{FILES}/") and target.is_file() and place not in files.src_uris:
            files.append(File.generated(config, place, abs_src_path=str(target)))


def _place(target: Path, docs: Path) -> str | None:
    """Return a file's path in the site; None where it is not in the checkout."""
    if target.is_relative_to(docs):
        return str(target.relative_to(docs))
    if not target.is_relative_to(docs.parent):
        return None
    name = str(target.relative_to(docs.parent))
    return PAGES.get(name, f"{FILES}/{name}")


def _moved(text: str, folder: Path, docs: Path, page: Path) -> str:
    """Return a page's text with its links, which start from `folder`, as they are from the page's place in the site."""

    def moved(match: re.Match[str]) -> str:
        target = (folder / match[2]).resolve()
        place = _place(target, docs)
        if place is None or not target.exists():
            return match[0]  # mkdocs then says what is missing
        return match[1] + os.path.relpath(docs / place, page.parent)

    return LINK.sub(moved, text)
