"""`dtbsim export CONFIG --to pynn DIR`: a network as a PyNN script with its neurons, connections and input."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dtbsim.build.as_built import BuiltNetwork, BuiltProjection
from dtbsim.clock import time_of
from dtbsim.errors import InputError
from dtbsim.interchange.base import Exporter, Loss, Written, refuse_losses
from dtbsim.interchange.folder import new_folder
from dtbsim.interchange.pynn.cells import CELLS, PynnCell
from dtbsim.interchange.pynn.inputs import current_steps, drive_spikes, drives_by_name, reached, trains
from dtbsim.interchange.pynn.losses import FIRST_STEPS, losses_of
from dtbsim.interchange.pynn.script import HEAD, TAIL
from dtbsim.interchange.sonata.columns import ColumnFiles
from dtbsim.interchange.sonata.nodes import extent, safe, values_of
from dtbsim.spec.network import Drive, Network
from dtbsim.version import VERSION

DRIVES = ("spikes", "poisson", "none")
SIMULATOR = "nest"


class PynnExporter(Exporter):
    """A script and lists, for pyNN.nest and other backends of PyNN."""

    takes = "network"
    summary = "PyNN script with lists of connections, which runs without dtbsim"
    options = frozenset({"drives", "simulator"})

    def write(self, source: BuiltNetwork, target: Path, *, lossy: bool, **options: Any) -> Written:
        """Write `target`, a new folder.

        Args:
            source: the network.
            target: the folder, new or empty.
            lossy: write it although spikes will differ.
            options: `drives`: what becomes of Poisson drives: their `spikes` (default), sources that the simulator
                draws (`poisson`), or `none` of all drives; `simulator`: the backend of PyNN that the script takes if
                none is named, and whose losses are listed (default: nest).
        """
        how, simulator = options.get("drives") or "spikes", options.get("simulator") or SIMULATOR
        if how not in DRIVES:
            raise InputError(f"drives is '{how}'; allowed: {', '.join(DRIVES)}", where="drives")
        if not isinstance(simulator, str) or not simulator.isidentifier():
            raise InputError(f"simulator is {simulator!r}; it must be the name of a backend of PyNN", where="simulator")
        losses = tuple(losses_of(source, how, simulator))
        refuse_losses(losses, lossy)
        with new_folder(target) as root:
            for name in ("neurons", "connections", "inputs"):
                (root / name).mkdir()
            writer = _Writer(source, root, how)
            sizes = writer.write(simulator)
            _write_origin(root, source.network, losses)
        return Written(target, sizes, losses, (f"python {target}/run.py runs it with PyNN and {simulator}",))


PYNN = PynnExporter()


class _Writer:
    """Writes files, and collects the lines of the script that read them."""

    def __init__(self, built: BuiltNetwork, root: Path, how: str) -> None:
        self._built, self._network, self._root, self._how = built, built.network, root, how
        self._lines: list[str] = []
        self._sizes = {"neurons": 0, "synapses": 0, "input spikes": 0}
        self._longest = 1

    def write(self, simulator: str) -> dict[str, int]:
        """Write everything; return sizes by name."""
        network = self._network
        for index in range(len(network.families)):
            self._neurons(index)
        for projection in self._built.projections.values():
            self._projection(projection)
        for name, parts in drives_by_name(network) if self._how != "none" else []:
            for number, part in enumerate(parts):
                self._drive(name if len(parts) == 1 else f"{name}_{number}", part)
        title = network.name.replace('"', "'").replace("\\", "/")
        text = HEAD.format(title=title, version=VERSION, simulator=simulator, dt_ms=network.dt_ms)
        text += "".join(f"    {line}\n" for line in self._lines)
        text += TAIL.format(
            simulator=simulator,
            duration_ms=time_of(network.n_steps, network.dt_ms),
            max_delay_ms=max(10.0, time_of(self._longest, network.dt_ms)),
        )
        (self._root / "run.py").write_text(text, encoding="utf-8")
        return self._sizes

    # -- neurons ------------------------------------------------------------------------------------------------

    def _neurons(self, index: int) -> None:
        family, size = self._network.families[index], extent(self._network, index)[1]
        name = safe(family.name)
        if family.declared.emits == "listed":
            self._listed(index, name, size)
            return
        if family.declared.emits == "poisson":
            rates = np.concatenate(
                [np.broadcast_to(p["rate_hz"], g.size) for g, p, _ in values_of(self._network, index)]
            )
            np.savez(self._root / "neurons" / f"{name}.npz", size=size, p_rate=rates)
            self._lines.append(f"n[{name!r}] = neurons(sim, {name!r}, sim.SpikeSourcePoisson, {{}}, {{}})")
            return
        cell = CELLS[family.declared.name]
        whole, own = _collected(self._network, index, cell)
        regions = self._regions(index)
        values: dict[str, Any] = {"size": size, **own, **regions}
        np.savez(self._root / "neurons" / f"{name}.npz", **values)
        parameters = {key[2:]: value for key, value in whole.items() if key.startswith("p_")}
        initial = {key[2:]: value for key, value in whole.items() if key.startswith("i_")}
        made = f"neurons(sim, {name!r}, sim.{cell.name}, {parameters}, {initial})"
        self._lines.append(f"found[{family.name!r}] = n[{name!r}] = {made}")
        self._sizes["neurons"] += size

    def _regions(self, index: int) -> dict[str, Any]:
        network = self._network
        members = [network.populations[member] for member in network.families[index].populations.tolist()]
        if all(member.region < 0 for member in members):
            return {}
        return {"region": np.repeat([network.region_names[item.region] for item in members], [m.size for m in members])}

    def _listed(self, index: int, name: str, size: int) -> None:
        """Listed spikes of step k are sent at (k + 1) dt."""
        network, gid0 = self._network, extent(self._network, index)[0]
        pieces = [np.zeros((0, 2), np.int64)]
        for member in network.families[index].populations.tolist():
            if member in network.emitted:
                pieces.append(network.emitted[member] + np.array([0, network.populations[member].gid0 - gid0]))
        listed = np.concatenate(pieces)
        listed = listed[(listed[:, 0] < network.n_steps) & (listed[:, 0] >= FIRST_STEPS - 1)]
        order = np.lexsort((listed[:, 0], listed[:, 1]))
        step, n = listed[order, 0] + 1, np.bincount(listed[:, 1], minlength=size)
        np.savez(self._root / "inputs" / f"{name}.npz", step=step, n=n)
        self._lines.append(f"n[{name!r}] = sources(sim, {name!r})")
        self._sizes["input spikes"] += int(step.size)

    # -- synapses -----------------------------------------------------------------------------------------------

    def _projection(self, projection: BuiltProjection) -> None:
        network = self._network
        source, target = (network.family_index(name) for name in (projection.source, projection.target))
        gid0 = extent(network, source)[0], extent(network, target)[0]
        cell = CELLS[network.families[target].declared.name]
        lists: dict[str, ColumnFiles] = {}
        for part in projection.synapses():
            weight = part["quanta"].to_numpy() * projection.quantum
            steps = part["delay_steps"].to_numpy()
            self._longest = max(self._longest, int(steps.max(initial=1)))
            ends = [
                part[f"{end}_gid"].to_numpy().astype(np.int64) - gid0[k] for k, end in enumerate(("source", "target"))
            ]
            for receptor, keep, values in _ports(cell, projection.receptors, weight):
                if receptor not in lists:
                    lists[receptor] = ColumnFiles(
                        self._root / f".{safe(projection.name)}.{receptor}",
                        {"source": np.uint32, "target": np.uint32, "weight": np.float64, "delay_steps": np.uint32},
                    )
                columns = {
                    "source": ends[0][keep],
                    "target": ends[1][keep],
                    "weight": values,
                    "delay_steps": steps[keep],
                }
                lists[receptor].append(columns)
        for receptor, files in lists.items():
            name = safe(projection.name) if len(lists) == 1 else f"{safe(projection.name)}.{receptor}"
            self._sizes["synapses"] += files.n
            files.save(self._root / "connections" / f"{name}.npz")
            ends_text = f"n[{safe(projection.source)!r}], n[{safe(projection.target)!r}]"
            self._lines.append(f"connect(sim, {ends_text}, {name!r}, {receptor!r})")

    # -- drives -------------------------------------------------------------------------------------------------

    def _drive(self, name: str, part: Drive) -> None:
        network, stem = self._network, f"drive_{safe(name)}"
        index = network.populations[part.population].family
        family = network.families[index]
        gids, _ = reached(network, part)
        places = gids - extent(network, index)[0]
        target = f"n[{safe(family.name)!r}]"
        if part.kind == "current":
            steps, values = current_steps(network, part, FIRST_STEPS)
            if steps.size:
                np.savez(self._root / "inputs" / f"{stem}.npz", step=steps, amplitude=values / 1000.0, neuron=places)
                self._lines.append(f"inject(sim, {target}, {stem!r})")
            return
        if part.kind not in ("poisson", "events"):
            return
        channel = family.channels[part.channel]
        ports = {
            row.name: dict(channel.mix)[row.channel]
            for row in family.model.receptors
            if row.channel in dict(channel.mix)
        }
        if len(ports) > len(dict(channel.mix)):
            ports = dict(list(ports.items())[:1])
        if part.kind == "poisson" and self._how == "poisson":
            self._drawn(stem, part, places.size)
            names = [stem]
        else:
            names = self._spikes(stem, part, places.size)
        for receptor, _, values in _ports(
            CELLS[family.declared.name], ports, np.array([part.weight * channel.quantum])
        ):
            file = stem if len(ports) == 1 else f"{stem}.{receptor}"
            n = np.arange(places.size)
            rows: dict[str, Any] = {
                "source": n,
                "target": places,
                "weight": np.full(n.size, values[0]),
                "delay_steps": np.ones(n.size, int),
            }
            np.savez(self._root / "connections" / f"{file}.npz", **rows)
            for source in names:
                self._lines.append(f"connect(sim, n[{source!r}], {target}, {file!r}, {receptor!r})")
            self._sizes["synapses"] += n.size * len(names)

    def _spikes(self, stem: str, part: Drive, n: int) -> list[str]:
        """Sources with the spikes of a drive; one that has several in a step takes as many sources."""
        steps, places, counts = drive_spikes(self._network, part)
        keep = steps >= FIRST_STEPS
        steps, places, counts = steps[keep], places[keep], counts[keep]
        self._sizes["input spikes"] += int(counts.sum())
        names = []
        for layer in range(int(counts.max(initial=1))):
            names.append(stem if layer == 0 else f"{stem}_{layer + 1}")
            listed: dict[str, Any] = trains(steps, places, counts, n, layer)
            np.savez(self._root / "inputs" / f"{names[-1]}.npz", **listed)
            self._lines.append(f"n[{names[-1]!r}] = sources(sim, {names[-1]!r})")
        return names

    def _drawn(self, stem: str, part: Drive, n: int) -> None:
        network = self._network
        if part.rate is not None or part.shared or len(part.windows.on) > 1:
            raise InputError(
                f"the drive '{part.name}' is no plain Poisson drive, which PyNN could draw", where=part.key_path,
                remedy="give its spikes: --drives spikes",
            )  # fmt: skip
        gids, chosen = reached(network, part)
        means = np.full(n, part.mean)
        if part.own_means is not None:
            means = np.asarray(part.own_means.means(chosen, gids, part.index, network.seed))
        np.savez(self._root / "neurons" / f"{stem}.npz", size=n, p_rate=means / network.dt_ms * 1e3)
        start = time_of(part.start, network.dt_ms)
        times = {"start": start, "duration": time_of(min(part.stop, network.n_steps), network.dt_ms) - start}
        self._lines.append(f"n[{stem!r}] = neurons(sim, {stem!r}, sim.SpikeSourcePoisson, {times}, {{}})")


def _ports(
    cell: PynnCell, receptors: dict[str, float], weight: NDArray[np.float64]
) -> list[tuple[str, NDArray[np.bool_], NDArray[np.float64]]]:
    """Receptor types of PyNN, which synapses feed them, and their weights: of conductances by port, else by sign."""
    found = []
    for name, factor in receptors.items():
        values = weight * factor * cell.weight
        if cell.by_size:
            found.append(("excitatory" if name == "ex" else "inhibitory", np.ones(weight.size, bool), np.abs(values)))
            continue
        for receptor, keep in (("excitatory", values >= 0), ("inhibitory", values < 0)):
            if keep.any():
                found.append((receptor, keep, values[keep]))
    return found


def _collected(network: Network, index: int, cell: PynnCell) -> tuple[dict[str, float], dict[str, NDArray[np.float64]]]:
    """Parameters (`p_`) and initial values (`i_`) by PyNN's names: those of the whole population, those of neurons."""
    chunks: dict[str, list[NDArray[np.float64]]] = {}
    for gids, p, states in values_of(network, index):
        made = {f"p_{name}": of(p) for name, of in cell.parameters.items()}
        made |= {f"i_{name}": states[own] * factor for own, (name, factor) in cell.states.items()}
        for name, value in made.items():
            chunks.setdefault(name, []).append(np.broadcast_to(np.asarray(value, np.float64), gids.size))
    whole: dict[str, float] = {}
    own: dict[str, NDArray[np.float64]] = {}
    for name, parts in chunks.items():
        values = np.concatenate(parts)
        if values.size and (values == values[0]).all():
            whole[name] = float(values[0])
        else:
            own[name] = values
    return whole, own


def _write_origin(root: Path, network: Network, losses: tuple[Loss, ...]) -> None:
    """What wrote this, of which network, and what was lost."""
    lost = [{"what": x.what, "where": x.where, "instead": x.instead, "spikes": x.spikes} for x in losses]
    made = {"dtbsim": VERSION, "name": network.name, "seed": network.seed, "lost": lost}
    (root / "dtbsim.json").write_text(json.dumps(made, indent=2) + "\n", encoding="utf-8")
