"""Read a template into pieces: their sources, joined, are the template's source, byte for byte."""

import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from jinja2 import Environment, TemplateSyntaxError

from models.errors import ForewarnError

JINJA = Environment(autoescape=False, keep_trailing_newline=True)  # noqa: S701 - it only reads, and renders nothing
INLINE = frozenset({"a", "abbr", "b", "code", "em", "i", "small", "span", "strong", "sub", "sup", "u"})
"""HTML elements that stand within a sentence."""
CONTAINERS = frozenset({"block", "call", "filter", "for", "if", "macro", "with", "autoescape"})
ENDS = {"variable_begin": "variable_end", "block_begin": "block_end", "comment_begin": "comment_end"}
_TAG = re.compile(r"<!--.*?-->|<[^<>]*>", re.DOTALL)
_ELEMENT = re.compile(r"</?\s*([a-zA-Z][a-zA-Z0-9]*)")
_GAP = re.compile(r"\n[ \t]*\n\s*")


class Unreadable(ForewarnError):
    """Raised for a template that cannot be shown as sentences."""


@dataclass(frozen=True, slots=True)
class Text:
    """Words as they are sent."""

    source: str


@dataclass(frozen=True, slots=True)
class Markup:
    """A tag of HTML, or a gap between two paragraphs."""

    source: str
    is_inline: bool


@dataclass(frozen=True, slots=True)
class Output:
    """What is filled in, as `{{ order.id }}`."""

    source: str
    expression: str
    strings: tuple[str, ...]
    """Its string literals as they are written, quotes included."""


@dataclass(frozen=True, slots=True)
class Code:
    """A statement or a comment, which sends no words."""

    source: str


@dataclass(frozen=True, slots=True)
class Branch:
    """What is sent in one case of a choice; `test` is empty for the last resort."""

    opening: str
    test: str
    children: "tuple[Piece, ...]"


@dataclass(frozen=True, slots=True)
class Choice:
    """An `if` with its branches."""

    branches: tuple[Branch, ...]
    ending: str


@dataclass(frozen=True, slots=True)
class Section:
    """A block, a loop, or another statement that has an end."""

    kind: str
    about: str
    opening: str
    children: "tuple[Piece, ...]"
    ending: str


Piece = Text | Markup | Output | Code | Choice | Section


@dataclass(frozen=True, slots=True)
class _Statement:
    source: str
    words: tuple[str, ...]
    """Its tokens, the name first."""

    @property
    def name(self) -> str:
        return self.words[0]

    @property
    def rest(self) -> str:
        return " ".join(self.words[1:])

    @property
    def begins(self) -> bool:
        return self.name in CONTAINERS or (self.name == "set" and "=" not in self.words)


def read(source: str, *, is_html: bool) -> tuple[Piece, ...]:
    """Return the pieces of a template. Raises Unreadable."""
    flat = list(_flat(source))
    left = deque(_with_markup(flat) if is_html else _with_gaps(flat))
    try:
        pieces = tuple(_tree(left, ""))
    except RecursionError as error:
        raise Unreadable("its conditions are nested too deeply") from error
    if left:
        raise Unreadable("it has an end without a beginning")
    return pieces


def _tokens(source: str) -> Iterator[tuple[str, str]]:
    """Yield the tokens of a template with the space that Jinja leaves out at `{%-`."""
    at = 0
    try:
        for _, kind, value in JINJA.lex(source):
            end = at
            while not source.startswith(value, end) and source[end : end + 1].isspace():
                end += 1
            if not source.startswith(value, end):
                raise Unreadable("it is written in a way that cannot be followed")
            if end > at:
                yield "data", source[at:end]
            if value:
                yield kind, value
            at = end + len(value)
    except TemplateSyntaxError as error:
        raise Unreadable(str(error.message)) from error
    if at < len(source):
        yield "data", source[at:]


def _flat(source: str) -> Iterator[Text | Output | Code | _Statement]:
    tokens, text = _tokens(source), ""
    for kind, value in tokens:
        if kind == "data":
            text += value
            continue
        if kind not in ENDS:
            raise Unreadable(f"{value.strip()} cannot be shown as sentences")
        if text:
            yield Text(text)
        yield _braced(kind, value, tokens)
        text = ""
    if text:
        yield Text(text)


def _braced(begin: str, source: str, tokens: Iterator[tuple[str, str]]) -> Output | Code | _Statement:
    inner: list[tuple[str, str]] = []
    for kind, value in tokens:
        source += value
        if kind == ENDS[begin]:
            break
        inner.append((kind, value))
    else:
        raise Unreadable(f"{source.strip()} has no end")
    if begin == "comment_begin":
        return Code(source)
    if begin == "variable_begin":
        strings = tuple(value for kind, value in inner if kind == "string")
        return Output(source, "".join(value for _, value in inner).strip(), strings)
    words = tuple(value for kind, value in inner if kind not in ("whitespace", "data"))
    return _Statement(source, words or ("",))


def _with_gaps(flat: list[Text | Output | Code | _Statement]) -> "list[Piece | _Statement]":
    """Part plain texts at blank lines, which part paragraphs."""
    found: list[Piece | _Statement] = []
    for piece in flat:
        found += _parted(piece.source) if isinstance(piece, Text) else [piece]
    return found


def _parted(text: str) -> Iterator[Piece]:
    at = 0
    for gap in _GAP.finditer(text):
        yield from _words(text[at : gap.start()])
        yield Markup(gap.group(), is_inline=False)
        at = gap.end()
    yield from _words(text[at:])


def _words(text: str) -> Iterator[Piece]:
    if text:
        # A brace in the words of a template is code of another kind, such as style sheets.
        yield Code(text) if "{" in text or "}" in text else Text(text)


def _with_markup(flat: list[Text | Output | Code | _Statement]) -> "list[Piece | _Statement]":
    """Tell the tags of HTML from words; what stands inside a tag is part of it."""
    found: list[Piece | _Statement] = []
    is_open = False
    for piece in flat:
        if isinstance(piece, Output) and is_open:
            found.append(Markup(piece.source, is_inline=True))
        elif isinstance(piece, Text):
            text = piece.source
            if is_open:
                inside, mark, text = text.partition(">")
                found.append(Markup(inside + mark, is_inline=True))
                is_open = not mark
            last = text.rfind("<")
            if last > text.rfind(">"):
                found += [*_tagged(text[:last]), Markup(text[last:], is_inline=True)]
                is_open = True
            else:
                found += _tagged(text)
        else:
            found.append(piece)
    return found


def _tagged(text: str) -> Iterator[Piece]:
    at = 0
    for tag in _TAG.finditer(text):
        yield from _parted(text[at : tag.start()])
        element = _ELEMENT.match(tag.group())
        yield Markup(tag.group(), is_inline=element is not None and element[1].lower() in INLINE)
        at = tag.end()
    yield from _parted(text[at:])


def _tree(left: "deque[Piece | _Statement]", inside: str) -> "Iterator[Piece]":
    """Take pieces off the left, up to the end of a statement or the next branch of an `if`."""
    while left:
        first = left[0]
        if isinstance(first, _Statement) and (
            first.name.startswith("end") or (inside == "if" and first.name in ("elif", "else"))
        ):
            return
        left.popleft()
        if not isinstance(first, _Statement):
            yield first
        elif first.name == "if":
            yield _choice(first, left)
        elif first.begins:
            children = tuple(_tree(left, first.name))
            yield Section(first.name, first.rest, first.source, children, _end_of(first, left))
        else:
            yield Code(first.source)


def _choice(opening: _Statement, left: "deque[Piece | _Statement]") -> Choice:
    branches, branch = [], opening
    while True:
        branches.append(Branch(branch.source, branch.rest, tuple(_tree(left, "if"))))
        following = left[0] if left else None
        if not isinstance(following, _Statement) or following.name not in ("elif", "else"):
            return Choice(tuple(branches), _end_of(opening, left))
        branch = following
        left.popleft()


def _end_of(opening: _Statement, left: "deque[Piece | _Statement]") -> str:
    end = left.popleft() if left else None
    if not isinstance(end, _Statement) or end.name != f"end{opening.name}":
        raise Unreadable(f"{opening.source.strip()} has no end")
    return end.source


def source_of(piece: Piece) -> str:
    """Return the source of a piece."""
    match piece:
        case Choice():
            inner = ((branch.opening, *map(source_of, branch.children)) for branch in piece.branches)
            return "".join(each for branch in inner for each in branch) + piece.ending
        case Section():
            return piece.opening + "".join(map(source_of, piece.children)) + piece.ending
    return piece.source
