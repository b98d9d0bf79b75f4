"""Write the palettes' colours into compiled templates: a mail has dozens, and none changes with its order."""

import re
from collections.abc import Mapping
from pathlib import Path

from jinja2 import nodes
from jinja2.visitor import NodeTransformer

from templates.rendering.palette import PALETTE_NAMES, Palette

_OWN_PALETTE = re.compile(rf"\{{%(?:(?!%\}}|\{{%).)*?\b(?:{'|'.join(PALETTE_NAMES)})\b", re.DOTALL)


def sets_palette(own: Path | None) -> bool:
    """Return whether a shop's templates may give a palette's name another value, for the layouts as well."""
    files = (file for suffix in (".html", ".txt") for file in own.rglob(f"*{suffix}") if file.is_file()) if own else ()
    return any(_OWN_PALETTE.search(file.read_text("utf-8", "replace")) for file in files)


class ColourLiterals(NodeTransformer):
    """Replaces `light.page` by its colour in a parsed template; an unknown field is left, and fails as it did."""

    def __init__(self, palettes: Mapping[str, Palette]) -> None:
        self._palettes = palettes

    def visit_Getattr(self, node: nodes.Getattr) -> nodes.Node:  # noqa: N802 - Jinja's name
        palette = self._palettes.get(node.node.name) if isinstance(node.node, nodes.Name) else None
        if palette is not None and node.attr in Palette.__slots__:
            return nodes.Const(getattr(palette, node.attr), lineno=node.lineno, environment=node.environment)
        return self.generic_visit(node)
