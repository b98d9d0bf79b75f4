"""What the measurements print can be pasted into the documentation."""

from benchmarks.asked import Asked, in_turn
from benchmarks.tables import markdown


def test_a_table_is_markdown_with_words_to_the_left_and_numbers_to_the_right():
    rows = [{"relay": "bare", "mails/s": 3753.4, "share": 1.0}, {"relay": "ours", "mails/s": 12, "share": ""}]
    assert markdown(rows).splitlines() == [
        "| relay | mails/s | share |",
        "| ----- | ------: | ----: |",
        "| bare  |   3,753 |  1.00 |",
        "| ours  |      12 |       |",
    ]


def test_each_round_begins_with_another_relay_and_leaves_none_out():
    assert [[*in_turn("abc", turn)] for turn in range(4)] == [
        ["a", "b", "c"],
        ["b", "c", "a"],
        ["c", "a", "b"],
        ["a", "b", "c"],
    ]


def test_what_is_not_quick_is_measured_three_times(tmp_path):
    assert Asked(tmp_path, (1,)).rounds == 3
    assert Asked(tmp_path, (1,), quick=True).rounds == 1
