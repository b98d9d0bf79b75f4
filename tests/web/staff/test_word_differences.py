from web.staff.word_differences import mark_words


def changed(lines):
    return [(sign, [text for text, is_changed in line if is_changed]) for sign, line in lines]


def test_only_the_changed_words_of_a_passage_are_marked_and_its_lines_stay():
    lines = [
        (" ", "Hello,"),
        ("-", "your order will arrive"),
        ("-", "on Monday, we think."),
        ("+", "your parcel will arrive"),
        ("+", "on Tuesday, we think."),
    ]
    marked = mark_words(lines)
    assert [(sign, "".join(text for text, _ in line)) for sign, line in marked] == lines
    assert changed(marked) == [
        (" ", []),
        ("-", ["order"]),
        ("-", ["Monday"]),
        ("+", ["parcel"]),
        ("+", ["Tuesday"]),
    ]


def test_lines_that_are_only_new_or_quite_other_ones_have_no_marked_words():
    assert changed(mark_words([("+", ""), ("+", "One more line.")])) == [("+", []), ("+", [])]
    assert changed(mark_words([("-", "Sorry!"), ("+", "We found a parcel with your name")])) == [("-", []), ("+", [])]
