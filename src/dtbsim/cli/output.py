"""Text for people on stdout: aligned lines on a terminal and in a file, without folding where nobody looks."""

from __future__ import annotations

import contextlib
import io
import shutil
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from dtbsim.errors import StorageError

if TYPE_CHECKING:
    from rich.console import RenderableType

_NO_LIMIT = 100_000
"""Columns of an output that is not a terminal: nothing is folded, so that lines can be searched and cut."""


def width() -> int:
    """Return the columns of the terminal; without one, more than any line has."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else _NO_LIMIT


def can_show(text: str) -> bool:
    """Whether stdout has these characters."""
    try:
        text.encode(getattr(sys.stdout, "encoding", None) or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def show(*things: RenderableType) -> None:
    """Print to stdout."""
    from rich.console import Console

    # Into a text first: rich fills lines with blanks, and ends the process when the reader of stdout went away.
    drawn = io.StringIO()
    terminal = sys.stdout.isatty()
    target = Console(
        file=drawn, width=width(), force_terminal=terminal or None, highlight=False, markup=False, emoji=False
    )
    for thing in things:
        target.print(thing)
    write("\n".join(line.rstrip() for line in drawn.getvalue().splitlines()) + "\n")


def write(text: str) -> None:
    """Write to stdout, at once; see `stdout_errors`."""
    with stdout_errors():
        sys.stdout.write(text)
        sys.stdout.flush()


@contextlib.contextmanager
def stdout_errors() -> Iterator[None]:
    """Turn the error of a stdout that takes nothing (a full disk) into a StorageError.

    BrokenPipeError stays what it is: the reader went away, which is nobody's mistake.
    """
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        reason = error.strerror or str(error)
        raise StorageError(f"cannot be written: {reason}", where="stdout", remedy="check where it leads to") from error


def pairs(rows: Iterable[tuple[str, str]], *, title: str = "") -> RenderableType:
    """Return aligned lines `label  value`, below a title."""
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    for label, value in rows:
        grid.add_row(f"  {label}" if title else label, value)
    return Group(Text(title, style="bold"), grid) if title else grid


def table(header: Sequence[str], rows: Iterable[Sequence[str]], *, numbers: Sequence[str] = ()) -> RenderableType:
    """Return a table without lines; the columns named in `numbers` are aligned to the right."""
    from rich.table import Table

    result = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for name in header:
        result.add_column(name, justify="right" if name in numbers else "left", overflow="fold")
    for row in rows:
        result.add_row(*row)
    return result
