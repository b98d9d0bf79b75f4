"""Find the runs of words in a template: what a reader reads in one go, with what is filled in."""

from collections.abc import Iterator

from templates.rendering.sentences.reading import Choice, Code, Markup, Output, Piece, Section, Text


def edges(pieces: list[Piece]) -> tuple[str, str]:
    """Return the space before and after a run, which is no part of its sentences."""
    first, last = pieces[0], pieces[-1]
    before = first.source[: len(first.source) - len(first.source.lstrip())] if isinstance(first, Text) else ""
    after = last.source[len(last.source.rstrip()) :] if isinstance(last, Text) else ""
    return before, after


def grouped(pieces: tuple[Piece, ...]) -> Iterator[list[Piece] | Piece]:
    """Yield runs of words with what is filled in, and whatever stands between them."""
    run: list[Piece] = []
    for at, piece in enumerate(pieces):
        is_inline = isinstance(piece, Text | Output) or (isinstance(piece, Markup) and piece.is_inline)
        if is_inline or (isinstance(piece, Choice) and _is_inline(pieces, at)):
            run.append(piece)
            continue
        yield from _split(run)
        run = []
        yield piece
    yield from _split(run)


def _split(run: list[Piece]) -> Iterator[list[Piece] | Piece]:
    """Yield a run without the space around it."""
    first, last = 0, len(run)
    while first < last and _is_space(run[first]):
        first += 1
    while last > first and _is_space(run[last - 1]):
        last -= 1
    yield from run[:first]
    if first < last:
        yield run[first:last]
    yield from run[last:]


def _is_space(piece: Piece) -> bool:
    return isinstance(piece, Text) and not piece.source.strip()


def _is_inline(pieces: tuple[Piece, ...], at: int) -> bool:
    """Return whether a choice shares its line with other words."""
    choice = pieces[at]
    if not isinstance(choice, Choice) or _has_structure(choice):
        return False
    return _touches(reversed(pieces[:at]), -1) or _touches(iter(pieces[at + 1 :]), 0)


def _touches(near: Iterator[Piece], line: int) -> bool:
    for piece in near:
        if isinstance(piece, Text):
            lines = piece.source.split("\n")
            if lines[line].strip():
                return True
            if len(lines) > 1:
                return False
        elif isinstance(piece, Choice):
            return not _has_structure(piece)
        else:
            return isinstance(piece, Output) or (isinstance(piece, Markup) and piece.is_inline)
    return False


def _has_structure(choice: Choice) -> bool:
    inner = (piece for branch in choice.branches for piece in branch.children)
    return any(
        isinstance(piece, Section | Code)
        or (isinstance(piece, Markup) and not piece.is_inline)
        or (isinstance(piece, Choice) and _has_structure(piece))
        for piece in inner
    )
