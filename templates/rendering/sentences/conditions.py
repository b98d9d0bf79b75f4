"""Say in words when something is sent: the conditions of a template."""

from jinja2 import TemplateSyntaxError, nodes

from templates.rendering.sentences.reading import JINJA, Unreadable

KNOWN = {
    "expected_on": ("the new date is known", "no new date is known"),
    "some_dates_known": ("the date of some items is known", "no date is known for any item"),
    "on_time": ("a part of the order is on time", "the whole order is late"),
    "ships": ("a day of shipping was promised", "a day of arrival was promised"),
    "item.ships": ("a day of shipping was promised", "a day of arrival was promised"),
    "item": ("it is about one product whose name fits", "there are several products, or the name is too long"),
    "late[0].is_partial": ("some of the pieces are late", "all of the pieces are late"),
    "item.is_partial": ("some of the pieces are late", "all of the pieces are late"),
    "item.expected_on": ("the item's new date is known", "the item's new date is not known"),
    "item.ready": ("the item is in stock", "the item is not in stock"),
    "item.product.url": ("the product has a page", "the product has no page"),
    "silence": ("the law says what no answer means", "the law says nothing of no answer"),
    "rights": ("the law gives other rights", "the law gives no other rights"),
    "reason": ("the reason is known", "the reason is not known"),
    "told_on": ("the customer was told before", "the customer was not told before"),
    "told_date": ("we had told a date", "we had told no date"),
    "told_some_dates": ("we had told dates for some items", "we had told no dates for single items"),
    "in_time": ("it comes on time after all", "it does not come on time"),
    "sooner": ("the whole order comes sooner", "only a part comes sooner"),
    "on_its_way": ("it is on its way", "it is not on its way yet"),
    "parcels": ("it comes in several parcels", "it comes in one parcel"),
    "customer": ("the customer's name is known", "the customer's name is not known"),
    "note": ("somebody wrote a note", "there is no note"),
    "choices": ("the customer can choose on the order page", "the customer cannot choose on the order page"),
    "choices.cancel": ("the customer can cancel on the order page", "the customer cannot cancel on the order page"),
    "discount": ("there is a discount", "there is no discount"),
    "discount.amount": ("the discount is an amount", "the discount is a percentage"),
    "substitutes": ("there is something to swap for", "there is nothing to swap for"),
    "latest_on": ("a latest day is known", "no latest day is known"),
    "units_left": ("the number of free pieces is known", "the number of free pieces is not known"),
    "is_reminder": ("it is a reminder", "it is the first request"),
    "has_drop_shipped": ("some lines go to a customer", "no line goes to a customer"),
    "answer.refund": ("there is money to pay back", "there is no money to pay back"),
    "answer.product": ("a product was chosen", "no product was chosen"),
    "answer.undo_until": ("it can still be undone", "it can no longer be undone"),
    "answer.expected_on": ("the new date is known", "no new date is known"),
    "part": ("it is about a part of the order", "it is about the whole order"),
}
"""Conditions that Forewarn's own templates have, and their opposites."""
EQUAL = {
    ("ready", "all"): "all late items are in stock",
    ("ready", "part"): "some late items are in stock",
    ("ready", "none"): "no late item is in stock",
    ("answer.act", "wait"): "the customer waits",
    ("answer.act", "ship"): "the customer wants what is ready now",
    ("answer.act", "swap"): "the customer swaps",
    ("answer.act", "cancel"): "the customer cancels",
    ("answer.act", "withdraw"): "the customer withdraws",
    ("state", "in_stock"): "it is in stock",
    ("state", "backorder"): "more is on its way",
    ("state", "out_of_stock"): "it is sold out",
    ("offer", "shown"): "the offer stands in the mail",
    ("offer", "on_page"): "the offer stands on the order page only",
    ("discount.kind", "shipping_discount"): "the discount is on shipping",
    ("discount.percent", "100"): "the discount is the whole price",
    ("unknown_reasons", "all"): "no reason is known",
    ("unknown_reasons", "part"): "some reasons are not known",
    ("item.quantity", "1"): "it is one piece",
}
DIFFERENT = {
    ("ready", "none"): "something late is in stock",
    ("answer.refund", "0"): "there is money to pay back",
    ("item.quantity", "1"): "it is several pieces",
}
MISSING = {
    "answer.refund": ("the amount to pay back is not known", "the amount to pay back is known"),
    "answer.price_difference": ("the difference in price is not known", "the difference in price is known"),
    "product.price": ("the price is not known", "the price is known"),
    "discount.amount": ("the discount is a percentage", "the discount is an amount"),
}
"""What `is none` means, and `is not none`."""
CALLED = {"late": "late products", "on_time": "products on time", "answer.price_difference": "the difference in price"}
"""What values are called in conditions, where their names do not say it."""
COMPARED = {"gt": "is more than", "gteq": "is at least", "lt": "is less than", "lteq": "is at most", "ne": "is not"}
OPPOSITE = {"eq": "ne", "gt": "lteq", "gteq": "lt", "in": "notin"}
OPPOSITE |= {opposite: each for each, opposite in OPPOSITE.items()}


def expression_of(source: str) -> nodes.Expr:
    """Return an expression as Jinja reads it. Raises Unreadable."""
    try:
        body = JINJA.parse("{{ (" + source + ") }}").body
    except (TemplateSyntaxError, RecursionError) as error:
        raise Unreadable(f"{source} cannot be read") from error
    output = body[0] if len(body) == 1 else None
    if not isinstance(output, nodes.Output) or len(output.nodes) != 1:
        raise Unreadable(f"{source} cannot be read")
    return output.nodes[0]


def path_of(node: nodes.Node) -> str:
    """Return a name with its fields, as `late[0].product`; empty for anything else."""
    match node:
        case nodes.Name():
            return node.name
        case nodes.Getattr():
            owner = path_of(node.node)
            return f"{owner}.{node.attr}" if owner else ""
        case nodes.Getitem(arg=nodes.Const() as index):
            owner = path_of(node.node)
            return f"{owner}[{index.value}]" if owner else ""
    return ""


def human(node: nodes.Node) -> str:
    """Return what a value is called where no better words are known, as `discount percent`."""
    if isinstance(node, nodes.Filter) and node.node is not None:
        return f"the number of {human(node.node)}" if node.name in ("length", "count") else human(node.node)
    if path := path_of(node):
        return CALLED.get(path) or path.replace("[0]", "").replace(".", " ").replace("_", " ")
    if isinstance(node, nodes.Const):
        return f"“{node.value}”" if isinstance(node.value, str) else str(node.value)
    return next((path for each in node.iter_child_nodes() if (path := human(each))), "")


def when(condition: nodes.Node) -> str:
    """Return a condition in words, as `when the new date is known`."""
    return f"when {said(condition)}"


def unless(condition: nodes.Node) -> str:
    """Return the opposite of a condition in words; `otherwise` where it has no short ones."""
    inner = condition.node if isinstance(condition, nodes.Not) else condition
    return f"when {denied(condition)}" if path_of(inner) in KNOWN else "otherwise"


def said(node: nodes.Node) -> str:
    """Return when a condition holds, in words."""
    match node:
        case nodes.Not():
            return denied(node.node)
        case nodes.And():
            return f"{said(node.left)}{_and(node)}{said(node.right)}"
        case nodes.Or():
            return f"{said(node.left)} or {said(node.right)}"
        case nodes.Test():
            return _missing(node, 0)
        case nodes.Compare(ops=[operand]):
            return _compared(node.expr, operand.op, operand.expr)
    known = KNOWN.get(path_of(node))
    return known[0] if known else f"there is {human(node) or 'something'}"


def denied(node: nodes.Node) -> str:
    """Return when a condition does not hold, in words."""
    match node:
        case nodes.Not():
            return said(node.node)
        case nodes.And():
            return f"{denied(node.left)} or {denied(node.right)}"
        case nodes.Or():
            return f"{denied(node.left)} and {denied(node.right)}"
        case nodes.Test():
            return _missing(node, 1)
        case nodes.Compare(ops=[operand]):
            return _compared(node.expr, OPPOSITE[operand.op], operand.expr)
    known = KNOWN.get(path_of(node))
    return known[1] if known else f"there is no {human(node) or 'such thing'}"


def _and(node: nodes.And) -> str:
    """Return what joins two conditions that must both hold; a comma keeps an `or` in one of them apart."""
    return ", and " if isinstance(node.left, nodes.Or) or isinstance(node.right, nodes.Or) else " and "


def _missing(test: nodes.Test, side: int) -> str:
    known = MISSING.get(path_of(test.node)) if test.name == "none" else None
    if known:
        return known[side]
    is_denied = (test.name in ("none", "undefined")) != bool(side)
    return denied(test.node) if is_denied else said(test.node)


def _compared(left: nodes.Node, operator: str, right: nodes.Node) -> str:
    if operator in ("in", "notin") and isinstance(right, nodes.Tuple | nodes.List):
        each = [_compared(left, "eq" if operator == "in" else "ne", one) for one in right.items]
        return (" or " if operator == "in" else " and ").join(each)
    value = str(right.value) if isinstance(right, nodes.Const) else ""
    table = {"eq": EQUAL, "ne": DIFFERENT}.get(operator, {})
    if found := table.get((path_of(left), value)):
        return found
    return f"{human(left)} {COMPARED.get(operator, 'is')} {human(right)}"
