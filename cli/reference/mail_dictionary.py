"""Make the dictionary by which mails are stored compressed: `python -m cli.reference.mail_dictionary > FILE`.

What was stored by a dictionary can be read by that one only. So a new dictionary gets a new number and file, and the
older ones stay.
"""

import sys
from itertools import product as combined
from pathlib import Path

import zstandard

from models.config.shop import read_shop
from models.tables.stored_html import NEWEST
from templates.rendering import samples
from templates.rendering.answer_samples import sample_answers
from templates.rendering.messages import Renderer
from templates.rendering.template_sets import MESSAGES

SIZE = 32_768
SHOP = Path(__file__).parents[2] / "sources" / "sample" / "shop"


def make_dictionary() -> bytes:
    """Return a dictionary of the built-in mails, in each language and of each case."""
    shop = read_shop(SHOP).shop
    renderer, languages = Renderer(shop), samples.available_languages(None)
    mails = []
    for message, language in combined(MESSAGES, languages):
        for _, plan in samples.sample_plans(message, language):
            mails += [renderer.render_message(plan, contact, id="sample").html for contact in plan.contacts]
    for language in languages:
        mails += [sample.render(renderer.answers).html for sample in sample_answers(shop, language)]
    written: list[bytes | bytearray | memoryview[int]] = [mail.encode() for mail in mails if mail]
    return zstandard.train_dictionary(SIZE, written, dict_id=NEWEST).as_bytes()


if __name__ == "__main__":
    sys.stdout.buffer.write(make_dictionary())
