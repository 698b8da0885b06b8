"""What exporters and importers are, and how they say what a format cannot hold."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from dtbsim.errors import InputError, MultipleInputError


@dataclass(frozen=True)
class Loss:
    """Something that a format cannot hold, or that another program does otherwise.

    Attributes:
        what: what is lost.
        where: the key path or file where it stands.
        instead: what is written in its place.
        spikes: whether spikes differ for it.
        remedy: what to do where spikes must not differ.
    """

    what: str
    where: str
    instead: str
    spikes: bool = False
    remedy: str | None = None


@dataclass(frozen=True)
class Written:
    """What was written: the path, sizes by name, what was lost, and what the user should know."""

    path: Path
    sizes: Mapping[str, int] = field(default_factory=dict)
    losses: tuple[Loss, ...] = ()
    notes: tuple[str, ...] = ()


class Exporter:
    """Writes a network or the results of a run in a format of others; an instance per entry of the registry."""

    takes: Literal["network", "run"]
    """What it writes: a network, as `dtbsim.build` shows it, or a run, as `dtbsim.open_run` does."""
    summary: str
    """One line: what is written."""
    options: frozenset[str] = frozenset()
    """Names of the options that `write` takes."""

    def write(self, source: Any, target: Path, *, lossy: bool, **options: Any) -> Written:
        """Write a `BuiltNetwork`, or a `Run`, to `target`, as a whole or not at all.

        Raises InputError where spikes would differ and not `lossy` (`refuse_losses`).
        """
        raise NotImplementedError


class Importer:
    """Makes a configuration, and files beside it, of a network of others."""

    summary: str
    """One line: what is read."""

    def read(self, source: Path, out: Path, *, overwrite: bool) -> Written:
        """Write a configuration file to `out`; what it names lies in the folder `out` without its suffix."""
        raise NotImplementedError


def refuse_losses(losses: Iterable[Loss], lossy: bool) -> None:
    """Raise InputError, a line for each, where losses change spikes and are not agreed to."""
    found = [loss for loss in losses if loss.spikes]
    if found and not lossy:
        mistakes = [
            InputError(
                f"{loss.what}: spikes would differ ({loss.instead})",
                where=loss.where,
                remedy=(f"{loss.remedy}, or " if loss.remedy else "") + "accept it with --lossy (lossy=True)",
            )
            for loss in found
        ]
        raise mistakes[0] if len(mistakes) == 1 else MultipleInputError(mistakes)
