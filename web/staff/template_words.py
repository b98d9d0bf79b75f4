"""What the pages about templates call messages, parts, languages and sizes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from models.enums import NETWORK_NAMES, Channel
from models.policy.policy import GOOD_NEWS, LATE_AGAIN, NEW_DATE, Policy
from models.quantities import counted
from templates.rendering import frames, sms
from templates.rendering.drafts import ANSWERS, Words, all_messages, second_wordings
from templates.rendering.formats import language_name
from templates.rendering.network_limits import measure
from templates.rendering.previews import Preview
from templates.rendering.purchasing import PURCHASE
from templates.rendering.size_limits import SHOWN_SUBJECT
from templates.rendering.storefront import STOREFRONT
from templates.rendering.template_sets import POSTS
from web.staff.bucket_words import days_late_words

TITLES = {
    LATE_AGAIN: "Later than said before",
    NEW_DATE: "A date is known now",
    GOOD_NEWS: "It is here, or comes sooner",
    "post": "A product is late",
    "back_in_stock": "A product is back in stock",
    "low_stock": "A product runs low",
    "choice_received": "We received your choice",
    "choice_undone": "Your choice is undone",
    "choice_done": "What you asked for is done",
    "choice_refused": "What you asked for is not possible",
    "discount_code": "Your discount code",
    "new_link": "A new link to your order",
    "staff_note": "A note from customer service",
    PURCHASE: "Request to a vendor",
    STOREFRONT: "Notice on a product page",
}
TITLES |= {
    frames.FRAME: "Around all mails: header, footer, colours",
    frames.LETTER: "In all mails about delays: greeting, items, choices",
    frames.REPLY: "In all mails with answers: greeting, button, help",
}
SHARED = "What mails share"
GROUPS = ("Delays", "Good news", "Posts", "Answers", "Vendors", "Product pages", SHARED)
PARTS = {
    "subject.txt": "Subject",
    "body.html": "Mail",
    "body.txt": "Plain text",
    "sms.txt": "Text message",
    "post.txt": "Post",
    "title.txt": "Title",
    "text.txt": "Text",
    "date.txt": "Line with the date",
    "imprint.txt": "Words of the link to the legal notice",
    "privacy.txt": "Words of the link about privacy",
    "mail.html": "Frame: header, footer and colours",
    "parts.html": "Building blocks: buttons, panels, items",
    "letter.html": "Mail",
    "letter.txt": "Plain text",
    "more.html": "Mail, end of a long list",
    "more.txt": "Plain text, end of a long list",
    "answer.html": "Mail",
    "answer.txt": "Plain text",
    "choice.html": "Mail about a choice",
    "choice.txt": "Plain text about a choice",
}
ROWS = {"subject.txt": 3, "body.html": 14, "body.txt": 10, "sms.txt": 5, "post.txt": 5}
ROWS |= {part: 20 if part == "mail.html" else 12 for parts in frames.FILES.values() for part in parts}


@dataclass(frozen=True, slots=True)
class Measured:
    """The size of a part as its readers get it."""

    text: str
    is_too_long: bool = False


def title_of(message: str, policy: Policy) -> str:
    """Return what a message is, as `4 to 7 days late`."""
    if message in TITLES:
        return TITLES[message]
    if second := second_wordings(policy).get(message):
        return f"{title_of(second.message, policy)}, wording B of “{second.name}”"
    buckets = [bucket for bucket in policy.bucket if bucket.words == message]
    words = " and ".join(days_late_words(policy, bucket.name) for bucket in buckets)
    if not words:
        return message.replace("_", " ").capitalize()
    return words if any(bucket.notify for bucket in buckets) else f"{words} (nobody is told)"


def quoted_title(words: Words, policy: Policy) -> str:
    """Return a message in a language as sentences name it."""
    title = f"“{title_of(words.message, policy)}”"
    return title if words.message == frames.FRAME else f"{title} in {language_name(words.language)}"


def full_title(words: Words, policy: Policy) -> str:
    """Return a message in a language as a heading."""
    title = title_of(words.message, policy)
    return title if words.message == frames.FRAME else f"{title}, {language_name(words.language)}"


def language_title(message: str, language: str) -> str:
    """Return the name of a message's language; the frame of all mails has none."""
    return "All languages" if message == frames.FRAME else language_name(language)


def group_of(message: str) -> str:
    """Return the group in which a message is listed."""
    if message == GOOD_NEWS:
        return "Good news"
    if message in POSTS.values():
        return "Posts"
    if message in ANSWERS:
        return "Answers"
    return {PURCHASE: "Vendors", STOREFRONT: "Product pages"}.get(message, "Delays")


def grouped(policy: Policy) -> Mapping[str, list[str]]:
    """Return the messages of a shop by group, each before its second wordings; delays that nobody is told come last."""
    found: dict[str, list[str]] = {group: [] for group in GROUPS}
    used = {bucket.words: bucket.notify for bucket in policy.bucket}
    second = second_wordings(policy)
    for message in sorted(all_messages(policy), key=lambda one: not used.get(one, True)):
        wordings = [folder for folder, trial in second.items() if trial.message == message]
        found[group_of(message)] += [message, *wordings]
    found[SHARED] = list(frames.FILES)
    return found


def part_name(part: str) -> str:
    """Return what a part is called, as `Plain text`."""
    return PARTS.get(part, part)


def field_of(part: str) -> str:
    """Return the name of a part's field in the form."""
    return part.replace(".", "_")


def measures(
    shown: Preview, policy: Policy, currency: str, networks: Sequence[Channel] = (Channel.X,)
) -> dict[str, Measured]:
    """Return the size of each part of a rendered message."""
    found: dict[str, Measured] = {}
    if shown.subject is not None:
        size = len(shown.subject)
        more = f"; mail programs show {SHOWN_SUBJECT}" if size > SHOWN_SUBJECT else ""
        found["subject.txt"] = Measured(f"{size} characters{more}", is_too_long=size > SHOWN_SUBJECT)
    if shown.html is not None:
        found["body.html"] = Measured(f"{max(1, len(shown.html.encode()) // 1000)} kB; Gmail shows 102")
    if shown.text is not None:
        found["body.txt"] = Measured(counted(len(shown.text.split()), "word"))
    if shown.sms is not None:
        found["sms.txt"] = _text_measure(shown.sms, shown.sms_with_stop, policy, currency)
    if shown.post is not None:
        sizes = {network: measure(network, shown.post) for network in networks}
        words = [f"{size.count:,} of {size.limit:,} on {NETWORK_NAMES[one]}" for one, size in sizes.items()]
        found["post.txt"] = Measured("; ".join(words), is_too_long=not all(size.fits for size in sizes.values()))
    return found


def _text_measure(text: str, with_stop: str | None, policy: Policy, currency: str) -> Measured:
    size, price = sms.count_segments(text), policy.costs.sms.get(currency)
    cost = f", about {price} {currency} each" if price is not None else ""
    letters = "" if size.encoding is sms.SmsEncoding.GSM7 else "; it has letters that make texts dearer"
    words, most = f"{_size(size)}{cost}{letters}", size.parts
    if with_stop is not None:
        longer = sms.count_segments(with_stop)
        words, most = f"{words}; {_size(longer)} with how to stop texts", max(most, longer.parts)
    return Measured(words, is_too_long=most > sms.MAX_PARTS)


def _size(size: sms.SmsSize) -> str:
    return f"{counted(size.parts, 'part')} ({size.units} characters)"
