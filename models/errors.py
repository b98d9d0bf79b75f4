"""Errors that the command line prints as one sentence, without a traceback."""


class ForewarnError(Exception):
    """Raised for a problem that the user can fix. The text names it and the correct value."""


class BadShop(ForewarnError):
    """Raised for an unusable shop folder. The text names the file, key and value."""


class NoLedger(ForewarnError):
    """Raised when there is no ledger at the configured place. The text names the place."""
