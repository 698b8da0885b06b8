"""PyNN's standard current sources: drives of dtbsim, one for each population that they are injected into."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyNN import common
from pyNN.parameters import ParameterSpace, Sequence
from pyNN.standardmodels import StandardCurrentSource, build_translations, electrodes

from dtbsim.errors import InputError
from dtbsim.pynn.noise import noise_of
from dtbsim.pynn.simulator import state

F64 = NDArray[np.float64]
_FOR_EVER_MS = 1e9


class _CurrentSource(StandardCurrentSource):
    """A current; its native parameters are PyNN's. What is changed in a run holds from then on."""

    def __init__(self, **parameters: Any) -> None:
        """As PyNN has it."""
        super().__init__(**parameters)
        keep = object.__setattr__  # names of parameters are attributes, so that no others are set plainly
        keep(self, "_state", state)
        keep(self, "_number", len(state.current_sources))
        keep(self, "_now", {})
        keep(self, "_settings", [])
        keep(self, "_injected", [])
        keep(self, "_recorded", False)
        space = ParameterSpace(self.default_parameters, self.get_schema(), shape=(1,))
        space.update(**parameters)
        self.set_native_parameters(self.translate(space))
        state.current_sources.append(self)

    # -- parameters ---------------------------------------------------------------------------------------------

    def set_native_parameters(self, parameters: ParameterSpace) -> None:
        """Take new values, in a run from now on."""
        parameters.evaluate(simplify=True)
        values = {name: _plain(value) for name, value in parameters.items()}
        now = self.checked(self._now | values)
        self._now.clear()
        self._now.update(now)
        if self._state.has_run:
            self._settings.append((self._state.step, dict(self._now)))
            self._state.outdated()
        else:
            self._settings[:] = [(0, dict(self._now))]

    def get_native_parameters(self) -> ParameterSpace:
        """Return the present values."""
        return ParameterSpace(dict(self._now))

    def checked(self, values: dict[str, Any]) -> dict[str, Any]:
        """Return values that can be; ValueError for others."""
        return values

    def begin_again(self) -> None:
        """Go back to time 0 with the last values."""
        self._settings[:] = [(0, dict(self._now))]
        self._injected[:] = [(0, *item[1:]) for item in self._injected]

    # -- injecting ----------------------------------------------------------------------------------------------

    def inject_into(self, cells: Any) -> None:
        """Inject it into a population, view, assembly, or a list of neurons."""
        for cell in cells:
            if not cell.celltype.injectable:
                raise TypeError("Can't inject current into a spike source.")
        chosen: dict[str, tuple[Any, list[int]]] = {}
        everything = cells.all_cells if isinstance(cells, common.Assembly) else cells
        for cell in everything:
            entry = chosen.setdefault(cell.parent.name, (cell.parent, []))
            entry[1].append(int(cell.parent.id_to_index(cell)))
        for population, neurons in chosen.values():
            self._injected.append((self._state.step, population, neurons))
        self._state.outdated()

    def drives(self) -> dict[str, Any]:
        """The entries of `drives`."""
        made: dict[str, Any] = {}
        for number, (since, population, neurons) in enumerate(self._injected):
            for place, (first, last, values) in enumerate(self._spans()):
                start = max(first, since)
                if last is not None and last <= start:
                    continue
                entry = self.driven(values, start, last)
                if entry is None:
                    continue
                entry |= {"target": population.name, "neurons": neurons}
                made[f"current_{self._number}_{number}_{place}"] = entry
        return made

    def _spans(self) -> list[tuple[int, int | None, dict[str, Any]]]:
        """From which step until which one there were which values."""
        steps = [step for step, _ in self._settings]
        return [(step, stop, v) for (step, v), stop in zip(self._settings, [*steps[1:], None], strict=True)]

    def driven(self, values: Mapping[str, Any], first: int, last: int | None) -> dict[str, Any] | None:
        """The entry of a drive that is on from step `first` to `last`; None: there is no current then."""
        raise NotImplementedError

    def window(self, values: Mapping[str, Any], first: int, last: int | None) -> dict[str, Any] | None:
        """Its start and stop within two steps; None where it is off."""
        start = max(first, int(self._state.steps(values.get("start", 0.0))))
        ends = values.get("stop", _FOR_EVER_MS)
        stop = last if ends >= _FOR_EVER_MS else int(self._state.steps(ends))
        stop = stop if last is None or stop is None else min(stop, last)
        if stop is not None and stop <= start:
            return None
        entry = {"start_ms": _time(start)}
        return entry if stop is None else entry | {"stop_ms": _time(stop)}

    # -- recording ----------------------------------------------------------------------------------------------

    def record(self) -> None:
        """Have `get_data` return the current."""
        object.__setattr__(self, "_recorded", True)

    def _get_data(self) -> tuple[F64, F64]:
        """Times in ms, and the current in nA of the step that begins there."""
        if not self._recorded:
            raise InputError("this current is not recorded", remedy="call record() first")
        steps = np.arange(self._state.step + 1)
        current = np.zeros(steps.size)
        for place, (first, last, values) in enumerate(self._spans()):
            low, high = first, steps.size if last is None else min(last, steps.size)
            current[low:high] = self.course(values, steps[low:high], place)
        return np.round(steps * self._state.dt, 9), current

    def course(self, values: Mapping[str, Any], steps: NDArray[np.int64], place: int) -> F64:
        """The current in nA at some steps. `place`: which of the settings these values are."""
        raise NotImplementedError

    def _on(self, values: Mapping[str, Any], steps: NDArray[np.int64]) -> NDArray[np.bool_]:
        stop = np.inf if values["stop"] >= _FOR_EVER_MS else self._state.steps(values["stop"])
        return np.asarray((steps >= self._state.steps(values["start"])) & (steps < stop))


class DCSource(_CurrentSource, electrodes.DCSource):
    """A constant current, `dc`."""

    translations = build_translations(("amplitude", "amplitude"), ("start", "start"), ("stop", "stop"))

    def driven(self, values: Mapping[str, Any], first: int, last: int | None) -> dict[str, Any] | None:
        """A constant current."""
        window = self.window(values, first, last)
        return None if window is None else {"kind": "dc", "amplitude": 1000.0 * values["amplitude"], **window}

    def course(self, values: Mapping[str, Any], steps: NDArray[np.int64], place: int) -> F64:
        """Its amplitude while it is on."""
        return np.where(self._on(values, steps), values["amplitude"], 0.0)


class StepCurrentSource(_CurrentSource, electrodes.StepCurrentSource):
    """A current that changes in steps, `step_current`."""

    translations = build_translations(("amplitudes", "amplitudes"), ("times", "times"))

    def checked(self, values: dict[str, Any]) -> dict[str, Any]:
        """Times ascend from 0; of those that fall into one step the last counts."""
        times, amplitudes = (np.asarray(values[name], np.float64) for name in ("times", "amplitudes"))
        if times.size != amplitudes.size:
            raise ValueError("times and amplitudes must have the same length.")
        if times.size and times.min() < 0:
            raise ValueError("Step current cannot accept negative timestamps.")
        if (np.diff(times) <= 0).any():
            raise ValueError("Step current timestamps should be monotonically increasing.")
        steps, last = np.unique(self._state.steps(times)[::-1], return_index=True)
        return {"times": np.round(steps * self._state.dt, 9), "amplitudes": amplitudes[::-1][last]}

    def driven(self, values: Mapping[str, Any], first: int, last: int | None) -> dict[str, Any] | None:
        """Steps of current."""
        window = self.window(values, first, last)
        if window is None or not values["times"].size:
            return None
        return {
            "kind": "step_current",
            "times_ms": values["times"].tolist(),
            "amplitudes": (1000.0 * values["amplitudes"]).tolist(),
            **window,
        }

    def course(self, values: Mapping[str, Any], steps: NDArray[np.int64], place: int) -> F64:
        """The last amplitude."""
        before = np.searchsorted(self._state.steps(values["times"]), steps, side="right")
        return np.concatenate([[0.0], values["amplitudes"]])[before]


class ACSource(_CurrentSource, electrodes.ACSource):
    """A sine, `sinusoidal`."""

    translations = build_translations(
        ("amplitude", "amplitude"),
        ("start", "start"),
        ("stop", "stop"),
        ("frequency", "frequency"),
        ("offset", "offset"),
        ("phase", "phase"),
    )

    def driven(self, values: Mapping[str, Any], first: int, last: int | None) -> dict[str, Any] | None:
        """A sine, whose phase PyNN counts from its start, and dtbsim from time 0."""
        window = self.window(values, first, last)
        if window is None:
            return None
        phase = values["phase"] - 0.36 * values["frequency"] * values["start"]
        return {
            "kind": "sinusoidal",
            "amplitude": 1000.0 * values["amplitude"],
            "offset": 1000.0 * values["offset"],
            "frequency_hz": values["frequency"],
            "phase_deg": phase,
            **window,
        }

    def course(self, values: Mapping[str, Any], steps: NDArray[np.int64], place: int) -> F64:
        """offset + amplitude sin(2 pi f (t - start) + phase) while it is on."""
        since_s = (steps * self._state.dt - values["start"]) * 1e-3
        angle = 2 * np.pi * values["frequency"] * since_s + np.deg2rad(values["phase"])
        return np.where(self._on(values, steps), values["offset"] + values["amplitude"] * np.sin(angle), 0.0)


class NoisyCurrentSource(_CurrentSource, electrodes.NoisyCurrentSource):
    """White noise, `noise_current`."""

    translations = build_translations(
        ("mean", "mean"), ("start", "start"), ("stop", "stop"), ("stdev", "stdev"), ("dt", "dt")
    )

    def driven(self, values: Mapping[str, Any], first: int, last: int | None) -> dict[str, Any] | None:
        """White noise that is held for `dt`; every neuron gets its own, as in NEST."""
        window = self.window(values, first, last)
        if window is None:
            return None
        held = max(1, int(self._state.steps(values["dt"])))
        return {
            "kind": "noise_current",
            "mean": 1000.0 * values["mean"],
            "std": 1000.0 * values["stdev"],
            "dt_ms": _time(held),
            **window,
        }

    def course(self, values: Mapping[str, Any], steps: NDArray[np.int64], place: int) -> F64:
        """What its first neuron gets."""
        if not self._injected:
            return np.zeros(steps.size)
        name = f"current_{self._number}_0_{place}"
        _, population, neurons = self._injected[0]
        return noise_of(self._state, name, population.name, neurons[0], steps) / 1000.0


def _time(step: int) -> float:
    return float(np.round(step * state.dt, 9))


def _plain(value: Any) -> Any:
    if isinstance(value, Sequence):
        return np.asarray(value.value, np.float64)
    array = np.asarray(value)
    if array.dtype == object:
        return np.asarray(array.flat[0].value, np.float64)
    return float(array.flat[0]) if array.ndim else float(value)
