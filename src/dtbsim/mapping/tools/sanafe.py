"""`dtbsim map MAP --export sanafe`: architecture, network and script for SANA-FE, a model of the hardware of Loihi.

SANA-FE (Boyle et al. 2025, IEEE TCAD, doi:10.1109/TCAD.2025.3537971) is under the GPL: its files are written here, and
nothing of it is imported. What a step does there was read in its models.cpp, version 2.2.9:

    v = trunc(64 leak v) / 64 (not in the first step);  v = v + bias + input;  v > threshold: spike, v = reset
    after a spike `refractory_delay` - 1 steps without input, which is lost

That is `loihi_lif` in units of 64 where the current does not outlast its step (decay_u 4096). A current that does is
not rounded by SANA-FE, and goes on differently while a neuron is refractory.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dtbsim.errors import InputError
from dtbsim.interchange.base import Loss, Written, refuse_losses
from dtbsim.interchange.folder import new_folder
from dtbsim.mapping.export import MapExporter
from dtbsim.mapping.mapping import Mapping
from dtbsim.mapping.tools.sanafe_architecture import architecture
from dtbsim.mapping.tools.sanafe_script import SCRIPT
from dtbsim.store.files import storage_errors, write_text

UNIT = 64
"""Units of the chip in one of SANA-FE."""
LONGEST_DELAY = 5
DEFAULT_STEPS = 1000
MODEL = "loihi_lif"
_DECAY = 4096

Arrays = dict[str, NDArray[Any]]


class SanafeExporter(MapExporter):
    """`arch.yaml`, `net.yaml` and `run_sanafe.py`, which runs them and keeps spikes and packets."""

    summary = "architecture, network and script for SANA-FE"

    def write(self, made: Mapping, target: Path, *, lossy: bool) -> Written:
        """Write a new folder. InputError where SANA-FE would have other spikes and not `lossy`, or cannot hold it."""
        _check(made)
        populations = [
            _Population(made, index, name) for index, name in enumerate(_names(made, "population", "decay_v"))
        ]
        inputs, sources = _Inputs.of(made), _Sources.of(made)
        losses = [loss for population in populations for loss in population.losses()]
        losses += _delay_losses(made)
        places = _places_of(made, inputs, sources)
        refuse_losses(losses, lossy)
        with new_folder(target) as folder:
            write_text(folder / "arch.yaml", architecture(made.chip, made.placed.n_chips, _most(places)))
            n_edges = _write_network(made, populations, inputs, sources, places, folder / "net.yaml")
            n_steps = max(inputs.n_steps, sources.n_steps) or DEFAULT_STEPS
            write_text(folder / "run_sanafe.py", SCRIPT.replace("@STEPS@", str(n_steps)))
            groups: dict[str, Any] = {f"g{item.index}": item.gids for item in populations}
            np.savez(folder / "neurons.npz", **groups | {"sources": sources.gids, "reached": _cores_reached(made)})
        sizes = {"neurons": sum(item.gids.size for item in populations), "synapses": n_edges}
        sizes["inputs"] = inputs.n + sources.gids.size
        return Written(
            target, sizes, tuple(losses), ("run it with: python run_sanafe.py, in an environment with sanafe",)
        )


def _check(made: Mapping) -> None:
    if made.chip.model != MODEL:
        raise InputError(
            f"SANA-FE has no neurons of {made.chip.name} here", where=str(made.path),
            remedy="map to loihi, loihi2, or a chip with `model: loihi_lif`",
        )  # fmt: skip


def _names(made: Mapping, kind: str, has: str) -> list[str]:
    found = [key.split("/") for key in made.numbers if key.startswith(f"{kind}/")]
    return list(dict.fromkeys(parts[1] for parts in found if parts[-1] == has))


class _Population:
    """Neurons of one population, as a group `g0`, `g1`, ..."""

    def __init__(self, made: Mapping, index: int, name: str) -> None:
        self.index, self.name = index, name
        self.gids = made.populations[name]
        self._p = {
            key.split("/")[3]: values
            for key, values in made.numbers.items()
            if key.startswith(f"population/{name}/parameter/")
        }
        self._initial = {
            key.split("/")[3]: values
            for key, values in made.numbers.items()
            if key.startswith(f"population/{name}/initial/")
        }

    def _value(self, table: Arrays, name: str, default: float) -> NDArray[np.float64]:
        return np.broadcast_to(np.asarray(table.get(name, default), np.float64), self.gids.shape)

    def losses(self) -> Iterator[Loss]:
        where = f"populations.{self.name}"
        if (self._value(self._p, "decay_u", _DECAY) != _DECAY).any():
            yield Loss(
                "currents that outlast a step", where, "the same currents, which SANA-FE does not round", True,
                "choose a model without synaptic currents, such as iaf_psc_delta",
            )  # fmt: skip
            if (self._value(self._p, "refractory_steps", 1) > 1).any():
                yield Loss("currents that go on while refractory", where, "currents that stand still", True)

    def attributes(self, added: NDArray[np.float64]) -> list[list[str]]:
        """Attributes of every neuron as texts; `added`: float64[n], input that acts in the first step."""
        keep = _DECAY - self._value(self._p, "decay_v", 0)
        bias = self._value(self._p, "bias_mantissa", 0) * np.exp2(self._value(self._p, "bias_exponent", 0))
        start = (
            np.trunc(self._value(self._initial, "v", 0) * keep / _DECAY) + self._value(self._initial, "u", 0) + added
        )
        columns = {
            "threshold": self._value(self._p, "vth_mantissa", 0),
            "leak_decay": keep / _DECAY,
            "input_decay": (_DECAY - self._value(self._p, "decay_u", _DECAY)) / _DECAY,
            "bias": bias / UNIT,
            "potential": start / UNIT,
        }
        rows = [[f"{name}: {value!r}" for value in values.tolist()] for name, values in columns.items()]
        rows.append([f"refractory_delay: {int(n)}" for n in self._value(self._p, "refractory_steps", 1).tolist()])
        return rows


class _Inputs:
    """Listed spikes from outside: a source in SANA-FE for every neuron and weight, on the core of the neuron.

    Spikes that come together have sources of their own, as one sends one spike in a step.
    """

    def __init__(self, target: NDArray[np.int64], weight: NDArray[np.int64], spikes: list[NDArray[np.int64]]) -> None:
        self.target, self.weight, self.spikes = target, weight, spikes
        self.n = target.size
        self.n_steps = 0
        self.first: dict[int, float] = {}

    @staticmethod
    def of(made: Mapping) -> _Inputs:
        """Events of all drives and of sources of listed spikes, put together by neuron and weight."""
        names = _names(made, "drive", "weight")
        found = [
            [made.numbers[f"drive/{name}/{key}"].astype(np.int64) for key in ("gid", "weight", "step")]
            for name in names
        ]
        gid, weight, step = (np.concatenate([row[k] for row in found] + [np.zeros(0, np.int64)]) for k in range(3))
        now = step == 0
        first: dict[int, float] = {}
        for neuron, jump in zip(gid[now].tolist(), weight[now].tolist(), strict=True):
            first[neuron] = first.get(neuron, 0.0) + jump
        gid, weight, step = gid[~now], weight[~now], step[~now]
        order = np.lexsort((step, weight, gid))
        gid, weight, step = gid[order], weight[order], step[order]
        keys = np.column_stack([gid, weight, _repeats(gid, weight, step)])
        keys, inverse = np.unique(keys, axis=0, return_inverse=True)
        order = np.lexsort((step, inverse.ravel()))
        bounds = np.cumsum(np.bincount(inverse.ravel(), minlength=len(keys)))[:-1]
        made_of = _Inputs(keys[:, 0], keys[:, 1], np.split(step[order], bounds) if len(keys) else [])
        made_of.first = first
        made_of.n_steps = int(step.max(initial=-1)) + 1
        return made_of


def _repeats(*columns: NDArray[np.int64]) -> NDArray[np.int64]:
    """int64[k]: how often the same row came before, of sorted rows."""
    n = columns[0].size
    new = np.ones(n, np.bool_)
    new[1:] = np.any([values[1:] != values[:-1] for values in columns], axis=0)
    first = np.maximum.accumulate(np.where(new, np.arange(n), 0))
    return np.arange(n) - first


class _Sources:
    """Populations of listed spikes: a source for every neuron that has targets, on the core of its first one."""

    def __init__(self, gids: NDArray[np.int64], core: NDArray[np.int64], steps: list[NDArray[np.int64]]) -> None:
        self.gids, self.core, self.steps = gids, core, steps
        self.n_steps = 1 + max((int(item.max(initial=-1)) for item in steps), default=-1)

    @staticmethod
    def of(made: Mapping) -> _Sources:
        """Sources in the order of gids, with the steps in which they spike."""
        names = _names(made, "outside", "gid")
        listed = [[made.numbers[f"outside/{name}/{key}"] for key in ("gid", "step")] for name in names]
        gid, step = (np.concatenate([row[k] for row in listed] + [np.zeros(0, np.int64)]) for k in range(2))
        first: dict[int, int] = {}
        for name in _names(made, "projection", "mantissa"):
            source = made.numbers[f"projection/{name}/source_gid"].astype(np.int64)
            outside = np.flatnonzero(made.placed.core[source] < 0)
            own, at = np.unique(source[outside], return_index=True)
            target = made.numbers[f"projection/{name}/target_gid"][outside[at]]
            for one, core in zip(own.tolist(), made.placed.core[target].tolist(), strict=True):
                first.setdefault(one, core)
        gids = np.array(sorted(first), np.int64)
        core = np.array([first[one] for one in gids.tolist()], np.int64)
        return _Sources(gids, core, [np.unique(step[gid == one]) for one in gids.tolist()])


def _places_of(made: Mapping, inputs: _Inputs, sources: _Sources) -> list[tuple[str, int]]:
    """Names of all sources with the cores they are on."""
    core = made.placed.core
    found = [(f"inputs.{k}", int(core[gid])) for k, gid in enumerate(inputs.target.tolist())]
    return found + [(f"sources.{k}", int(one)) for k, one in enumerate(sources.core.tolist())]


def _most(places: list[tuple[str, int]]) -> int:
    """How many sources a core has at most."""
    return max(np.bincount([core for _, core in places]).tolist(), default=0) if places else 0


def _delay_losses(made: Mapping) -> Iterator[Loss]:
    for name in _names(made, "projection", "mantissa"):
        delays = made.numbers[f"projection/{name}/delay_steps"]
        if delays.size and int(delays.max()) > LONGEST_DELAY:
            yield Loss(
                f"delays of {int(delays.max())} steps", f"projections.{name}", f"delays of {LONGEST_DELAY} steps",
                True, f"delays of the chip up to {LONGEST_DELAY} steps go through",
            )  # fmt: skip


def _cores_reached(made: Mapping) -> NDArray[np.int64]:
    """int64[n]: cores that each neuron sends to, its own included: packets of a spike."""
    core = made.placed.core
    pairs = []
    for name in _names(made, "projection", "mantissa"):
        source, target = (
            made.numbers[f"projection/{name}/{key}"].astype(np.int64) for key in ("source_gid", "target_gid")
        )
        pairs.append(source * (int(core.max()) + 1) + core[target])
    both = np.unique(np.concatenate([*pairs, np.zeros(0, np.int64)]))
    return np.bincount(both // (int(core.max()) + 1), minlength=core.size).astype(np.int64)


def _write_network(
    made: Mapping,
    populations: list[_Population],
    inputs: _Inputs,
    sources: _Sources,
    places: list[tuple[str, int]],
    path: Path,
) -> int:
    """Write neurons, synapses and places; return the number of synapses."""
    name_of = np.empty(made.placed.core.size, dtype=object)
    for population in populations:
        name_of[population.gids] = [f"g{population.index}.{k}" for k in range(population.gids.size)]
    name_of[sources.gids] = [f"sources.{k}" for k in range(sources.gids.size)]
    with storage_errors(path), path.open("w", encoding="utf-8") as file:
        file.write("network:\n  name: dtbsim\n  groups:\n")
        for population in populations:
            added = np.array([inputs.first.get(gid, 0.0) for gid in population.gids.tolist()])
            _write_group(file, population, added)
        _write_trains(file, "inputs", [steps - 1 for steps in inputs.spikes])  # a spike arrives in the next step
        _write_trains(file, "sources", sources.steps)
        file.write("  edges:\n")
        n_edges = _write_edges(file, made, name_of)
        for k in range(inputs.n):
            weight = float(inputs.weight[k]) / UNIT
            file.write(f"    - inputs.{k} -> {name_of[inputs.target[k]]}: [weight: {weight!r}, delay: 0]\n")
        _write_places(file, made, populations, places)
    return n_edges


def _write_group(file: Any, population: _Population, added: NDArray[np.float64]) -> None:
    hardware = "synapse_hw_name: synapses, dendrite_hw_name: dendrites, soma_hw_name: neurons"
    file.write(
        f"    - name: g{population.index}  # {population.name}\n"
        f"      attributes: [reset: 0.0, reset_mode: hard, force_update: true, log_spikes: true, {hardware}]\n"
        "      neurons:\n"
    )
    for k, row in enumerate(zip(*population.attributes(added), strict=True)):
        file.write(f"        - {k}: [{', '.join(row)}]\n")


def _write_trains(file: Any, name: str, trains: list[NDArray[np.int64]]) -> None:
    """Write sources with the steps in which each sends a spike."""
    if not trains:
        return
    file.write(f"    - name: {name}\n      attributes: [log_spikes: true, synapse_hw_name: synapses]\n      neurons:\n")
    for k, steps in enumerate(trains):
        on = np.zeros(int(steps.max(initial=-1)) + 1, np.int64)
        on[steps] = 1
        file.write(f"        - {k}: [spikes: [{', '.join(map(str, on.tolist()))}]]\n")


def _write_edges(file: Any, made: Mapping, name_of: NDArray[Any]) -> int:
    n = 0
    for name in _names(made, "projection", "mantissa"):
        arrays = {
            key: made.numbers[f"projection/{name}/{key}"]
            for key in ("source_gid", "target_gid", "mantissa", "exponent", "delay_steps")
        }
        weight = np.ldexp(arrays["mantissa"].astype(np.float64), arrays["exponent"].astype(np.int64)) / UNIT
        delay = np.minimum(arrays["delay_steps"], LONGEST_DELAY)
        columns = name_of[arrays["source_gid"]], name_of[arrays["target_gid"]], weight.tolist(), delay.tolist()
        for source, target, w, d in zip(*columns, strict=True):
            file.write(f"    - {source} -> {target}: [weight: {w!r}, delay: {d}]\n")
        n += weight.size
    return n


def _write_places(file: Any, made: Mapping, populations: list[_Population], places: list[tuple[str, int]]) -> None:
    per_tile = made.chip.whole("size.cores_per_tile") or 1
    core = made.placed.core
    file.write("mappings:\n")
    for population in populations:
        for k, gid in enumerate(population.gids.tolist()):
            file.write(f"  - g{population.index}.{k}: [core: {core[gid] // per_tile}.{core[gid] % per_tile}]\n")
    used: dict[int, int] = {}
    for name, where in places:
        slot = used[where] = used.get(where, -1) + 1
        file.write(f'  - {name}: [core: {where // per_tile}.{where % per_tile}, soma: "sources[{slot}]"]\n')


SANAFE = SanafeExporter()
