"""Versions of what a shop edits: proposed, approved by a second person, sent back, used again, and never lost."""

import subprocess
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from app.shop_edits import IN_GIT, SWITCHED_OFF, CannotWrite, ShopEdits
from models.versions import BY_FILES, Area, Author, VersionState
from tasks.versions.history import all_in_use, all_waiting, in_use, used_at, version, versions, waiting
from tasks.versions.record import ChangedOutside, NothingChanged, SavedMeanwhile, adopt, propose, use_again
from tasks.versions.review import NotWaiting, OwnVersion, approve, send_back

NOW = datetime(2025, 11, 24, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
MARA, JAN = Author("Mara", "p1", NOW), Author("Jan", "p2", NOW)
FILE, WEEK = "templates/week/subject.en.txt", (Area.WORDS, "week/en")


@pytest.fixture
def edits(tmp_path):
    folder = tmp_path / "shop"
    folder.mkdir()
    return ShopEdits(folder)


@pytest.fixture
def save(context, edits):
    """Return a function that saves a text as the page of a person does, and returns the version."""

    def save(text, act=MARA, *, based_on=None, needs_second=False):
        with edits.saving(context.engine) as saving:
            on_disk = edits.read([FILE])
            newest = based_on or adopt(saving.connection, *WEEK, on_disk, NOW).number
            found = propose(
                saving.connection,
                *WEEK,
                {FILE: text},
                act=act,
                note="shorter",
                based_on=newest,
                needs_second=needs_second,
                on_disk=on_disk,
            )
            if found.state is VersionState.IN_USE:
                saving.write(found.files)
        return found

    return save


def read(context, function, *arguments):
    with context.engine.begin() as connection:
        return function(connection, *arguments)


def test_a_version_counts_at_once_and_the_file_has_it(context, edits, save):
    made = save("Late\n")
    assert (made.number, made.state, made.author, made.based_on) == (2, VersionState.IN_USE, "Mara", 1)
    assert (edits.folder / FILE).read_text() == "Late\n"
    first, second = reversed(read(context, versions, *WEEK))
    assert (first.author, first.state, first.files) == (BY_FILES, VersionState.REPLACED, {FILE: None})
    assert second == read(context, in_use, *WEEK) == read(context, all_in_use, Area.WORDS)["week/en"]


def test_using_the_first_version_again_deletes_the_shops_own_file(context, edits, save):
    save("Late\n")
    with edits.saving(context.engine) as saving:
        again = use_again(
            saving.connection,
            *WEEK,
            1,
            act=JAN,
            note="",
            based_on=2,
            needs_second=False,
            on_disk=edits.read([FILE]),
        )
        saving.write(again.files)
    assert (again.number, again.note) == (3, "version 1 again")
    assert not (edits.folder / FILE).exists()


def test_a_version_waits_for_a_second_person_who_is_not_its_author(context, edits, save):
    made = save("Late\n", needs_second=True)
    assert made.state is VersionState.WAITS
    assert not (edits.folder / FILE).exists()
    assert read(context, waiting, *WEEK) == read(context, all_waiting, Area.WORDS)["week/en"] == made
    given = {"compared_with": 1, "on_disk": {FILE: None}}
    with context.engine.begin() as connection:
        with pytest.raises(OwnVersion):
            approve(connection, *WEEK, 2, act=MARA, **given)
        with pytest.raises(SavedMeanwhile):
            approve(connection, *WEEK, 2, act=JAN, compared_with=7, on_disk={FILE: None})
        with pytest.raises(ChangedOutside):
            approve(connection, *WEEK, 2, act=JAN, compared_with=1, on_disk={FILE: "Other"})
        approved = approve(connection, *WEEK, 2, act=JAN, **given)
        with pytest.raises(NotWaiting):
            approve(connection, *WEEK, 2, act=JAN, **given)
    assert (approved.state, approved.approver, approved.author) == (VersionState.IN_USE, "Jan", "Mara")
    assert read(context, version, *WEEK, 1).state is VersionState.REPLACED


def test_a_version_is_sent_back_with_a_note_and_a_newer_one_takes_the_place_of_one_that_waits(context, save):
    save("Late\n", needs_second=True)
    sent_back = read(context, lambda each: send_back(each, *WEEK, 2, act=JAN, reply="too short"))
    assert (sent_back.state, sent_back.reply) == (VersionState.SENT_BACK, "too short")
    save("Later\n", based_on=2, needs_second=True)
    save("Latest\n", based_on=3, needs_second=True)
    states = [each.state for each in read(context, versions, *WEEK)]
    assert states == [VersionState.WAITS, VersionState.REPLACED, VersionState.SENT_BACK, VersionState.IN_USE]


def test_who_did_not_see_the_newest_version_does_not_overwrite_it(edits, save):
    save("Late\n")
    with pytest.raises(SavedMeanwhile, match="version 2 was saved meanwhile, by Mara"):
        save("Other\n", JAN, based_on=1)
    with pytest.raises(NothingChanged):
        save("Late\n", JAN, based_on=2)
    assert (edits.folder / FILE).read_text() == "Late\n"


def test_what_was_changed_outside_the_desk_becomes_a_version_and_nothing_is_lost(context, edits, save):
    save("Late\n")
    (edits.folder / FILE).write_text("By an editor\n")
    with pytest.raises(ChangedOutside):
        save("Mine\n", based_on=2)
    adopted = read(context, adopt, *WEEK, edits.read([FILE]), NOW)
    assert (adopted.number, adopted.author) == (3, BY_FILES)
    save("Mine\n", based_on=3)
    texts = [each.files[FILE] for each in read(context, versions, *WEEK)]
    assert texts == ["Mine\n", "By an editor\n", "Late\n", None]


def test_the_version_in_use_at_a_moment_is_known(context, save):
    save("Late\n")
    save("Later\n", replace(MARA, at=NOW + HOUR), based_on=2, needs_second=True)
    save("Latest\n", replace(MARA, at=NOW + 2 * HOUR), based_on=3)
    found = [read(context, used_at, *WEEK, NOW + n * HOUR) for n in (-1, 0, 1, 2)]
    assert [each and each.number for each in found] == [None, 2, 2, 4]


def test_files_are_put_back_where_the_transaction_fails(context, edits, save):
    save("Late\n")
    with pytest.raises(CannotWrite), edits.saving(context.engine) as saving:
        saving.write({FILE: "New\n", "../outside.txt": "no"})
    assert (edits.folder / FILE).read_text() == "Late\n"
    assert [each.name for each in (edits.folder / FILE).parent.iterdir()] == ["subject.en.txt"]


def test_who_could_read_a_file_can_read_it_after_it_was_saved(edits, save):
    save("Late\n")
    (edits.folder / FILE).chmod(0o664)
    save("Delayed\n")
    assert (edits.folder / FILE).stat().st_mode & 0o777 == 0o664


def test_whether_a_folder_may_be_edited(tmp_path):
    assert ShopEdits(tmp_path).refusal == ""
    assert ShopEdits(tmp_path, edits=False).refusal == SWITCHED_OFF
    (tmp_path / ".git").mkdir()
    (tmp_path / "shop").mkdir()
    assert ShopEdits(tmp_path / "shop").refusal == IN_GIT
    assert ShopEdits(tmp_path / "shop", edits=True).refusal == ""


def test_a_folder_that_git_ignores_is_not_kept_in_git(tmp_path):
    subprocess.run(["git", "init", "--quiet", str(tmp_path)], check=True)  # noqa: S603, S607 - git of the PATH
    (tmp_path / ".gitignore").write_text("/ours/\n")
    for name in ("ours", "kept"):
        (tmp_path / name).mkdir()
    assert ShopEdits(tmp_path / "ours").refusal == ""
    assert ShopEdits(tmp_path / "kept").refusal == IN_GIT
