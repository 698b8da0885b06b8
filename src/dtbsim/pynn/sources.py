"""PyNN's sources of spikes: listed ones, and random ones as drives of neurons that repeat what they receive."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyNN import errors
from pyNN.parameters import Sequence
from pyNN.standardmodels import build_translations, cells

from dtbsim.pynn.cells import Cell
from dtbsim.pynn.configuration import packed

Segments = list[tuple[int, dict[str, NDArray[Any]]]]
"""From which step on a source had which parameters, in order."""
MOST_DRIVES = 4096
"""Different settings of the sources of one population, each of which is a drive."""


class SpikeSourceArray(Cell, cells.SpikeSourceArray):
    """Listed spikes, `spike_source`."""

    model = "spike_source"
    is_source = True
    translations = build_translations(("spike_times", "spike_times"))

    def check(self, parameters: Mapping[str, Any]) -> None:
        """Times ascend, as with other simulators."""
        for train in parameters["spike_times"]:
            times = _times(train)
            if (np.diff(times) < 0).any():
                raise errors.InvalidParameterValueError(
                    "Spike times given to SpikeSourceArray must be in increasing order"
                )

    def configured(self, file: Path, segments: Segments, state: Any) -> dict[str, Any]:
        """Listed spikes: of what was set in the course of a run, those after that time; not before the first step."""
        neurons, times = [], []
        for index in range(segments[0][1]["spike_times"].size):
            train = _listed(segments, index, state)
            steps = _steps(train, state)
            if (steps <= 0).any():
                warnings.warn(f"spikes before {state.dt:g} ms are left out: the first step ends there", stacklevel=2)
            times.append(np.round(steps[steps > 0] * state.dt, 9))
            neurons.append(np.full(times[-1].size, index))
        np.savez(file, neuron=np.concatenate(neurons), time_ms=np.concatenate(times))
        return {"spikes_file": str(file)}

    def drives(self, name: str, segments: Segments, state: Any) -> dict[str, Any]:
        """None: its spikes are listed."""
        return {}

    def emitted(self, population: Any, index: int, times: Any) -> Any:
        """With spike_precision="off_grid", the times that were given; they act at the nearest step."""
        state = population._simulator.state
        if not state.exact_times or not times.size:
            return times
        given = _listed(population.segments, index, state)
        return given[np.isin(_steps(given, state), state.steps(times))]


class _Random(Cell):
    """A source of random spikes: neurons that repeat the spikes of drives, one drive for equal settings."""

    model = "parrot_neuron"
    is_source = True

    def drives(self, name: str, segments: Segments, state: Any) -> dict[str, Any]:
        """The entries of `drives`; settings that were changed in a run hold until the next ones."""
        made: dict[str, Any] = {}
        stops = [step for step, _ in segments[1:]] + [None]
        for (first, parameters), last in zip(segments, stops, strict=True):
            for neurons, one in _alike(parameters, self.told_apart):
                start = max(first, int(state.steps(one["start"])))
                end = one["start"] + one["duration"]
                stop = None if end >= 1e9 else int(state.steps(end))
                stop = last if stop is None else stop if last is None else min(stop, last)
                if stop is not None and stop <= start:
                    continue
                entry = {"target": name, "weight": 1.0, "start_ms": float(np.round(start * state.dt, 9))}
                if stop is not None:
                    entry["stop_ms"] = float(np.round(stop * state.dt, 9))
                if neurons.size < parameters["start"].size:
                    entry["neurons"] = neurons.tolist()
                made[f"{name}_{len(made)}"] = entry | self.process(one, parameters)
                if len(made) > MOST_DRIVES:
                    raise errors.InvalidParameterValueError(
                        f"more than {MOST_DRIVES} different settings of {type(self).__name__} in a population"
                    )
        return made

    told_apart: tuple[str, ...] = ()

    def process(self, one: Mapping[str, float], parameters: Mapping[str, NDArray[Any]]) -> dict[str, Any]:
        """What the drive gives: `one` has the parameters of its neurons, `parameters` those of all."""
        raise NotImplementedError


class SpikeSourcePoisson(_Random, cells.SpikeSourcePoisson):
    """Poisson spikes."""

    translations = build_translations(("rate", "rate"), ("start", "start"), ("duration", "duration"))
    told_apart = ("start", "duration")

    def process(self, one: Mapping[str, float], parameters: Mapping[str, NDArray[Any]]) -> dict[str, Any]:
        """Independent spikes, with a rate for every neuron."""
        return {"kind": "poisson", "rate_hz": packed(parameters["rate"])}


class SpikeSourcePoissonRefractory(_Random, cells.SpikeSourcePoissonRefractory):
    """Poisson spikes with a dead time."""

    translations = build_translations(
        ("rate", "rate"), ("tau_refrac", "tau_refrac"), ("start", "start"), ("duration", "duration")
    )
    told_apart = ("rate", "tau_refrac", "start", "duration")

    def check(self, parameters: Mapping[str, Any]) -> None:
        """The mean interval is longer than the refractory time."""
        if (np.asarray(parameters["rate"]) * parameters["tau_refrac"] >= 1000.0).any():
            raise errors.InvalidParameterValueError("tau_refrac must be below the mean interval, 1000 / rate")

    def process(self, one: Mapping[str, float], parameters: Mapping[str, NDArray[Any]]) -> dict[str, Any]:
        """Exponential intervals after the refractory time."""
        mean = 1000.0 / one["rate"] - one["tau_refrac"]
        return {
            "kind": "renewal",
            "interval_ms": {"distribution": "exponential", "mean": mean, "low": one["tau_refrac"]},
        }


class SpikeSourceGamma(_Random, cells.SpikeSourceGamma):
    """Spikes with gamma intervals."""

    translations = build_translations(
        ("alpha", "alpha"), ("beta", "beta"), ("start", "start"), ("duration", "duration")
    )
    told_apart = ("alpha", "beta", "start", "duration")

    def process(self, one: Mapping[str, float], parameters: Mapping[str, NDArray[Any]]) -> dict[str, Any]:
        """Intervals with a gamma distribution, the first one from the start on."""
        return {"kind": "gamma", "rate_hz": one["beta"] / one["alpha"], "shape": one["alpha"], "begin": "spike"}


def _alike(
    parameters: Mapping[str, NDArray[Any]], names: tuple[str, ...]
) -> Iterator[tuple[NDArray[np.int64], dict[str, float]]]:
    """Yield neurons whose parameters of these names are equal, with them."""
    table = np.stack([np.asarray(parameters[name], np.float64) for name in names], axis=1)
    rows, of = np.unique(table, axis=0, return_inverse=True)
    for number, row in enumerate(rows):
        yield np.flatnonzero(of.ravel() == number), dict(zip(names, row.tolist(), strict=True))


def _times(train: Any) -> NDArray[np.float64]:
    return np.asarray(train.value if isinstance(train, Sequence) else train, np.float64)


def _listed(segments: Segments, index: int, state: Any) -> NDArray[np.float64]:
    """All spikes of a source: what was set later replaces what came after that time."""
    train = _times(segments[0][1]["spike_times"][index])
    for step, parameters in segments[1:]:
        given = _times(parameters["spike_times"][index])
        train = np.concatenate([train[_steps(train, state) <= step], given[_steps(given, state) > step]])
    return train


def _steps(times: NDArray[np.float64], state: Any) -> NDArray[np.int64]:
    """The steps at whose end spikes are sent: times in between count as the end of theirs, as in NEST."""
    found: NDArray[np.int64] = np.ceil(np.asarray(times, np.float64) / state.dt - 1e-6).astype(np.int64)
    return found
