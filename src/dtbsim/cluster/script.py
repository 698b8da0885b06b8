"""The batch script: a template that a site may edit, with the job filled in."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path

from dtbsim.errors import InputError
from dtbsim.files import read_bytes

TEMPLATE = "dtbsim.sbatch"
PLACE = "# dtbsim submit: the job"
"""The line of a template that the job is written after."""
_MOST_BYTES = 1 << 20


def own_template() -> str:
    """The template that comes with dtbsim."""
    return resources.files("dtbsim.cluster").joinpath(TEMPLATE).read_text(encoding="utf-8")


def read_template(path: Path | None) -> str:
    """Return the template in a file, or dtbsim's own. Raises InputError where a job cannot be written into it."""
    if path is None:
        return own_template()
    try:
        text = read_bytes(path, _MOST_BYTES, "a batch script is a short text").decode("utf-8")
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", where=str(path), remedy="see --print-template") from None
    except UnicodeDecodeError:
        raise InputError("this is not UTF-8 text", where=str(path), remedy="see --print-template") from None
    lines = text.splitlines()
    if PLACE not in lines:
        raise InputError(
            f"it has no line `{PLACE}`, after which the job is written", where=str(path), remedy="see --print-template"
        )
    commands = [n for n, line in enumerate(lines) if line.strip() and not line.lstrip().startswith("#")]
    if not lines[0].startswith("#!") or (commands and commands[0] < lines.index(PLACE)):
        raise InputError(
            f"`{PLACE}` must come before the first command, and `#!/usr/bin/env bash` at the top",
            where=str(path),
            remedy="sbatch reads no options after the first command",
        )
    return text


def fill_in(template: str, options: Sequence[str], variables: Mapping[str, str], arguments: Sequence[str]) -> str:
    """Return the script of a job: options of sbatch, variables of the environment, arguments of the script."""
    job = [
        *(f"#SBATCH {_option(option)}" for option in options),
        *(f"export {name}={shlex.quote(value)}" for name, value in variables.items()),
        f"set -- {shlex.join(arguments)}",
    ]
    before, place, after = template.partition(f"\n{PLACE}\n")
    return before + place + "\n".join(job) + "\n" + after


def _option(option: str) -> str:
    """An option as sbatch reads it in a script: blanks in its value need quotes."""
    name, equals, value = option.partition("=")
    return f'{name}="{value}"' if equals and any(letter in value for letter in " \t#'") else option
