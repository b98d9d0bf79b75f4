"""Find mistakes by reading templates: unknown names and fields, files that include themselves, forbidden text."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from functools import cache, partial
from pathlib import Path
from types import UnionType
from typing import Any, get_args, get_origin, get_type_hints

from jinja2 import Environment, TemplateNotFound, TemplateSyntaxError, meta, nodes

from models.policy.words import WordPolicy
from templates.rendering.environment import EXTENSIONS, GALLERY, INCLUDES_ITSELF
from templates.rendering.forbidden_text import find_mistakes, own_texts
from templates.rendering.template_fields import FIELDS, describe_missing_field, suggest
from templates.rendering.variables import VARIABLE_NAMES, VARIABLES
from templates.rendering.word_rules import find_word_problems, without_tags

ERROR, WARNING = "error", "warning"
_REFERENCES = (nodes.Extends, nodes.Include, nodes.Import, nodes.FromImport)


@dataclass(frozen=True, slots=True)
class Problem:
    """A problem of a template file; a `warning` stops no message."""

    file: str
    line: int | None
    what: str
    level: str = ERROR

    def __str__(self) -> str:
        what = f"warning: {self.what}" if self.level == WARNING else self.what
        return f"{self.file}{f', line {self.line}' if self.line else ''}: {what}"


@dataclass(frozen=True, slots=True)
class ListOf:
    """The type of a list of one type of value."""

    item: Any


def _type_of_hint(hint: Any) -> Any:
    """Return the type that fields are looked up in: a view, a text, a date or a ListOf; None for any other."""
    if get_origin(hint) is tuple:
        return ListOf(get_args(hint)[0])
    if isinstance(hint, UnionType):
        (hint, *others) = [kind for kind in get_args(hint) if kind is not type(None)]
        return None if others else hint
    return hint if hint in FIELDS or hint in (str, date) else None


def _variable_types() -> dict[str, Any]:
    """Return the type of each variable that has the same type in every template that knows it."""
    types: dict[str, set[Any]] = {}
    for variables in VARIABLES.values():
        for name, hint in variables.items():
            types.setdefault(name, set()).add(_type_of_hint(hint))
    return {name: kinds.pop() for name, kinds in types.items() if len(kinds) == 1}


VARIABLE_TYPES = _variable_types()


@dataclass(frozen=True, slots=True)
class _ParsedFile:
    """What one file shows by itself: its problems, and the templates that it refers to, with their lines."""

    file: str
    problems: tuple[Problem, ...]
    references: tuple[tuple[str, int], ...]
    texts: tuple[tuple[int, str], ...] = ()
    """The pieces of its own text, with their lines."""


MAX_PARSED_FILES = 2_000
_PARSED_FILES: dict[tuple[str, str, str], _ParsedFile] = {}
"""By name, file and text. Every environment parses a text the same way, so once for each process is enough."""


def lint_words(
    jinja: Environment, names: Iterable[str], own: Path, policy: WordPolicy, language_of_shop: str
) -> Iterator[Problem]:
    """Yield the words of a shop's own templates that are forbidden, or that ask for care.

    What stands around the mails in all languages is read in the language of the shop.
    """
    for name in names:
        try:
            parsed = _parse(jinja, name)
        except TemplateSyntaxError:
            continue
        if Path(parsed.file).is_relative_to(own):
            language = name.split(".")[1] if name.count(".") > 1 else language_of_shop
            for first, text in parsed.texts:
                for found in find_word_problems(without_tags(text), language, policy):
                    level = ERROR if found.is_forbidden else WARNING
                    yield Problem(parsed.file, first + found.line - 1, found.what, level)


def lint_templates(jinja: Environment, names: Iterable[str]) -> Iterator[Problem]:
    """Yield the problems that reading these templates shows, without rendering them."""
    parse = cache(partial(_parse, jinja))
    for name in names:
        if name == GALLERY:
            continue
        try:
            parsed = parse(name)
        except TemplateSyntaxError as error:
            yield _syntax_problem(error, name)
            continue
        yield from parsed.problems
        own_lines = (line for target, line in parsed.references if _includes(parse, target, name))
        yield from (Problem(parsed.file, line, INCLUDES_ITSELF) for line in own_lines)


def _parse(jinja: Environment, name: str) -> _ParsedFile:
    if jinja.loader is None:
        raise TemplateNotFound(name)
    source, path, _ = jinja.loader.get_source(jinja, name)
    key = name, path or name, source
    if len(_PARSED_FILES) > MAX_PARSED_FILES:
        _PARSED_FILES.clear()  # a server parses each draft of a template
    if (parsed := _PARSED_FILES.get(key)) is None:
        parsed = _PARSED_FILES[key] = _parse_source(jinja, *key)
    return parsed


def _parse_source(jinja: Environment, name: str, file: str, source: str) -> _ParsedFile:
    problems: list[Problem] = []
    references: tuple[tuple[str, int], ...] = ()
    texts: tuple[tuple[int, str], ...] = ()
    try:
        tree = jinja.parse(source, name, file)
        references, texts = tuple(_references(tree)), tuple(own_texts(tree))
        problems += (Problem(file, mistake.line, mistake.what) for mistake in find_mistakes(tree, name))
        problems += (Problem(file, line, what) for line, what in _unknown_fields(tree))
        problems += _unknown_names(jinja, tree, file)
    except TemplateSyntaxError as error:
        problems.append(_syntax_problem(error, file))
    return _ParsedFile(file, tuple(problems), references, texts)


def _syntax_problem(error: TemplateSyntaxError, file: str) -> Problem:
    wrong_file = error.filename if error.filename and error.filename.endswith(EXTENSIONS) else file
    return Problem(wrong_file, error.lineno or None, str(error.message))


def _unknown_names(jinja: Environment, tree: nodes.Template, file: str) -> Iterator[Problem]:
    # Inside a block, Jinja's own search does not know what the top of the file imports or sets.
    imported = {module.target for module in tree.find_all(nodes.Import)}
    assigned = {name.name for name in tree.find_all(nodes.Name) if name.ctx == "store"}
    unknown = (
        meta.find_undeclared_variables(tree) - VARIABLE_NAMES - jinja.globals.keys() - imported - assigned - {"caller"}
    )
    for used in tree.find_all(nodes.Name):
        if used.name in unknown:
            yield Problem(file, used.lineno, f"{used.name!r} is undefined{suggest(used.name, VARIABLE_NAMES)}")


def _unknown_fields(tree: nodes.Template) -> Iterator[tuple[int, str]]:
    types = _types_in(tree)
    for access in tree.find_all(nodes.Getattr):
        kind = _type_of(access.node, types)
        if isinstance(kind, type) and access.attr not in FIELDS.get(kind, dir(kind)):
            yield access.lineno, describe_missing_field(kind, access.attr)


def _types_in(tree: nodes.Template) -> dict[str, Any]:
    """Return the types of a file's names; a name to which the file assigns values of two types has none."""
    loops = [(loop, loop.target.name) for loop in tree.find_all(nodes.For) if isinstance(loop.target, nodes.Name)]
    assigned = [name.name for name in tree.find_all(nodes.Name) if name.ctx in {"store", "param"}]
    types = {name: kind for name, kind in VARIABLE_TYPES.items() if name not in assigned}
    for _ in loops:  # A loop over the items of another loop's variable needs that one's type first.
        for name in {name for _, name in loops}:
            iterables = [_type_of(loop.iter, types) for loop, target in loops if target == name]
            item_types = {kind.item if isinstance(kind, ListOf) else None for kind in iterables}
            if len(item_types) == 1 and assigned.count(name) == len(iterables) and (item_type := item_types.pop()):
                types[name] = item_type
    return types


def _type_of(node: nodes.Node, types: dict[str, Any]) -> Any:
    match node:
        case nodes.Name():
            return types.get(node.name)
        case nodes.Getattr():
            owner = _type_of(node.node, types)
            return _type_of_hint(get_type_hints(owner).get(node.attr)) if owner in FIELDS else None
        case nodes.Getitem(arg=nodes.Const()) | nodes.Filter(name="first" | "last"):
            container = _type_of(node.node, types) if node.node else None
            return container.item if isinstance(container, ListOf) else None
    return None


def _references(tree: nodes.Template) -> Iterator[tuple[str, int]]:
    for node in tree.find_all(_REFERENCES):
        template = getattr(node, "template", None)
        if isinstance(template, nodes.Const) and isinstance(template.value, str):
            yield template.value, node.lineno


def _includes(parse: Callable[[str], _ParsedFile], name: str, goal: str, seen: frozenset[str] = frozenset()) -> bool:
    """Return whether a template is the goal, or includes it directly or through others."""
    if name == goal or name in seen:
        return name == goal
    try:
        parsed = parse(name)
    except (TemplateNotFound, TemplateSyntaxError):
        return False
    return any(_includes(parse, target, goal, seen | {name}) for target, _ in parsed.references)
