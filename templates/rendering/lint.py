"""Reading templates without rendering them: unknown names and fields, files that include themselves, bad text."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from functools import cache, partial
from types import UnionType
from typing import Any, get_args, get_origin, get_type_hints

from jinja2 import Environment, TemplateNotFound, TemplateSyntaxError, meta, nodes

from models.decisions import Discount
from templates.rendering import view_models as facts
from templates.rendering.environment import GALLERY, GIVEN, INCLUDES_ITSELF, KINDS, NAMES
from templates.rendering.forbidden_text import mistakes
from templates.rendering.template_fields import FIELDS, Shop, lacks, nearest

ERROR, WARNING = "error", "warning"
_REFERENCES = (nodes.Extends, nodes.Include, nodes.Import, nodes.FromImport)
_GIVEN = {name for names in GIVEN.values() for name in names}


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong with a template, and where; a `warning` stops no message."""

    file: str
    line: int | None
    what: str
    level: str = ERROR

    def __str__(self) -> str:
        said = f"warning: {self.what}" if self.level == WARNING else self.what
        return f"{self.file}{f', line {self.line}' if self.line else ''}: {said}"


@dataclass(frozen=True, slots=True)
class Many:
    """A list of one kind of value."""

    of: Any


VALUES: dict[str, Any] = {
    **dict.fromkeys(("customer", "subject", "vendor", "request", "state", "lang", "locale", "title", "text"), str),
    **dict.fromkeys(("today", "expected_on", "told_date", "told_before", "asked_on", "set_on", "latest_on"), date),
    **dict.fromkeys(("late", "on_time"), Many(facts.Item)),
    "order": facts.Order,
    "product": facts.Product,
    "shop": Shop,
    "discount": Discount,
    "substitutes": Many(facts.Instead),
    "parcels": Many(facts.Packed),
}
"""What kind of value each name has, as far as every template that knows it is given the same."""


@dataclass(frozen=True, slots=True)
class _Reading:
    """What one file shows by itself: its problems, and the templates that it names with their lines."""

    file: str
    problems: tuple[Problem, ...]
    references: tuple[tuple[str, int], ...]


_READINGS: dict[tuple[str, str, str], _Reading] = {}
"""By name, file and text. Every environment reads a text the same way, so it is read once for each process."""


def lint(jinja: Environment, names: Iterable[str]) -> Iterator[Problem]:
    """Yield what can be seen to be wrong in these templates."""
    readings = cache(partial(_read, jinja))
    for name in names:
        if name == GALLERY:
            continue
        try:
            found = readings(name)
        except TemplateSyntaxError as error:
            yield _syntax_problem(error, name)
            continue
        yield from found.problems
        circles = (line for to, line in found.references if _leads(readings, to, name))
        yield from (Problem(found.file, line, INCLUDES_ITSELF) for line in circles)


def _read(jinja: Environment, name: str) -> _Reading:
    if jinja.loader is None:
        raise TemplateNotFound(name)
    source, path, _ = jinja.loader.get_source(jinja, name)
    key = name, path or name, source
    if key not in _READINGS:
        _READINGS[key] = _reading(jinja, *key)
    return _READINGS[key]


def _reading(jinja: Environment, name: str, file: str, source: str) -> _Reading:
    found: list[Problem] = []
    references: tuple[tuple[str, int], ...] = ()
    try:
        tree = jinja.parse(source, name, file)
        references = tuple(_references(tree))
        found += (Problem(file, found.line, found.what) for found in mistakes(tree, name))
        found += (Problem(file, *found) for found in _unknown_fields(tree))
        found += _unknown_names(jinja, tree, file)
    except TemplateSyntaxError as error:
        found.append(_syntax_problem(error, file))
    return _Reading(file, tuple(found), references)


def _syntax_problem(error: TemplateSyntaxError, file: str) -> Problem:
    found_in = error.filename if error.filename and error.filename.endswith(KINDS) else file
    return Problem(found_in, error.lineno or None, str(error.message))


def _unknown_names(jinja: Environment, tree: nodes.Template, file: str) -> Iterator[Problem]:
    # Jinja's own search does not look from a block to the top of its file.
    imported = {module.target for module in tree.find_all(nodes.Import)}
    named = {name.name for name in tree.find_all(nodes.Name) if name.ctx == "store"}
    unknown = meta.find_undeclared_variables(tree) - _GIVEN - jinja.globals.keys() - imported - named - {"caller"}
    for used in tree.find_all(nodes.Name):
        if used.name in unknown:
            yield Problem(file, used.lineno, f"{used.name!r} is undefined{nearest(used.name, NAMES)}")


def _unknown_fields(tree: nodes.Template) -> Iterator[tuple[int, str]]:
    kinds = _kinds(tree)
    for asked in tree.find_all(nodes.Getattr):
        kind = _kind(asked.node, kinds)
        if isinstance(kind, type) and asked.attr not in FIELDS.get(kind, dir(kind)):
            yield asked.lineno, lacks(kind, asked.attr)


def _kinds(tree: nodes.Template) -> dict[str, Any]:
    """Return the kinds of a file's names; a name that the file itself gives two kinds of value has none here."""
    loops = [(loop, loop.target.name) for loop in tree.find_all(nodes.For) if isinstance(loop.target, nodes.Name)]
    stored = [name.name for name in tree.find_all(nodes.Name) if name.ctx in {"store", "param"}]
    kinds = {name: kind for name, kind in VALUES.items() if name not in stored}
    for _ in loops:
        for name in {name for _, name in loops}:
            targets = [loop for loop, target in loops if target == name]
            found = {kind.of if isinstance(kind := _kind(loop.iter, kinds), Many) else None for loop in targets}
            if len(found) == 1 and stored.count(name) == len(targets) and (one := found.pop()):
                kinds[name] = one
    return kinds


def _kind(node: nodes.Node, kinds: dict[str, Any]) -> Any:
    match node:
        case nodes.Name():
            return kinds.get(node.name)
        case nodes.Getattr():
            owner = _kind(node.node, kinds)
            return _hinted(get_type_hints(owner).get(node.attr)) if owner in FIELDS else None
        case nodes.Getitem(arg=nodes.Const()) | nodes.Filter(name="first" | "last"):
            many = _kind(node.node, kinds) if node.node else None
            return many.of if isinstance(many, Many) else None
    return None


def _hinted(hint: Any) -> Any:
    if get_origin(hint) is tuple:
        return Many(get_args(hint)[0])
    if isinstance(hint, UnionType):
        (hint, *others) = [one for one in get_args(hint) if one is not type(None)]
        return None if others else hint
    return hint if hint in FIELDS or hint in (str, date) else None


def _references(tree: nodes.Template) -> Iterator[tuple[str, int]]:
    for node in tree.find_all(_REFERENCES):
        template = getattr(node, "template", None)
        if isinstance(template, nodes.Const) and isinstance(template.value, str):
            yield template.value, node.lineno


def _leads(readings: Callable[[str], _Reading], name: str, goal: str, seen: frozenset[str] = frozenset()) -> bool:
    """Return whether a template is the goal, or includes it somewhere."""
    if name == goal or name in seen:
        return name == goal
    try:
        found = readings(name)
    except (TemplateNotFound, TemplateSyntaxError):
        return False
    return any(_leads(readings, to, goal, seen | {name}) for to, _ in found.references)
