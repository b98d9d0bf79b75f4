"""The sandbox that templates run in: plain values, bounded loops and texts, an end to every render."""

from collections.abc import Iterable
from types import TracebackType
from typing import Any

from jinja2 import Template, nodes
from jinja2.compiler import CodeGenerator, Frame, optimizeconst
from jinja2.environment import TemplateModule
from jinja2.exceptions import SecurityError, TemplateSyntaxError
from jinja2.runtime import Context, LoopContext, Macro, StrictUndefined, Undefined, markup_join, str_join
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import missing

from templates.rendering import render_limits as limits
from templates.rendering.forbidden_text import mistakes
from templates.rendering.template_fields import FIELDS, lacks, printable

_LOOP = frozenset(name for name in dir(LoopContext) if name[0] != "_")
_SEEN: dict[type, frozenset[str]] = FIELDS | {LoopContext: _LOOP}
GIVE_UP = 3
"""Renders in a row that did not end, after which a template is refused at once."""
_NOTHING: frozenset[str] = frozenset()
_GROWING = ("batch", "center", "indent", "join", "replace", "slice", "wordwrap")
_GROWING_METHODS = frozenset(["center", "expandtabs", "join", "ljust", "replace", "rjust", "translate", "zfill"])
_FORMATS = ("format", "format_map")
_COUNTED = (nodes.For, nodes.Macro, nodes.CallBlock, nodes.Block, nodes.Template)


class Missing(StrictUndefined):
    """A name that a template uses and nothing has; says what there is instead."""

    __slots__ = ()

    @property
    def _undefined_message(self) -> str:
        if self._undefined_hint or self._undefined_obj is missing:
            return str(self._undefined_hint or f"{self._undefined_name!r} is undefined")
        return lacks(type(self._undefined_obj), self._undefined_name)


class _Writer(CodeGenerator):
    """Writes a template's code, with a call where a turn is counted, and with `~` held to what may be printed."""

    def visit_EnvironmentAttribute(self, node: nodes.EnvironmentAttribute, frame: Frame) -> None:  # noqa: N802 - Jinja's name
        self.write(f"environment.{node.name}()")

    @optimizeconst
    def visit_Concat(self, node: nodes.Concat, frame: Frame) -> None:  # noqa: N802 - Jinja's name
        self.write("environment.concatenated(context.eval_ctx.autoescape, (")
        for argument in node.nodes:
            self.visit(argument, frame)
            self.write(", ")
        self.write("))")


class _Timed(Template):
    """A template whose render ends in time; one that never ends is not tried for each of a run's thousand orders."""

    def render(self, *args: Any, **kwargs: Any) -> str:
        endless: list[tuple[Exception, TracebackType | None]] = self.__dict__.setdefault("_endless", [])
        if len(endless) >= GIVE_UP:
            error, place = endless[-1]
            raise error.with_traceback(place)
        try:
            with limits.in_time():
                written = super().render(*args, **kwargs)
        except (limits.RenderLimit, RecursionError) as error:
            if isinstance(error, limits.RenderLimit):
                error.file = self.filename
            if isinstance(error, limits.TooSlow | RecursionError):
                endless.append((error, error.__traceback__))
            raise
        endless.clear()
        return written


class Sandbox(ImmutableSandboxedEnvironment):
    """Jinja's immutable sandbox, with limits; a render that meets one raises RenderLimit, which is a TemplateError."""

    code_generator_class = _Writer
    template_class = _Timed
    intercepted_binops = frozenset({"*", "**", "+", "%"})
    turn = staticmethod(limits.turn)

    def __init__(self, **options: Any) -> None:
        super().__init__(**options, undefined=Missing, finalize=printable)
        shown, formatted = self.filters["string"], self.filters["format"]
        self.filters |= {name: limits.bounded(self.filters[name]) for name in _GROWING}
        self.filters["string"] = lambda value: shown(printable(value))
        self.filters["format"] = lambda form, *args, **kwargs: formatted(_plain(form), *args, **kwargs)
        del self.filters["pprint"], self.filters["attr"]
        kept = {name: self.globals[name] for name in ("dict", "namespace", "joiner", "cycler")}
        self.globals = kept | {"range": limits.short_range}

    @staticmethod
    def concat(parts: Iterable[str]) -> str:
        """Join what a template wrote; raises RenderLimit."""
        written = list(parts)
        limits.sized(sum(map(len, written)))
        return "".join(written)

    @staticmethod
    def concatenated(autoescape: bool, values: Iterable[Any]) -> str:  # noqa: FBT001 - as the written code calls it
        """Join what stands between `~`; raises RenderLimit, and TypeError for what cannot be printed."""
        written = (markup_join if autoescape else str_join)(map(printable, values))
        limits.sized(len(written))
        return written

    def getattr(self, obj: Any, attribute: str) -> Any:
        """Return a field of a value; nothing of Python's own."""
        if attribute in _SEEN.get(kind := type(obj), _NOTHING):
            return getattr(obj, attribute)
        if kind in FIELDS:
            return self.undefined(obj=obj, name=attribute)
        if kind is TemplateModule and attribute[0] != "_" and hasattr(obj, attribute):
            return getattr(obj, attribute)
        return super().getattr(obj, attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        """Return an item of a list, or a field that a text names."""
        return self.getattr(obj, argument) if type(obj) in FIELDS else super().getitem(obj, argument)

    def unsafe_undefined(self, obj: Any, attribute: str) -> Undefined:
        """Refuse what is Python's own."""
        return self.undefined(f"{attribute!r} is not for templates", obj=obj, name=attribute, exc=SecurityError)

    def call(self, context: Context, called: Any, *args: Any, **kwargs: Any) -> Any:
        """Call a macro, or a method; raises RenderLimit where a text's method would write too much."""
        if type(called) is Macro:
            # As `Context.call` does it for a macro, in a third of the time.
            kwargs.pop("_block_vars", None)
            kwargs.pop("_loop_vars", None)
            return called(context.eval_ctx, *args, **kwargs)
        given, name = getattr(called, "__self__", None), getattr(called, "__name__", "")
        if isinstance(given, str) and name in _GROWING_METHODS:
            limits.worked(given, (*args, *kwargs.values()))
        return limits.checked(super().call(context, called, *args, **kwargs))

    def wrap_str_format(self, value: Any) -> Any:
        """Return the sandbox's own `format` for a text's; raises RenderLimit for great widths."""
        if getattr(value, "__name__", "") in _FORMATS and isinstance(form := getattr(value, "__self__", None), str):
            limits.plainly(form)
        return super().wrap_str_format(value)

    def call_filter(self, *args: Any, **kwargs: Any) -> Any:
        """Apply the filter that `map` names; each item is a turn."""
        self.turn()
        return super().call_filter(*args, **kwargs)

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """Reckon; raises RenderLimit where the result would be too much."""
        if operator == "*":
            limits.repeated(left, right)
            limits.repeated(right, left)
        elif operator == "**" and isinstance(left, int) and isinstance(right, int):
            limits.bits(left.bit_length() * abs(right))
        elif operator == "%" and isinstance(left, str):
            limits.plainly(left)
        return limits.checked(super().call_binop(context, operator, left, right))

    def _generate(self, source: nodes.Template, name: str | None, filename: str | None, *rest: Any, **more: Any) -> str:
        for mistake in mistakes(source, name or ""):
            raise TemplateSyntaxError(mistake.what, mistake.line, name, filename)
        found: list[Any] = [source, *source.find_all(_COUNTED)]
        for node in found:
            turn = nodes.EnvironmentAttribute("turn", lineno=node.lineno)
            node.body.insert(0, nodes.ExprStmt(turn, lineno=node.lineno))
        return super()._generate(source, name, filename, *rest, **more)


def _plain(form: str) -> str:
    limits.plainly(form)
    return form
