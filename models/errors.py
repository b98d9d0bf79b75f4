"""What the command line prints as one sentence, without a traceback."""


class ForewarnError(Exception):
    """Something a person can mend: the text names it, and says what would be right."""


class BadShop(ForewarnError):
    """A shop folder that cannot be used; names file, key and value."""


class NoLedger(ForewarnError):
    """There is no ledger at the place that the settings name; the text names it."""
