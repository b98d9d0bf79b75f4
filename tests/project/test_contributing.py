"""What a contributor reads and runs first: paths exist, and the hooks are the checks of `make check`."""

import re
import shutil
import subprocess

import pytest
import yaml

from tests.support.paths import ROOT

GUIDE = (ROOT / "CONTRIBUTING.md").read_text()
PROSE = re.sub(r"^```.*?^```$", "", GUIDE, flags=re.MULTILINE | re.DOTALL)
GIT = shutil.which("git") or "git"
TOP = {path.name for path in ROOT.iterdir()}


def named_paths() -> list[tuple[str, bool]]:
    """Return each path in backticks or in a link, and whether the guide marks it as `(new)`."""
    quoted = [(match[1], bool(match[2])) for match in re.finditer(r"`([^`\s]+)`( \(new\))?", PROSE)]
    in_text = [(path, new) for path, new in quoted if path.split("/")[0] in TOP]
    return in_text + [(link, False) for link in re.findall(r"\]\(([^)#]+)", PROSE)]


def test_the_guide_names_many_paths():
    assert len(named_paths()) > 40


@pytest.mark.parametrize(("path", "new"), sorted(set(named_paths())))
def test_every_path_in_the_guide_exists_and_a_new_file_is_new_in_a_folder_that_exists(path, new):
    if new:
        assert not (ROOT / path).exists()
        assert (ROOT / path).parent.is_dir()
    else:
        assert list(ROOT.glob(path.rstrip("/")))


def test_each_way_to_extend_it_is_told_in_about_ten_lines_and_a_language_on_a_page():
    sections = dict(re.findall(r"^## (Add .+?)\n(.*?)(?=^## |\Z)", GUIDE, re.MULTILINE | re.DOTALL))
    assert sorted(sections) == [
        "Add a channel",
        "Add a language",
        "Add a message",
        "Add a remedy",
        "Add a source connector",
    ]
    lengths = {name: len(text.strip().splitlines()) for name, text in sections.items()}
    assert lengths.pop("Add a language") <= 45
    assert max(lengths.values()) <= 16


def test_the_pre_commit_hooks_are_the_commands_of_make_check_and_download_nothing():
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())
    (repository,) = config["repos"]
    recipe = re.search(r"^check:.*\n((?:\t.+\n)+)", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert recipe
    commands = [line.strip().replace("$(BIN)", ".venv/bin") for line in recipe[1].splitlines()]
    assert repository["repo"] == "local"
    assert [hook["entry"] for hook in repository["hooks"]] == commands


def test_commits_that_blame_skips_are_in_the_history():
    commits = re.findall(r"^[0-9a-f]{40}$", (ROOT / ".git-blame-ignore-revs").read_text(), re.MULTILINE)
    assert commits
    if not (ROOT / ".git").exists() or (ROOT / ".git" / "shallow").exists():
        pytest.skip("this is not a full clone")
    known = subprocess.run(  # noqa: S603 - git, with ids from our own file
        [GIT, "cat-file", "--batch-check"],
        cwd=ROOT,
        input="\n".join(commits),
        capture_output=True,
        text=True,
        check=True,
    )
    assert re.findall(r"^([0-9a-f]{40}) commit", known.stdout, re.MULTILINE) == commits
