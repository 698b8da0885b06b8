"""Packages that a format needs beside those of dtbsim."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

from dtbsim.errors import InputError, MissingDependencyError


def needs(package: str, extra: str) -> Any:
    """Import and return a package; MissingDependencyError, with the command that installs it, where it is not there."""
    try:
        return import_module(package)
    except ImportError as error:
        name = package.partition(".")[0]
        raise MissingDependencyError(
            f"the package {name} cannot be imported: {error}", remedy=f"pip install 'dtbsim[{extra}]'"
        ) from error


def check_suffix(target: Path, *suffixes: str) -> None:
    """InputError where a file does not end as its format wants it."""
    if not target.name.lower().endswith(suffixes):
        raise InputError(
            f"'{target.name}' must end with {' or '.join(suffixes)}", where=str(target), remedy="choose another name"
        )
