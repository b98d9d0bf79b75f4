"""The policy in sentences: what each number does, with the place of its value as [], by chapter.

A test holds that each field of the policy is either in a sentence here or in OPERATORS_OWN.
"""

from dataclasses import dataclass

from web.staff.policy.values import (
    AMOUNTS,
    CHANNELS,
    COUNT,
    FALLBACK,
    HOURS,
    PERCENT,
    SHARE,
    SWITCH,
    TEXT,
    TIMES,
    WORDS,
    Kind,
    choice,
)


@dataclass(frozen=True, slots=True)
class Sentence:
    """A number of the policy in words."""

    path: str
    """Its place in policy.toml, as `contact.slip_days`."""
    text: str
    """With one [] for each value to enter."""
    kind: Kind
    optional: bool = False
    """Whether the field may stay empty."""
    note: str = ""

    @property
    def section(self) -> str:
        """Return the section of policy.toml."""
        return self.path.partition(".")[0]


@dataclass(frozen=True, slots=True)
class Chapter:
    """A part of the page, with its heading."""

    title: str
    sentences: tuple[Sentence, ...]
    about: str = ""


DAYS_LATE = "bucket"
"""The table of days late, which stands at the beginning of the first chapter."""
TRIAL = "experiment"
"""The trials of two wordings, which stand at the end."""
DISCOUNT_WORDS = {"shipping_discount": "shipping on the next order", "future_discount": "the next order"}


def _discount(section: str) -> tuple[Sentence, ...]:
    of = DISCOUNT_WORDS[section]
    return (
        Sentence(f"{section}.percent", f"Give [] % off {of}", PERCENT, optional=True),
        Sentence(f"{section}.up_to", f"The percentage off {of} is worth at most []", AMOUNTS, optional=True),
        Sentence(
            f"{section}.amount",
            f"Or, instead of a percentage, give [] off {of}",
            AMOUNTS,
            optional=True,
        ),
        Sentence(f"{section}.valid_days", f"The code for {of} works for [] days", COUNT),
    )


CHAPTERS = (
    Chapter(
        "When we write",
        (
            Sentence("contact.minimum_gap_days", "Leave at least [] days between two messages about one order", COUNT),
            Sentence(
                "contact.slip_days", "Write again when the date that was told is put off by [] days or more", COUNT
            ),
            Sentence("restock.good_news", "Write when what was late is in stock, or comes sooner: []", SWITCH),
            Sentence("restock.earlier_days", "A date counts as sooner from [] days on", COUNT),
            Sentence("contact.quiet", "Send no texts from [] to [], and no mails from [] to []", HOURS, optional=True),
            Sentence("sending.max_age_hours", "Do not send a message that has waited for more than [] hours", COUNT),
            Sentence("sending.fallback", "When a message is refused, try instead: []", FALLBACK),
        ),
    ),
    Chapter(
        "Early warning",
        (
            Sentence("warning.on", "Warn customers before it is known that an order is late: []", SWITCH),
            Sentence("warning.late_days", "Warn of orders that may be [] days late or more", COUNT),
            Sentence("warning.surely", "Warn at once when at least [] in 100 such orders end so late", COUNT),
            Sentence(
                "warning.likely",
                "Or else warn on the last morning when at least [] in 100 such orders end so late",
                COUNT,
                note="By how many needless warnings a late customer told is worth: 1, 50; 2, 33; 3, 25; 5, 17",
            ),
            Sentence("warning.days_before", "Warn from [] days before the promised day on", COUNT),
            Sentence(
                "warning.last_day",
                "The last morning to warn is [] days before the promised day",
                COUNT,
                note="0: the promised morning",
            ),
            Sentence("warning.up_to_days", "A warning says that it may take up to [] days longer than promised", COUNT),
            Sentence("warning.channels", "Send warnings by []", CHANNELS),
        ),
        "A warning goes to customers whose order is likely to be late, by what became of orders like it.",
    ),
    Chapter(
        "What we offer",
        (
            *_discount("shipping_discount"),
            *_discount("future_discount"),
            Sentence("substitutes.price_from", "A swap costs at least [] % of what the late product costs", SHARE),
            Sentence("substitutes.price_to", "A swap costs at most [] % of what the late product costs", SHARE),
            Sentence("substitutes.max_products", "Offer at most [] products in place of a late one", COUNT),
        ),
        "Which offer goes with how many days late is in the table above.",
    ),
    Chapter(
        "What it may cost",
        (
            Sentence("budget.per_run", "Discounts of one run cost at most []", AMOUNTS, optional=True),
            Sentence("budget.per_month", "Discounts of one month cost at most []", AMOUNTS, optional=True),
            Sentence("costs.email", "One mail costs the shop [], for the numbers only", AMOUNTS, optional=True),
            Sentence("costs.sms", "One text costs the shop [], for the numbers only", AMOUNTS, optional=True),
            Sentence("costs.x_post", "X takes [] for a post without a link", AMOUNTS, optional=True),
            Sentence("costs.x_post_with_link", "X takes [] for a post with a link", AMOUNTS, optional=True),
        ),
        "A currency without an amount gets no discount.",
    ),
    Chapter(
        "When a run waits for you",
        (
            Sentence("guardrails.max_late_share", "A run waits if it tells more than [] % of all open orders", SHARE),
            Sentence(
                "guardrails.max_median_multiple",
                "A run waits if more than [] times as many orders are told in a day as on a usual day",
                TIMES,
                note="0: no limit",
            ),
            Sentence(
                "guardrails.max_discount_multiple",
                "A run waits if its discounts would cost more than [] times the amount of one run",
                TIMES,
                note="0: no limit",
            ),
            Sentence("guardrails.min_orders", "A run that tells fewer than [] orders never waits", COUNT),
            Sentence(
                "guardrails.min_order_share",
                "A run waits if the shop's data has less than [] % of the orders it had before",
                SHARE,
                note="0: no limit",
            ),
            Sentence(
                "guardrails.max_gone_share",
                "A run waits if more than [] % of the open items are gone from the shop's data",
                SHARE,
                note="100: no limit",
            ),
            Sentence(
                "guardrails.max_data_age_hours",
                "A run waits if the newest order is older than [] hours",
                COUNT,
                note="0: no limit",
            ),
            Sentence(
                "guardrails.max_days_ahead",
                "A run waits if the last run is more than [] days ago, because the clock may be wrong",
                COUNT,
                note="0: no limit",
            ),
        ),
    ),
    Chapter(
        "Posts",
        (
            Sentence("posts.orders", "Draft a post when [] orders or more of one product are late", COUNT),
            Sentence("posts.days", "For a post, an order counts as late from [] days on", COUNT),
            Sentence("restock.post_orders", "Draft a post when a product is back for which [] orders wait", COUNT),
            Sentence(
                "restock.post_left",
                "Draft a post when [] pieces or fewer are left of a product that sells",
                COUNT,
                note="0: never",
            ),
        ),
    ),
    Chapter(
        "Who approves",
        (
            Sentence("posts.second_person", "A second person approves each post: []", SWITCH),
            Sentence("approval.words", "A second person approves the words of messages: []", SWITCH),
            Sentence("approval.policy", "A second person approves this policy: []", SWITCH),
        ),
        "Nobody approves what they wrote themselves: two people with the role marketing or admin are needed. While a "
        "second person approves the policy, that person also approves switching it off.",
    ),
    Chapter(
        "How days are counted",
        (
            Sentence(
                "days.count",
                "Count as days late: []",
                choice({"calendar": "every day", "working": "working days only"}),
            ),
            Sentence("days.without_promise", "Without a promised date, an order is due after [] days", COUNT),
            Sentence(
                "days.country",
                "The public holidays are those of []",
                TEXT,
                optional=True,
                note="a country's code, such as DE; empty: no public holidays",
            ),
            Sentence(
                "days.subdivision",
                "Its state or province is []",
                TEXT,
                optional=True,
                note="such as BY",
            ),
        ),
    ),
    Chapter(
        "Which words we use",
        (
            Sentence("words.forbidden", "No message and no post may have: []", WORDS, optional=True),
            Sentence("words.careful", "Ask again before these are saved: []", WORDS, optional=True),
            Sentence("words.required", "Each mail about a delay must have: []", WORDS, optional=True),
        ),
        "Words with commas between them; those of one language after its code, as Acme, cheap; de: billig*. A * stands "
        'for any letters at the end. Words with a comma or a colon stand in quotation marks, as "sorry, but". Of '
        "required words with | between them, one is enough.",
    ),
    Chapter(
        "The order page",
        (
            Sentence("order_page.link_days", "The link in a message works for [] days", COUNT),
            Sentence("order_page.undo_minutes", "Customers can take a choice back for [] minutes", COUNT),
            Sentence("order_page.reserve_hours", "A product that was chosen as a swap is reserved for [] hours", COUNT),
            Sentence("order_page.refund_days", "Tell customers that a refund is paid within [] days", COUNT),
        ),
    ),
    Chapter(
        "Product pages",
        (Sentence("storefront.show_left", "Show how many are left from [] pieces down", COUNT, note="0: never"),),
    ),
)
SENTENCES = {sentence.path: sentence for chapter in CHAPTERS for sentence in chapter.sentences}
OPERATORS_OWN = {
    "promise": "Promised dates, by shipping method",
    "contact.offer_needs_consent": "Countries where an offer needs consent",
    "contact.say_stop": "Countries whose texts say how to stop them",
    "sending.per_second": "How many messages a second",
    "sending.rejections": "When a channel stops",
    "sending.try_again_minutes": "When a stopped channel is tried again",
    "in_doubt": "Messages that may or may not have left",
    "allocation": "How stock is given to orders",
    "forecast": "How vendors' dates become dates for customers",
    "storefront.valid_hours": "How long a notice on a product page lasts",
    "shipments": "When an order leaves in parts",
    "purchasing": "Requests to vendors",
    "replenishment": "Safety stock",
    "order_page.links_alive": "How many links of one order work",
    "order_page.new_links_a_day": "How many new links an order gets in a day",
    "promise_clock": "The law of each country",
    "retention": "How long records are kept",
    "words.built_in": "Whether Forewarn's own lists of words count too",
}
"""Sections and keys that are the operator's, shown with their values, and what they are about."""
NOT_IN_FIGURES = {
    "experiment": "which wording a customer reads",
    "posts": "posts",
    "approval": "who approves what is saved",
    "storefront": "notices on product pages",
    "order_page": "the order page",
    "sending": "how messages are sent",
    "restock.post_orders": "posts",
    "restock.post_left": "posts",
    "warning.late_days": "how late an order must be for a warning: the next run first learns how many end so late",
    "contact.quiet": "the hour at which a message leaves",
    "guardrails.max_days_ahead": "a run after a long pause",
}
"""What a change of a section or a key is about, where the next run's figures cannot show it."""
