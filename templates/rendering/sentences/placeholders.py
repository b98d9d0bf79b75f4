"""Name what a template fills in, and find the words inside of it, as in `{{ "ship" if ships else "arrive" }}`."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from jinja2 import nodes

from templates.rendering.sentences.conditions import expression_of, human, path_of, unless, when
from templates.rendering.sentences.reading import Output

NAMES = {
    "order.id": "order number",
    "order.url": "link to the order",
    "order.placed_on": "day of the order",
    "customer": "customer name",
    "shop.name": "shop name",
    "shop.sender.name": "sender name",
    "shop.help.email": "help address",
    "shop.help.phone": "help phone",
    "shop.links.home": "link to the shop",
    "expected_on": "new date",
    "told_date": "date told before",
    "told_on": "day of the last message",
    "earliest_on": "earliest date",
    "latest_on": "latest date",
    "item": "product",
    "late": "late products",
    "late[0].quantity": "late pieces",
    "late[0].ordered": "ordered pieces",
    "item.quantity": "pieces",
    "item.ordered": "ordered pieces",
    "item.product.name": "product",
    "item.product.url": "link to the product",
    "item.promised_on": "promised date",
    "item.expected_on": "new date",
    "reason": "reason",
    "silence": "what no answer means",
    "note": "note",
    "product.name": "product",
    "product.url": "link to the product",
    "days": "days late",
    "units_left": "pieces left",
    "discount.code": "code",
    "discount.value": "value of the discount",
    "discount.amount": "amount of the discount",
    "discount.percent": "percentage of the discount",
    "discount.expires_on": "last day of the code",
    "answer.refund": "refund",
    "answer.refund_by": "refund by",
    "answer.product.name": "chosen product",
    "answer.expected_on": "new date",
    "answer.undo_until": "end of undoing",
    "answer.reserved_until": "kept until",
    "answer.price_difference": "difference in price",
    "request": "number of the request",
    "requested_on": "day of the request",
    "vendor": "vendor name",
    "lines": "number of lines",
    "pieces": "number of pieces",
    "choices.cancel": "link to cancel",
    "set_on": "day of the notice",
    "valid_until": "end of the notice",
    "parts.tracked": "tracking link",
    "more.items": "how many more",
}
"""What is filled in, as people call it."""
OFFERED = {
    "order number": "{{ order.id }}",
    "customer name": "{{ customer }}",
    "link to the order": "{{ order.url }}",
    "day of the order": "{{ order.placed_on|date }}",
    "shop name": "{{ shop.name }}",
    "link to the shop": "{{ shop.links.home }}",
    "help address": "{{ shop.help.email }}",
    "product": "{{ product.name }}",
    "link to the product": "{{ product.url }}",
}
"""What may be written into each sentence of a message that has it; nothing here may be missing."""
FORMATS = {"MMMMd": "short", "MMMd": "short", "Hm": "time"}
MACROS = {"heading": "heading", "fact": "panel", "link": "link", "button": "button", "choice": "choice"}
NUMBERS = {"one": "for one", "other": "for several", "few": "for a few", "many": "for many", "zero": "for none"}
MAX_NAME = 44
_ADDRESS = re.compile(r"^(?:mailto:|https?:|[?&/])|%20")


@dataclass(frozen=True, slots=True)
class Inner:
    """Words that stand inside of what is filled in: which string literal they are, and when they are sent."""

    at: int
    text: str
    about: str


def offered(roots: frozenset[str]) -> dict[str, str]:
    """Return the sources of what may be written into each sentence, by name."""
    return {name: source for name, source in OFFERED.items() if re.findall(r"\w+", source)[0] in roots}


def name_of(output: Output, inner: tuple[Inner, ...]) -> str:
    """Return what an output is called in a sentence, as `new date`. Raises Unreadable."""
    node = expression_of(output.expression)
    macro = MACROS.get(path_of(node.node).rpartition(".")[2]) if isinstance(node, nodes.Call) else None
    words = " or ".join(dict.fromkeys(each.text.strip() for each in inner if each.text.strip()))
    if words and not macro:
        return _short(words)
    if macro:
        return _short(f"{macro}: {words}" if words else macro)
    return _plain_name(node)


def _short(words: str) -> str:
    words = re.sub(r"[{}]", "", words)
    return words if len(words) <= MAX_NAME else f"{words[: MAX_NAME - 1].rstrip()}…"


def _plain_name(node: nodes.Node) -> str:
    form = ""
    while isinstance(node, nodes.Filter) and node.node is not None:
        if node.name in ("length", "count"):
            return human(node).removeprefix("the ")
        if node.name == "date" and node.args and isinstance(node.args[0], nodes.Const):
            form = f", {FORMATS.get(str(node.args[0].value), 'in another form')}"
        node = node.node
    if isinstance(node, nodes.Call):
        node = node.node
    for each in _paths(node):
        return NAMES.get(each, each.replace("[0]", "").replace(".", " ").replace("_", " ")) + form
    return "something"


def _paths(node: nodes.Node) -> Iterator[str]:
    if path := path_of(node):
        yield path
        return
    for child in node.iter_child_nodes():
        yield from _paths(child)


def inner_words(output: Output) -> tuple[Inner, ...]:
    """Return the words inside of an output, in the order of its source. Raises Unreadable."""
    if not output.strings:
        return ()
    found = list(_strings(expression_of(output.expression), "", is_words=True))
    if len(found) != len(output.strings):
        return ()  # literals that are joined without an operator: nothing inside is shown
    return tuple(
        Inner(at, text, about)
        for at, (text, about, is_words) in enumerate(found)
        if is_words and any(map(str.isalpha, text)) and not _ADDRESS.search(text)
    )


def _strings(node: nodes.Node, about: str, *, is_words: bool) -> Iterator[tuple[str, str, bool]]:
    """Yield each string literal in the order of the source, when it is sent, and whether it is words at all."""
    match node:
        case nodes.Const():
            if isinstance(node.value, str):
                yield node.value, about, is_words
        case nodes.CondExpr():
            yield from _strings(node.expr1, _and(about, when(node.test)), is_words=is_words)
            yield from _strings(node.test, "", is_words=False)
            if node.expr2 is not None:
                yield from _strings(node.expr2, _and(about, unless(node.test)), is_words=is_words)
        case nodes.Concat():
            for each in node.nodes:
                yield from _strings(each, about, is_words=is_words)
        case nodes.Filter() if node.node is not None:
            yield from _strings(node.node, about, is_words=is_words)
            yield from _arguments(node, about, is_words=is_words and node.name == "plural")
        case nodes.Call():
            yield from _strings(node.node, "", is_words=False)
            yield from _arguments(node, about, is_words=is_words)
        case _:
            for child in node.iter_child_nodes():
                yield from _strings(child, "", is_words=False)


def _arguments(node: nodes.Filter | nodes.Call, about: str, *, is_words: bool) -> Iterator[tuple[str, str, bool]]:
    for each in node.args:
        yield from _strings(each, about, is_words=is_words)
    for pair in node.kwargs:
        number = NUMBERS.get(pair.key, "") if isinstance(pair, nodes.Keyword) else ""
        yield from _strings(pair.value, _and(about, number), is_words=is_words)


def _and(first: str, second: str) -> str:
    return ", ".join(filter(None, (first, second)))
