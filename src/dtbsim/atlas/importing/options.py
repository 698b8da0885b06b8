"""What an import is asked for, beside its sources."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from dtbsim.errors import InputError

GIVEN = ("weights", "lengths", "fc", "labels", "centroids", "bold", "label_image", "lead_field")
"""Roles that can be given a file; `FILE:VARIABLE` where a file has several arrays."""
SEVERAL = ("bold",)


@dataclass(frozen=True)
class Given:
    """A file, or a variable in it, with the role that the user says."""

    role: str
    path: Path
    variable: str | None = None


@dataclass(frozen=True)
class Options:
    """`given` files; `period_s` of BOLD; what is to be done with weights; the atlas whose order of regions counts."""

    given: tuple[Given, ...] = ()
    period_s: float | None = None
    transpose: bool = False
    log: bool = False
    normalise: str | None = None
    order_of: str | None = None
    estimate_lengths: bool = False

    def of(self, role: str) -> list[Given]:
        """The files with a role."""
        return [given for given in self.given if given.role == role]


def given_file(role: str, text: str | Path, option: str) -> Given:
    """Return FILE or FILE:VARIABLE as what it names.

    Raises:
        InputError: there is no such file.
    """
    path = Path(text).expanduser()
    if path.is_file():
        return Given(role, path)
    head, colon, variable = str(text).rpartition(":")
    if colon and Path(head).expanduser().is_file():
        return Given(role, Path(head).expanduser(), variable)
    raise InputError("there is no such file", where=f"{option} {text}", remedy="give FILE or FILE:VARIABLE")


def refuse_twice(given: Sequence[Given]) -> None:
    """Raise InputError where one role has several files and can have but one."""
    for role in GIVEN:
        files = [one for one in given if one.role == role]
        if len(files) > 1 and role not in SEVERAL:
            raise InputError(f"{len(files)} files are given as {role}", where=str(files[1].path), remedy="give one")
