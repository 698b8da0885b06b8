"""The configuration that runs as a chip does, with files beside it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dtbsim.clock import time_of
from dtbsim.config.yaml_write import to_yaml
from dtbsim.interchange.folder import new_folder
from dtbsim.paths import user_path

if TYPE_CHECKING:
    from dtbsim.chips.conversion.result import ChipDrive, ChipPopulation, ChipProjection, Conversion

I64 = NDArray[np.int64]
NETWORK = "network.yaml"


def write_network(made: Conversion, folder: str | os.PathLike[str]) -> Path:
    """Write a conversion, see `Conversion.write`."""
    target = user_path(os.fspath(folder))
    with new_folder(target) as root:
        writer = _Writer(made, root)
        (root / NETWORK).write_text(to_yaml(writer.config()), encoding="utf-8")
    return target / NETWORK


class _Writer:
    """Writes the files that a configuration names."""

    def __init__(self, made: Conversion, root: Path) -> None:
        self._made, self._root = made, root
        self._first = {name: int(item.gids[0]) if item.size else 0 for name, item in made.populations.items()}
        self._names: dict[str, str] = {}
        for name in made.populations:
            self._names[name] = _free(_safe(name), dict.fromkeys(self._names.values()))

    def config(self) -> dict[str, Any]:
        """Return the configuration."""
        made = self._made
        populations = {self._names[name]: self._population(item) for name, item in made.populations.items()}
        projections: dict[str, Any] = {}
        drives: dict[str, Any] = {}
        for projection in made.projections.values():
            if projection.size:
                name = _free(_safe(projection.name), projections)
                projections[name] = self._projection(projection, name)
        for item in made.drives.values():
            self._drive(item, populations, projections, drives)
        found = {
            "name": made.model,
            "description": f"as {made.chip} computes it",
            "simulation": {"dt_ms": made.dt_ms, "duration_ms": time_of(made.n_steps, made.dt_ms)},
            "populations": populations,
            "projections": projections,
            "drives": drives,
        }
        return {key: value for key, value in found.items() if value != {}}

    def _save(self, name: str, **columns: NDArray[Any]) -> str:
        save: Any = np.savez
        save(self._root / name, **columns)
        return name

    def _population(self, item: ChipPopulation) -> dict[str, Any]:
        name = self._names[item.name]
        found: dict[str, Any] = {"model": item.model, "size": item.size}
        if item.spikes is not None:
            times = _times(item.spikes[:, 0] + 1, self._made.dt_ms)
            found["spikes_file"] = self._save(f"{name}_spikes.npz", neuron=item.spikes[:, 1], time_ms=times)
            return found
        for what, values in (("parameters", item.parameters), ("initial", item.initial)):
            if values:
                found[what] = dict(self._numbers(name, what, values))
        return found

    def _numbers(self, name: str, what: str, values: Any) -> Iterator[tuple[str, Any]]:
        """One number of all, or a column of a file."""
        many = {key: value for key, value in values.items() if value.size and (value != value[0]).any()}
        if many:
            self._save(f"{name}_{what}.npz", **many)
        for key, value in values.items():
            if key in many:
                yield key, {"file": f"{name}_{what}.npz", "column": key}
            elif value.size:
                yield key, float(value[0])

    def _projection(self, item: ChipProjection, name: str) -> dict[str, Any]:
        weight = self._weight(item)
        file = self._save(
            f"{name}.npz",
            source=item.source_gid - self._first[item.source],
            target=item.target_gid - self._first[item.target],
            weight=weight,
            delay_steps=item.delay_steps.astype(np.int64) + self._made.run_shift,
        )
        rule = {"kind": "explicit", "file": file}
        ends = {"source": self._names[item.source], "target": self._names[item.target]}
        return {**ends, "receptor": item.receptor, "rule": rule}

    def _weight(self, item: ChipProjection | ChipDrive) -> I64:
        """Weights in the unit of the model's port: of SpiNNaker, before they are shifted."""
        shift = self._shift(item.target, item.receptor)
        gids = item.target_gid if hasattr(item, "target_gid") else item.gid
        exponent = item.exponent.astype(np.int64)
        if shift is not None:
            exponent = exponent - shift[gids - self._first[item.target]]
        return np.ldexp(item.mantissa.astype(np.float64), exponent).astype(np.int64)

    def _shift(self, target: str, receptor: str) -> I64 | None:
        found = self._made.populations[target].parameters.get(f"shift_{receptor}")
        return None if found is None else found.astype(np.int64)

    def _drive(
        self, item: ChipDrive, populations: dict[str, Any], projections: dict[str, Any], drives: dict[str, Any]
    ) -> None:
        """Spikes from outside: a source for each neuron and weight, and drives for the step before any can arrive."""
        if not item.step.size:
            return
        on = item.step < self._made.n_steps
        weight, first = self._weight(item), self._first[item.target]
        at_once = on & (item.step == 0)
        for k, value in enumerate(np.unique(weight[at_once]).tolist()):
            mine = at_once & (weight == value)
            name = _free(f"{_safe(item.name)}_{k}", drives)
            spikes = self._save(f"{name}.npz", neuron=item.gid[mine] - first, time_ms=np.zeros(int(mine.sum())))
            drives[name] = {
                "kind": "spike_trains", "target": self._names[item.target], "receptor": item.receptor, "weight": value,
                "file": spikes,
            }  # fmt: skip
        later = on & ~at_once
        if not later.any():
            return
        pairs, source = np.unique(
            np.column_stack([item.gid[later] - first, weight[later]]), axis=0, return_inverse=True
        )
        name = _free(f"{_safe(item.name)}_spikes", populations)
        times = _times(item.step[later], self._made.dt_ms)
        spikes = self._save(f"{name}.npz", neuron=np.ravel(source), time_ms=times)
        populations[name] = {"model": "spike_source", "size": len(pairs), "spikes_file": spikes}
        n = np.arange(len(pairs))
        edges = self._save(
            f"{name}_edges.npz", source=n, target=pairs[:, 0], weight=pairs[:, 1], delay_steps=np.ones_like(n)
        )
        rule = {"kind": "explicit", "file": edges}
        projections[_free(name, projections)] = {
            "source": name,
            "target": self._names[item.target],
            "receptor": item.receptor,
            "rule": rule,
        }


def _safe(name: str) -> str:
    """A name that keys of a configuration may have; those of circuits have a point."""
    return re.sub("[^A-Za-z0-9_-]", "_", name)


def _free(name: str, taken: dict[str, Any]) -> str:
    found, k = name, 2
    while found in taken:
        found, k = f"{name}_{k}", k + 1
    return found


def _times(steps: I64, dt_ms: float) -> NDArray[np.float64]:
    """Times (ms) of steps."""
    return np.round(steps * dt_ms, 9)
