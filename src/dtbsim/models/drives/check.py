"""What drives of other packages give, checked when a network is compiled: each broken promise has one line for it."""

from __future__ import annotations

from dataclasses import is_dataclass
from typing import Any

import numpy as np

from dtbsim.config.drives import Spiking
from dtbsim.errors import InputError
from dtbsim.models.drives.base import DriveKind, Site
from dtbsim.models.drives.inputs import (
    CURRENTS,
    SPIKES,
    Draws,
    InputCurrent,
    ListedSpikes,
    NoisyCurrent,
    PoissonSpikes,
    Trains,
)
from dtbsim.models.own import code_of_class

_STEPS = np.arange(3, dtype=np.int64)
"""For which everything is tried."""


def input_of(kind: DriveKind, item: Any, site: Site) -> Any:
    """Return `kind.compile`, an input of the right sort that can be stepped."""
    with code_of_class(type(kind), f"the drive {kind.kind} cannot be compiled"):
        made = kind.compile(item, site)
        allowed, what = (SPIKES, "spikes") if isinstance(item, Spiking) else (CURRENTS, "a current")
        if not isinstance(made, allowed):
            raise _broken(
                f"`compile` of the drive {kind.kind} returns {type(made).__name__}; its configuration says that it "
                f"gives {what}",
                f"return one of these: {', '.join(one.__name__ for one in allowed)}",
            )
        if not type(kind).__module__.startswith("dtbsim."):
            _try(kind, made, site)
    return made


def _try(kind: DriveKind, made: Any, site: Site) -> None:
    """Ask for the first steps of everything."""
    held = (
        [made] if isinstance(made, Trains) else [getattr(made, name, None) for name in ("rate", "wave", "mean", "sd")]
    )
    for part in held:
        if not (part is None or isinstance(part, int | float) or is_dataclass(part)):
            raise _broken(f"{type(part).__name__} must be a data class, so that the state of a run can hold it")
    if isinstance(made, PoissonSpikes) and hasattr(made.rate, "means"):
        _numbers(kind, "means", made.rate.means(_STEPS, site.dt_ms), low=0.0)
    elif isinstance(made, InputCurrent):
        _numbers(kind, "values", made.wave.values(_STEPS, site.dt_ms))
    elif isinstance(made, NoisyCurrent):
        _numbers(kind, "values", made.mean.values(_STEPS, site.dt_ms))
        _numbers(kind, "values", made.sd.values(_STEPS, site.dt_ms), low=0.0)
    elif isinstance(made, ListedSpikes):
        _listed(kind, made.events, site.size)
    elif isinstance(made, Trains):
        check_trains(kind.kind, made, Draws(2, site.dt_ms, _words))


def _numbers(kind: DriveKind, method: str, values: Any, low: float = -np.inf) -> None:
    fits = isinstance(values, np.ndarray) and values.shape == _STEPS.shape and values.dtype.kind == "f"
    if not fits or not (np.isfinite(values).all() and (values >= low).all()):
        wanted = "finite numbers" + ("" if low == -np.inf else f", at least {low:g}")
        raise _broken(f"`{method}` of what the drive {kind.kind} returns must give {wanted}, one for each step")


def _listed(kind: DriveKind, events: Any, size: int) -> None:
    fits = isinstance(events, np.ndarray) and events.ndim == 2 and events.shape[1] == 2 and events.dtype == np.int64
    if not fits or (events.size and not (events[:, 1].min() >= 0 and events[:, 1].max() < size)):
        raise _broken(f"the drive {kind.kind} must list int64[n, 2] of step and neuron (0 to {size - 1})")


def check_trains(name: str, trains: Trains, draws: Draws) -> None:
    """Raise InputError unless trains can be started and brought forward by three steps."""
    state = started(name, trains, draws)
    advanced(name, trains, state, draws, 0, _STEPS.size)


def started(name: str, trains: Trains, draws: Draws) -> Any:
    """Return `trains.start(draws)`, a copy. InputError where it is no state."""
    state = trains.start(draws)
    if not (isinstance(state, np.ndarray) and state.shape == (draws.n, trains.width) and state.dtype == np.int64):
        raise _broken(f"`start` of the trains of {name} must give int64[{draws.n}, {trains.width}] (n, width)")
    return state.copy()


def advanced(name: str, trains: Trains, state: Any, draws: Draws, start: int, stop: int) -> tuple[Any, Any]:
    """Return steps and places of the spikes, int64[m]. InputError for what are none."""
    found = trains.advance(state, draws, start, stop)
    arrays = isinstance(found, tuple) and len(found) == 2 and all(isinstance(part, np.ndarray) for part in found)
    if not arrays or any(part.ndim != 1 or part.dtype.kind not in "iu" for part in found):
        raise _broken(f"`advance` of the trains of {name} must give two arrays of whole numbers, steps and places")
    steps, places = (part.astype(np.int64) for part in found)
    inside = steps.size == 0 or (
        start <= steps.min() and steps.max() < stop and places.min() >= 0 and places.max() < draws.n
    )
    if steps.size != places.size or not inside:
        raise _broken(
            f"`advance` of the trains of {name} gives spikes outside of steps {start} to {stop - 1} and places 0 to "
            f"{draws.n - 1}"
        )
    return steps, places


def _words(place: Any, number: Any, call: Any) -> Any:
    shape = np.broadcast_shapes(np.shape(place), np.shape(number), np.shape(call))
    return np.random.default_rng(1).integers(0, 2**32, (4, *shape), dtype=np.uint32)


def _broken(message: str, remedy: str = "see dtbsim.models.drives.inputs") -> InputError:
    return InputError(message, remedy=remedy)
