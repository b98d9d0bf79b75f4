"""What a notice is without its words: the lines and dates that it told stay as evidence."""

from typing import Any

from sqlalchemy import or_

from tasks.tables import NOTICES

NO_WORDS: dict[str, Any] = {"subject": "", "text": "", "html": "", "to_name": "", "address": None}
"""The columns of a notice without its words and without what names its customer."""
HAS_WORDS_FILTER = or_(NOTICES.c.address.is_not(None), NOTICES.c.subject != "", NOTICES.c.text != "")
"""The SQL of a notice whose words were not deleted."""
