"""Write the palette's colours into compiled templates: a mail has dozens, and none ever changes."""

import re
from pathlib import Path

from jinja2 import nodes
from jinja2.visitor import NodeTransformer

from templates.rendering.palette import DARK, LIGHT, Palette

PALETTES = {"light": LIGHT, "dark": DARK}
"""The palettes by the names that templates use."""

_OWN_PALETTE = re.compile(rf"\{{%(?:(?!%\}}|\{{%).)*?\b(?:{'|'.join(PALETTES)})\b", re.DOTALL)


def sets_palette(own: Path | None) -> bool:
    """Return whether a shop's templates may give a palette's name another value, for the layouts as well."""
    files = (file for suffix in (".html", ".txt") for file in own.rglob(f"*{suffix}") if file.is_file()) if own else ()
    return any(_OWN_PALETTE.search(file.read_text("utf-8", "replace")) for file in files)


class ColourLiterals(NodeTransformer):
    """Replaces `light.page` by its colour in a parsed template; an unknown field is left, and fails as it did."""

    def visit_Getattr(self, node: nodes.Getattr) -> nodes.Node:  # noqa: N802 - Jinja's name
        palette = PALETTES.get(node.node.name) if isinstance(node.node, nodes.Name) else None
        if palette is not None and node.attr in Palette.__slots__:
            return nodes.Const(getattr(palette, node.attr), lineno=node.lineno, environment=node.environment)
        return self.generic_visit(node)
