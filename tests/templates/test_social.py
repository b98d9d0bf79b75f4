import pytest

from templates.rendering.social import MAX_WEIGHT, weight

FAMILY = "👨‍👩‍👧‍👦"
LONG_LABEL = "randomurl" * 7


# From twitter-text's conformance suite (conformance/validate.yml, WeightedTweetsWithDiscountedEmojiCounterTest and
# lengths, Apache-2.0).
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("This is a test.", 15),
        ("http://test.com", 23),
        ("https://test.com", 23),
        ("test.com", 23),
        ("Test https://test.com test https://test.com test.com test", 86),
        ("Hi http://test.co", 26),
        ("https://www.twitter.com/aloha " * 10, 240),
        ("故人西辞黄鹤楼" * 20 + "，烟花三月下扬州。孤帆远影碧空尽，唯", 316),
        ("😷" * 160, 320),
        ("A\u0301B", 2),
        ("A\ufb2c", 4),
        (f"H🐱☺{FAMILY}", 7),
        ("😷👾😡🔥💩", 10),
        ("🙋🏽👨‍🎤", 4),
        (FAMILY * 140, MAX_WEIGHT),
        ("Unicode 10.0 emoji: 🤪; 🧕; 🧕🏾; 🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f", 34),
        ("Unicode 9.0 emoji: 🤠; 💃; 💃🏾", 29),
        ("\u2000\u2001\u200a\u200b ‐ ‑ ‒ – — ― ‖ ‗ ‘ ’ ‚ ‛ “ ” „ ‟ ′ ″ ‴ ‵ ‶ ‷", 48),
        ("ABC\u202a\uffffABC\ufffe", 12),
        ("\u2066\u202ahttp://foobar.پاکستان/\u202c\u2069", 31),
        (f"{LONG_LABEL}s.com", 68),
        (f"http://{'あいうえおかきくけこ' * 5}あい.com", 23),
    ],
)
def test_a_post_weighs_what_the_published_cases_of_twitter_text_say(text, expected):
    assert weight(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a" * 280, 280),
        ("日本", 4),
        ("\u10ff\u1100", 3),
        ("\r\n", 1),
        ("© ™ ½", 7),
        ("1️⃣ 🇩🇪 ♥️ ♥", 11),
        ("https://example.com/" + "a" * 80, 23),
        ("https://example.com/p?q=1&r=2.", 24),
        ("(https://example.com/a_(b))", 25),
        ("https://example.com:8080/Русские_слова", 23),
        ("http://☃.net/", 23),
        ("see example.com", 27),
        ("www.example.co.uk, and more", 33),
        ("orders@example.com", 18),
        ("3.5 mm, 100 %, e.g. oak", 23),
    ],
)
def test_links_emoji_and_characters_weigh_as_x_weighs_them(text, expected):
    assert weight(text) == expected


@pytest.mark.parametrize(
    ("text", "at_least"),
    [("St.Gallen", 9), ("Node.js", 7), ("example.com/path/to/a/product?colour=green", 23)],
)
def test_a_word_that_may_be_a_link_weighs_as_much_as_the_greater_of_both(text, at_least):
    assert weight(text) == max(23, len(text)) >= at_least


@pytest.mark.parametrize("part", ["a.", "a-", "(", "https://a.b", "https://a.de/(a", "é-", "😀\u200d"])
def test_a_hostile_name_weighs_too_much_and_is_weighed_in_linear_time(part):
    assert weight(part * 2_000) > MAX_WEIGHT
