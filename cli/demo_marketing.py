"""What marketing can try in the demo: posts that a second person approves, and a trial of two wordings."""

from datetime import date, timedelta
from pathlib import Path

TRIAL_DAYS = 28
MESSAGE, WORDING = "fortnight", "fortnight_b"
SUBJECTS = {
    "en": (
        "Order {{ order.id }}: "
        "{% if expected_on %}it now comes on {{ expected_on|date('MMMMd') }}"
        "{% else %}it comes later than promised{% endif %}"
    ),
    "de": (
        "Bestellung {{ order.id }}: "
        "{% if expected_on %}neuer Termin {{ expected_on|date('MMMMd') }}"
        "{% else %}kommt später als versprochen{% endif %}"
    ),
}
POLICY = """
[posts]
second_person = true

[[experiment]]
name = "order number first"
message = "{message}"
wording = "{wording}"
begins = {begins}
ends = {ends}
outcome = "waited"
"""


def prepare_marketing(shop: Path, as_of: date) -> None:
    """Let a second person approve posts, and half of the customers of one message read another subject."""
    with (shop / "policy.toml").open("a", encoding="utf-8") as policy:
        ends = as_of + timedelta(days=TRIAL_DAYS - 1)
        policy.write(POLICY.format(message=MESSAGE, wording=WORDING, begins=as_of, ends=ends))
    folder = shop / "templates" / WORDING
    folder.mkdir(parents=True, exist_ok=True)
    for language, subject in SUBJECTS.items():
        (folder / f"subject.{language}.txt").write_text(f"{subject}\n", "utf-8")
