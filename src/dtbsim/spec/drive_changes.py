"""Drives that change: the stretches of time in which a drive is as one object of the configuration says.

A stretch draws by the number of its drive, as the whole drive does, so a change to the same value changes nothing.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from dtbsim.config import drives as cfg
from dtbsim.config.parts import WEIGHT_KEYS
from dtbsim.errors import InputError, did_you_mean
from dtbsim.models.drives.waveforms import FloatArray, IntArray, Wave, Windows, windows_of
from dtbsim.spec.changes import Event
from dtbsim.spec.places import Places

MOST_STRETCHES = 1000
"""Of one drive: each is a drive of its own for the compiled loop."""


@dataclass(frozen=True)
class Stretch:
    """From step `start` to before `stop` (None: the end of the run) a drive is as `item` says, if it is `on` at all.

    `path` is that of the change that begins it, '' for the first.
    """

    start: int
    stop: int | None
    item: cfg.Windowed
    on: bool
    path: str

    def windows(self, whole: Windows) -> Windows:
        """The part of the windows of the whole drive that is in here."""
        if not self.on:
            return Windows((), ())
        stop = whole.stop if self.stop is None else self.stop
        return windows_of(self.start, stop, list(zip(whole.on, whole.off, strict=True)))


@dataclass(frozen=True)
class Piecewise:
    """waves[k] from step edges[k] until the next; `edges` ascend from 0."""

    edges: tuple[int, ...]
    waves: tuple[Wave, ...]

    def values(self, steps: IntArray, dt_ms: float) -> FloatArray:
        """The current at the beginning of each step."""
        which = np.searchsorted(np.array(self.edges), steps, side="right") - 1
        result = np.zeros(steps.size)
        for k in np.unique(which).tolist():
            result[which == k] = self.waves[k].values(steps[which == k], dt_ms)
        return result


def piecewise(starts: Sequence[int], waves: Sequence[Wave]) -> Wave:
    """What follows waves[k] from step starts[k] on."""
    return waves[0] if len(waves) == 1 else Piecewise(tuple(starts), tuple(waves))


def joined_windows(stretches: Sequence[Stretch], whole: Windows) -> Windows:
    """The windows of a drive without the stretches in which it is off."""
    pairs = [pair for stretch in stretches for pair in zip(*_edges(stretch.windows(whole)), strict=True)]
    return windows_of(whole.start, whole.stop, pairs)


def _edges(windows: Windows) -> tuple[tuple[int, ...], tuple[int, ...]]:
    return windows.on, windows.off


def stretches_of(
    item: cfg.Windowed, events: Sequence[Event], places: Places, *, on: bool = True
) -> tuple[Stretch, ...]:
    """The stretches of a drive, which is `item` and `on` at first; `events` ascend in their steps.

    Raises InputError for what cannot change.
    """
    found = [Stretch(0, None, item, on, "")]
    for event in events:
        last = found[-1]
        changed, on = last.item, last.on
        if event.name:
            changed = _with(last.item, event, places)
        else:
            on = event.value
        if last.start == event.step:
            found[-1] = Stretch(last.start, None, changed, on, event.path)
        else:
            found[-1] = Stretch(last.start, event.step, last.item, last.on, last.path)
            found.append(Stretch(event.step, None, changed, on, event.path))
        if len(found) > MOST_STRETCHES:
            message = f"more than {MOST_STRETCHES:,} changes of one drive"
            raise places.error(event.path, message, "use a drive whose rate or current varies, such as sinusoidal")
    return tuple(found)


def _with(item: cfg.Windowed, event: Event, places: Places) -> cfg.Windowed:
    """The drive with a new value; it is checked as in a configuration."""
    if event.name in WEIGHT_KEYS and getattr(item, "as_source", False):
        message = "the spikes of a source have the weight of its projection"
        raise places.error(event.path, message, f"change that instead: projection: {' or '.join(item.target)}")
    weights = [key for key in WEIGHT_KEYS if getattr(item, key, None) is not None]
    allowed = [*type(item).changeable, *weights]
    if event.name not in allowed:
        message = f"'{event.name}' of a {item.kind} drive cannot change"
        remedy = did_you_mean(event.name, allowed) if allowed else "it can be switched: on: false"
        raise places.error(event.path, message, remedy)
    changed = item.model_copy()
    with told_at(event.path, places):
        setattr(changed, event.name, event.value)
    return changed


@contextlib.contextmanager
def told_at(path: str, places: Places) -> Iterator[None]:
    """Raise an InputError at `path` instead ('': where it is)."""
    try:
        yield
    except InputError as error:
        if not path:
            raise
        raise places.error(path, error.message, error.remedy) from None
