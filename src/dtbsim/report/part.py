"""What a kind of recorder or signal adds to a report: one interface, whose object the kind names (`Signal.report`)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from dtbsim.config.signals import SIGNALS
from dtbsim.errors import DtbsimError
from dtbsim.report.parts import Headline, Section
from dtbsim.signals.stream import Signal

if TYPE_CHECKING:
    from dtbsim.report.data import Edges, RegionValue
    from dtbsim.report.source import Source


class Part:
    """Instances hold nothing of a run: `collect` reads it into plain data, the others put that data into the page.

    Only what a kind has to say needs to be defined.
    """

    def collect(self, source: Source, kind: Signal) -> Any:
        """Return what the run holds of the kind, None where there is nothing to show.

        What cannot be shown although it was asked for goes into `source.absent`, with the reason.
        """
        return None

    def sections(self, found: Any) -> list[Section]:
        """Return sections; those of one anchor become one, and all stand in the order of their `order`."""
        return []

    def region_values(self, found: Any, source: Source) -> list[RegionValue]:
        """Return values by which the brain can be coloured, one for each region of `source.atlas`, which is there."""
        return []

    def edges(self, found: Any, source: Source) -> list[Edges]:
        """Return connections between regions of `source.atlas` that can be drawn into the brain."""
        return []

    def headlines(self, found: Any) -> list[Headline]:
        """Return numbers for the top of the report."""
        return []


def gathered(found: Mapping[str, Any], what: str, absent: list[str], *others: Any) -> list[Any]:
    """Return what the method `what` of the parts of all kinds gives of what they found, kind after kind.

    One of another package that fails costs its own place in the report only, and `absent` says so.
    """
    result: list[Any] = []
    for kind, data in found.items():
        part = part_of(kind)
        with forgiven(kind, part, absent):
            result += getattr(part, what)(data, *others)
    return result


@contextmanager
def forgiven(kind: str, part: Part, absent: list[str]) -> Iterator[None]:
    """Note in `absent` what a part of another package raises, apart from what is wrong with the run itself."""
    try:
        yield
    except DtbsimError:
        raise
    except Exception as error:
        signal = SIGNALS.find(kind) if kind in SIGNALS.names() else Signal()
        if all(type(made).__module__.startswith("dtbsim.") for made in (part, signal)):
            raise
        absent.append(f"{kind} (its part of the report failed: {type(error).__name__}: {error})")


def part_of(kind: str) -> Part:
    """Return what shows a kind; one of a package that is not installed is shown as every signal is."""
    signal = SIGNALS.find(kind) if kind in SIGNALS.names() else Signal()
    part: Part = signal.report.load()
    return part
