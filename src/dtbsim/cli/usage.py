"""Wrong usage in one line: what was wrong, what comes close, and where the help is."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable

import typer

UsageMistake: type[Exception] = next(
    base for base in typer.BadParameter.__mro__ if base.__name__ == "ClickException"
)  # newer releases of typer carry a click of their own: its errors cannot be imported by one name
"""What typer raises for a command line that it cannot read."""


def one_line(mistake: Exception) -> str:
    """Return the line that tells the user."""
    text = _message(mistake).strip().removesuffix(".")
    context = getattr(mistake, "ctx", None)
    command = context.command_path if context is not None else "dtbsim"
    return f"dtbsim: error: {text[:1].lower()}{text[1:]} (see `{command} --help`)"


def _message(mistake: Exception) -> str:
    option = getattr(mistake, "option_name", None)
    if option and hasattr(mistake, "possibilities"):
        near = _closest(option, mistake.possibilities or ())
        return f"no such option '{option}'" + (f"; did you mean '{near}'?" if near else "")
    text = mistake.format_message() if hasattr(mistake, "format_message") else str(mistake)
    if unknown := re.match(r"No such command '([^']*)'", text):
        context = getattr(mistake, "ctx", None)
        near = _closest(unknown.group(1), context.command.list_commands(context) if context is not None else ())
        return unknown.group() + (f"; did you mean '{near}'?" if near else "")
    return " ".join(text.replace("Value error, ", "").split())


def _closest(given: str, known: Iterable[str]) -> str:
    """Return the name that is spelt nearly so; the dashes, which all options have, do not count."""
    names = {name.lstrip("-"): name for name in known}
    close = difflib.get_close_matches(given.lstrip("-"), names, n=1)
    return names[close[0]] if close else ""
