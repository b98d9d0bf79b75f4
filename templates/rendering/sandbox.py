"""Run templates in a sandbox: they see plain values only, and loops, texts and time are limited."""

from collections.abc import Iterable, Mapping, MutableMapping
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
from templates.rendering.colour_literals import ColourLiterals
from templates.rendering.escaping import escape_piece
from templates.rendering.forbidden_text import find_mistakes
from templates.rendering.palette import Palette
from templates.rendering.template_fields import FIELDS, check_printable, describe_missing_field

_LOOP_FIELDS = frozenset(name for name in dir(LoopContext) if name[0] != "_")
_VISIBLE_FIELDS: dict[type, frozenset[str]] = FIELDS | {LoopContext: _LOOP_FIELDS}
_TYPES_WITH = {
    name: frozenset(kind for kind, names in _VISIBLE_FIELDS.items() if name in names)
    for name in frozenset().union(*_VISIBLE_FIELDS.values())
}
"""The types that have a visible field, by its name."""
MAX_FAILED_RENDERS = 3
"""Renders in a row that took too long, after which a template is refused at once."""
_NO_FIELDS: frozenset[str] = frozenset()
_GROWING_FILTERS = ("batch", "center", "indent", "join", "replace", "slice", "wordwrap")
_GROWING_METHODS = frozenset(["center", "expandtabs", "join", "ljust", "replace", "rjust", "translate", "zfill"])
_FORMAT_METHODS = ("format", "format_map")
_COUNTED_NODES = (nodes.For, nodes.Macro, nodes.CallBlock, nodes.Block, nodes.Template)


class MissingVariable(StrictUndefined):
    """An unknown variable or field; using it raises an error that names the known ones."""

    __slots__ = ()

    @property
    def _undefined_message(self) -> str:
        if self._undefined_hint or self._undefined_obj is missing:
            return str(self._undefined_hint or f"{self._undefined_name!r} is undefined")
        return describe_missing_field(type(self._undefined_obj), self._undefined_name)


class _CountingCodeGenerator(CodeGenerator):
    """Generates a template's code: iterations are counted, and only printable values are written or joined by `~`."""

    def visit_Template(self, node: nodes.Template, frame: Frame | None = None) -> None:  # noqa: N802 - Jinja's name
        super().visit_Template(node, frame)
        # After the functions that use it, so that their lines are numbered as Jinja has noted.
        self.writeline("types_with = environment.types_with")

    @optimizeconst
    def visit_Getattr(self, node: nodes.Getattr, frame: Frame) -> None:  # noqa: N802 - Jinja's name
        """Read a visible field in place; all else by a call of `Sandbox.getattr`."""
        if node.attr not in _TYPES_WITH:
            super().visit_Getattr(node, frame)
            return
        self.write(f"(value.{node.attr} if type(value := ")
        self.visit(node.node, frame)
        self.write(f") in types_with[{node.attr!r}] else environment.getattr(value, {node.attr!r}))")

    def visit_EnvironmentAttribute(self, node: nodes.EnvironmentAttribute, frame: Frame) -> None:  # noqa: N802 - Jinja's name
        self.write(f"environment.{node.name}()")

    def _output_child_pre(self, node: nodes.Expr, frame: Frame, finalize: Any) -> None:
        if frame.eval_ctx.volatile or not frame.eval_ctx.autoescape or finalize.src is None:
            super()._output_child_pre(node, frame, finalize)
        else:
            # As many opening brackets as Jinja closes: one for escaping, one for `finalize`, which escape_piece calls.
            self.write("environment.escape_piece((")

    @optimizeconst
    def visit_Concat(self, node: nodes.Concat, frame: Frame) -> None:  # noqa: N802 - Jinja's name
        self.write("environment.concatenated(context.eval_ctx.autoescape, (")
        for argument in node.nodes:
            self.visit(argument, frame)
            self.write(", ")
        self.write("))")


class _TimedTemplate(Template):
    """A template with a time limit; after MAX_FAILED_RENDERS failures renders it is refused without rendering."""

    def render(self, *args: Any, **kwargs: Any) -> str:
        failures: list[tuple[Exception, TracebackType | None]] = self.__dict__.setdefault("_failures", [])
        if len(failures) >= MAX_FAILED_RENDERS:
            error, error_traceback = failures[-1]
            raise error.with_traceback(error_traceback)
        try:
            with limits.time_limit():
                written = super().render(*args, **kwargs)
        except (limits.RenderLimitExceeded, RecursionError) as error:
            if isinstance(error, limits.RenderLimitExceeded):
                error.file = self.filename
            if isinstance(error, limits.RenderTimeout | RecursionError):
                failures.append((error, error.__traceback__))
            raise
        failures.clear()
        return written


class Sandbox(ImmutableSandboxedEnvironment):
    """Jinja's immutable sandbox with limits; a render beyond one raises RenderLimitExceeded."""

    code_generator_class = _CountingCodeGenerator
    template_class = _TimedTemplate
    types_with: Mapping[str, frozenset[type]] = _TYPES_WITH
    intercepted_binops = frozenset({"*", "**", "+", "%"})
    count_iteration = staticmethod(limits.count_iteration)
    escape_piece = staticmethod(escape_piece)

    def __init__(self, *, fixed_palettes: Mapping[str, Palette] | None = None, **options: Any) -> None:
        self._fixed_palettes = fixed_palettes
        super().__init__(**options, undefined=MissingVariable, finalize=check_printable)
        to_string, to_format = self.filters["string"], self.filters["format"]
        self.filters |= {name: limits.limit_filter(self.filters[name]) for name in _GROWING_FILTERS}
        self.filters["string"] = lambda value: to_string(check_printable(value))
        self.filters["format"] = lambda form, *args, **kwargs: to_format(_checked_format(form), *args, **kwargs)
        del self.filters["pprint"], self.filters["attr"]
        harmless = {name: self.globals[name] for name in ("dict", "namespace", "joiner", "cycler")}
        self.globals = harmless | {"range": limits.limited_range}

    def make_globals(self, d: MutableMapping[str, Any] | None) -> MutableMapping[str, Any]:
        """Return the globals of a template: a plain dictionary, because each render and each import copies it."""
        return {**self.globals, **(d or {})}

    @staticmethod
    def concat(parts: Iterable[str]) -> str:
        """Join the parts of a template's output; raises RenderLimitExceeded."""
        written = parts if type(parts) is list else list(parts)
        limits.check_length(sum(map(len, written)))
        return "".join(written)

    @staticmethod
    def concatenated(autoescape: bool, values: Iterable[Any]) -> str:  # noqa: FBT001 - as the generated code calls it
        """Join the operands of `~`; raises RenderLimitExceeded, and TypeError for what cannot be printed."""
        written = (markup_join if autoescape else str_join)(map(check_printable, values))
        limits.check_length(len(written))
        return written

    def getattr(self, obj: Any, attribute: str) -> Any:
        """Return a field of a value; Python's own attributes are refused."""
        if attribute in _VISIBLE_FIELDS.get(kind := type(obj), _NO_FIELDS):
            return getattr(obj, attribute)
        if kind in FIELDS:
            return self.undefined(obj=obj, name=attribute)
        if kind is TemplateModule and attribute[0] != "_" and hasattr(obj, attribute):
            return getattr(obj, attribute)
        return super().getattr(obj, attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        """Return an item of a list, or a field by its name."""
        return self.getattr(obj, argument) if type(obj) in FIELDS else super().getitem(obj, argument)

    def unsafe_undefined(self, obj: Any, attribute: str) -> Undefined:
        """Refuse an attribute of Python's own."""
        return self.undefined(
            f"{attribute!r} is not available in templates", obj=obj, name=attribute, exc=SecurityError
        )

    def call(self, context: Context, called: Any, *args: Any, **kwargs: Any) -> Any:
        """Call a macro or a method; raises RenderLimitExceeded if a text's method would write too much."""
        if type(called) is Macro:
            # The same as `Context.call` for a macro, in a third of the time.
            kwargs.pop("_block_vars", None)
            kwargs.pop("_loop_vars", None)
            return called(context.eval_ctx, *args, **kwargs)
        owner, name = getattr(called, "__self__", None), getattr(called, "__name__", "")
        if isinstance(owner, str) and name in _GROWING_METHODS:
            limits.check_growth(owner, (*args, *kwargs.values()))
        return limits.check_value(super().call(context, called, *args, **kwargs))

    def wrap_str_format(self, value: Any) -> Any:
        """Return the sandbox's own `format` method for a text; raises RenderLimitExceeded for large widths."""
        if getattr(value, "__name__", "") in _FORMAT_METHODS and isinstance(
            form := getattr(value, "__self__", None), str
        ):
            limits.check_format(form)
        return super().wrap_str_format(value)

    def call_filter(self, *args: Any, **kwargs: Any) -> Any:
        """Apply the filter that `map` names; each item counts as an iteration."""
        self.count_iteration()
        return super().call_filter(*args, **kwargs)

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """Compute; raises RenderLimitExceeded if the result would be too large."""
        if operator == "*":
            limits.check_repetition(left, right)
            limits.check_repetition(right, left)
        elif operator == "**" and isinstance(left, int) and isinstance(right, int):
            limits.check_bits(left.bit_length() * abs(right))
        elif operator == "%" and isinstance(left, str):
            limits.check_format(left)
        return limits.check_value(super().call_binop(context, operator, left, right))

    def _generate(self, source: nodes.Template, name: str | None, filename: str | None, *rest: Any, **more: Any) -> str:
        for mistake in find_mistakes(source, name or ""):
            raise TemplateSyntaxError(mistake.what, mistake.line, name, filename)
        if self._fixed_palettes:
            ColourLiterals(self._fixed_palettes).visit(source)
        counted: list[Any] = [source, *source.find_all(_COUNTED_NODES)]
        for node in counted:
            count = nodes.EnvironmentAttribute("count_iteration", lineno=node.lineno)
            node.body.insert(0, nodes.ExprStmt(count, lineno=node.lineno))
        return super()._generate(source, name, filename, *rest, **more)


def _checked_format(form: str) -> str:
    limits.check_format(form)
    return form
