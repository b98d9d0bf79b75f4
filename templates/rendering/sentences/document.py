"""Show a part of a message as plain sentences, and write edited ones back into its source."""

import html
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from templates.rendering.sentences import placeholders
from templates.rendering.sentences.conditions import expression_of, unless, when
from templates.rendering.sentences.parts import Edit, Filled, Fixed, Group, Inner, Part, Run, even, key_of
from templates.rendering.sentences.reading import (
    Branch,
    Choice,
    Output,
    Piece,
    Section,
    Text,
    read,
    source_of,
)
from templates.rendering.sentences.runs import edges, grouped

BLOCKS = {
    "preheader": "Beside the subject in the mailbox",
    "heading": "Heading",
    "opening": "Opening",
    "note": "Note",
    "reason": "Reason",
    "dates": "Panel with the date",
    "items": "List of items",
    "parcels": "Parcels",
    "choices": "What the customer can do",
    "remedy": "Offer",
    "cancel": "How to cancel",
    "reach": "How to reach us",
    "closing": "Closing words",
    "panel": "Panel",
    "after": "After the panel",
    "answer": "What was chosen",
    "footer": "Small print",
    "hello": "Greeting",
    "legal": "Legal notice",
    # What holds other blocks says nothing of a sentence in them.
    "body": "",
    "facts": "",
}
MARKS = {"strong": "bold", "b": "bold", "em": "italic", "i": "italic", "a": "link"}


@dataclass(frozen=True, slots=True)
class Sentence:
    """Words that can be edited; what is filled in stands in braces."""

    id: str
    text: str
    about: str
    """Where they stand and when they are sent."""
    depth: int = 0


@dataclass(frozen=True, slots=True)
class Document:
    """A part of a message as its sentences, in the order in which they are read."""

    sentences: tuple[Sentence, ...]
    _whole: "Group"
    _names: Mapping[str, "Filled"]
    _is_html: bool

    def write(self, given: Mapping[str, str]) -> str:
        """Return the source with other sentences, by their ids. Raises UnknownPlaceholder.

        What is not given, or given as it was, keeps its source byte for byte.
        """
        shown = {each.id: each.text for each in self.sentences}
        changed = {key: text for key, text in given.items() if key in shown and even(text) != shown[key]}
        return self._whole.write(Edit({key: even(text) for key, text in changed.items()}, self._names, self._is_html))


def document_of(source: str, *, is_html: bool, roots: frozenset[str] = frozenset()) -> Document:
    """Return the sentences of a part; `roots` are the names that it may use. Raises Unreadable."""
    reader = _Reader()
    whole = Group(tuple(reader.parts(read(source, is_html=is_html), (), 0)))
    names = {key_of(each.name): each for each in reader.filled.values()}
    for name, more in placeholders.offered(roots).items():
        names.setdefault(key_of(name), Filled(name, Fixed(more)))
    return Document(tuple(reader.sentences), whole, names, is_html)


@dataclass(slots=True)
class _Reader:
    """Collects the sentences while it goes through the pieces of a source."""

    sentences: list[Sentence] = field(default_factory=list)
    filled: dict[str, Filled] = field(default_factory=dict)
    """What is filled in, by its source: the same source has the same name in the whole part."""
    choices: int = 0

    def parts(self, pieces: tuple[Piece, ...], about: tuple[str, ...], depth: int) -> Iterator[Part]:
        """Yield the parts of some pieces, and collect their sentences."""
        for group in grouped(pieces):
            if isinstance(group, list):
                yield self._run(group, about, depth)
            elif isinstance(group, Choice):
                yield self._choice(group, about, depth)
            elif isinstance(group, Section):
                inner = tuple(self.parts(group.children, (*about, *_section_words(group)), depth))
                yield Group((Fixed(group.opening), *inner, Fixed(group.ending)))
            else:
                yield Fixed(source_of(group))

    def _choice(self, choice: Choice, about: tuple[str, ...], depth: int) -> Group:
        found: list[Part] = []
        for branch, words in _branches(choice):
            found += [Fixed(branch.opening), *self.parts(branch.children, (*about, words), depth)]
        return Group((*found, Fixed(choice.ending)))

    def _run(self, pieces: list[Piece], about: tuple[str, ...], depth: int) -> Part:
        words = "".join(piece.source for piece in pieces if isinstance(piece, Text))
        before, after = edges(pieces)
        if not words.strip() and not any(isinstance(piece, Choice) for piece in pieces):
            # Nothing but what is filled in: only the words inside of it can be edited.
            return Group(tuple(self._part(piece, about, depth) for piece in pieces))
        place = len(self.sentences)
        key = f"s{place}"
        self.sentences.append(Sentence(key, "", _said(about), depth))
        parts, shown = list[Part](), ""
        for at, piece in enumerate(pieces):
            source = source_of(piece)
            if isinstance(piece, Text):
                source = source[len(before) :] if at == 0 else source
                source = source[: len(source) - len(after)] if after and at == len(pieces) - 1 else source
                shown += html.unescape(source)
                parts.append(Fixed(source))
            else:
                part = self._part(piece, (), depth + 1)
                parts.append(part)
                shown += f"{{{part.name}}}" if isinstance(part, Filled) else ""
        self.sentences[place] = Sentence(key, even(shown), _said(about), depth)
        return Run(key, before, tuple(parts), after)

    def _part(self, piece: Piece, about: tuple[str, ...], depth: int) -> Part:
        source = source_of(piece)
        if isinstance(piece, Text):
            return Fixed(source)
        if source in self.filled:
            return self.filled[source]
        match piece:
            case Output():
                made = self._output(piece, about, depth)
            case Choice():
                made = self._inline(piece, depth)
            case _:
                made = Filled(self._free(_mark(source)), Fixed(source))
        self.filled[source] = made
        return made

    def _output(self, output: Output, about: tuple[str, ...], depth: int) -> Filled:
        inner = placeholders.inner_words(output)
        name = self._free(placeholders.name_of(output, inner))
        by_literal = {each.at: each for each in inner}
        rest, parts = output.source, list[Part]()
        for at, literal in enumerate(output.strings):
            before, _, rest = rest.partition(literal)
            parts.append(Fixed(before))
            if (words := by_literal.get(at)) is None:
                parts.append(Fixed(literal))
                continue
            key = f"s{len(self.sentences)}"
            where = about or (f"{{{name}}}",)
            self.sentences.append(Sentence(key, words.text.strip(), _said((*where, words.about)), depth))
            parts.append(Inner(key, literal, words.text))
        return Filled(name, Group((*parts, Fixed(rest))))

    def _inline(self, choice: Choice, depth: int) -> Filled:
        self.choices += 1
        name = self._free(f"words {self.choices}")
        return Filled(name, self._choice(choice, (f"{{{name}}}",), depth))

    def _free(self, name: str) -> str:
        taken = {key_of(each.name) for each in self.filled.values()}
        number, free = 1, name
        while key_of(free) in taken:
            number += 1
            free = f"{name} {number}"
        return free


def _branches(choice: Choice) -> Iterator[tuple[Branch, str]]:
    """Yield the branches of a choice, each with when it is sent."""
    for at, branch in enumerate(choice.branches):
        if branch.test:
            words = when(expression_of(branch.test))
            yield branch, words if at == 0 else f"otherwise, {words}"
        else:
            first = expression_of(choice.branches[0].test)
            yield branch, unless(first) if len(choice.branches) == 2 else "otherwise"


def _section_words(section: Section) -> tuple[str, ...]:
    match section.kind:
        case "block":
            name = section.about.partition(" ")[0]
            return (BLOCKS.get(name, name.replace("_", " ").capitalize()),)
        case "for":
            return (f"for each {section.about.partition(' ')[0].replace('_', ' ')}",)
    return ()


def _said(about: tuple[str, ...]) -> str:
    """Return where and when, as `Opening, when the new date is known, and when it is a reminder`."""
    said = ""
    for words in filter(None, about):
        both = words.startswith("when ") and re.search(r"(?:^|, )(?:when|otherwise)\b[^,]*$", said)
        said += f", and {words}" if both else f", {words}" if said else words
    return said


def _mark(source: str) -> str:
    element = re.match(r"<(/?)\s*([a-zA-Z0-9]+)", source)
    if element is None:
        return "tag"
    name = MARKS.get(element[2].lower(), element[2].lower())
    return f"end of {name}" if element[1] else name
