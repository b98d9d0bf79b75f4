"""The words of delay reasons: `reasons/words.en.toml` for each language, single ones replaced or added by a shop."""

import tomllib
from functools import cached_property
from pathlib import Path

from models.config.shop import in_language
from models.reasons import OTHER, UNKNOWN, DelayReason, reason_code
from templates.rendering.environment import BUILT_IN, TemplateError
from templates.rendering.formats import match_locale
from templates.rendering.names import strip_control_chars

FOLDER = "reasons"
MAX_CLAUSE = 200
"""The most characters of a reason: it stands within a sentence."""


def words_file(language: str) -> str:
    """Return the file of a language's words, in the folder of templates."""
    return f"{FOLDER}/words.{language}.toml"


class ReasonWords:
    """What each reason's code says in each language. Its files are read when they are needed.

    Everything that needs them raises TemplateError for a file that is wrong.
    """

    def __init__(self, own: Path | None = None) -> None:
        self._own = own

    @cached_property
    def _clauses(self) -> dict[str, dict[str, str]]:
        clauses: dict[str, dict[str, str]] = {}
        for folder in filter(None, (BUILT_IN, self._own)):
            for file in sorted((folder / FOLDER).glob("words.*.toml")):
                clauses.setdefault(file.name.split(".")[1], {}).update(_read(file))
        return clauses

    @property
    def codes(self) -> tuple[str, ...]:
        """Return the codes that have words, then the two that have none."""
        return (*sorted({code for clauses in self._clauses.values() for code in clauses}), OTHER, UNKNOWN)

    def clauses_of(self, code: str) -> dict[str, str]:
        """Return what a code says, by language."""
        return {language: clauses[code] for language, clauses in self._clauses.items() if code in clauses}

    def clause(self, reason: DelayReason | None, language: str) -> str | None:
        """Return a reason as a clause, as `our supplier is late`; None where it is not known.

        Empty where it is known, but has no words in this language: then nothing is said of it.
        """
        if reason is None:
            return None
        if text := in_language(dict(reason.texts) or None, language):
            return strip_control_chars(text)
        found = match_locale(language, self._clauses)
        return self._clauses[found].get(reason.code, "") if found else ""


def _read(file: Path) -> dict[str, str]:
    try:
        clauses = tomllib.loads(file.read_text("utf-8-sig"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise TemplateError(str(file), None, f"not valid TOML in UTF-8: {error}") from error
    for code, clause in clauses.items():
        if reason_code(code) != code or code in (OTHER, UNKNOWN):
            raise TemplateError(str(file), None, f"{code!r} cannot be a code; one such as supplier_late is right")
        if not isinstance(clause, str) or not 0 < len(clause.strip()) <= MAX_CLAUSE:
            raise TemplateError(str(file), None, f"{code} must be a text in quotes, at most {MAX_CLAUSE} characters")
    return clauses
