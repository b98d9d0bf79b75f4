"""The documentation site: it builds with strict links, has a home for each reader, and fetches nothing."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.paths import ROOT

READERS = ("customer-service", "marketing", "operators", "developers")
FETCHED = re.compile(
    r"""<(?:script|img|iframe)[^>]+src="?(?:https?:)?//|<link[^>]+href="?(?:https?:)?//|@import|url\(.?https?:"""
)


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    """Return the built site."""
    place = tmp_path_factory.mktemp("site")
    done = subprocess.run(  # noqa: S603 - our own
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", place],
        cwd=ROOT, env=os.environ | {"NO_MKDOCS_2_WARNING": "1"}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return place


def test_every_page_is_in_the_site(site):
    pages = [path.relative_to(ROOT / "docs").with_suffix(".html") for path in (ROOT / "docs").rglob("*.md")]
    assert [page for page in (*pages, "changelog.html", "contributing.html") if not (site / page).is_file()] == []


@pytest.mark.parametrize("reader", READERS)
def test_the_first_page_leads_to_a_home_for_each_reader_and_that_to_pages(site, reader):
    assert f"readers/{reader}.html" in (site / "index.html").read_text()
    _, _, article = (site / "readers" / f"{reader}.html").read_text().partition("<article")
    assert len(re.findall(r'href="?\.\./[a-z-]+\.html', article.partition("</article>")[0])) >= 4


def test_a_file_outside_the_docs_that_a_page_links_to_is_in_the_site(site):
    assert (site / "files" / "compose.yaml").read_bytes() == (ROOT / "compose.yaml").read_bytes()


def test_a_page_fetches_nothing_from_another_host(site):
    files = [path for kind in ("*.html", "*.css") for path in site.rglob(kind) if "files" not in path.parts]
    assert len(files) > 20
    found = {
        path.name: FETCHED.search(re.sub(r"<code.*?</code>", "", path.read_text(), flags=re.DOTALL)) for path in files
    }
    assert {name: match for name, match in found.items() if match} == {}
