"""`dtbsim import DIR --from sonata --out model.yaml`: a SONATA network as a configuration with files beside it."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np

from dtbsim.config.yaml_write import to_yaml
from dtbsim.errors import InputError
from dtbsim.interchange.base import Importer, Loss, Written
from dtbsim.interchange.folder import new_model
from dtbsim.interchange.sonata.cells import Cell, cells_of, placed
from dtbsim.interchange.sonata.columns import ColumnFiles
from dtbsim.interchange.sonata.drives_read import drives_of, free_name
from dtbsim.interchange.sonata.edges_read import Bundle, read_edges
from dtbsim.interchange.sonata.inputs_read import clamps, on_grid, read_spikes, reports, spike_inputs
from dtbsim.interchange.sonata.nodes import safe
from dtbsim.interchange.sonata.nodes_read import read_nodes
from dtbsim.interchange.sonata.simulation import Sonata, read_sonata

EXACT = 2.0**24
"""Weights of at most so many quanta can be kept exactly."""
DT_MS = 0.1
_SPIKES = {"neuron": np.int64, "time_ms": np.float64}


class SonataImporter(Importer):
    """Nodes become populations, one for each type; edges become explicit projections, one for each pair and port."""

    summary = "SONATA circuit, with the simulation around it if there is one"

    def read(self, source: Path, out: Path, *, overwrite: bool) -> Written:
        """Write `out`, a .yaml, and beside it a folder of the same name without `.yaml` for lists and numbers."""
        sonata = read_sonata(source)
        with new_model(out, overwrite) as (yaml, folder):
            made = _Import(sonata, folder, out.with_suffix("").name)
            config = made.config(source)
            yaml.write_text(to_yaml(config), encoding="utf-8")
        return Written(out, made.sizes, tuple(made.losses), tuple(made.notes))


SONATA = SonataImporter()


class _Import:
    """The parts of a configuration, made one after the other."""

    def __init__(self, sonata: Sonata, folder: Path, name: str) -> None:
        """`folder` takes the files, which the configuration calls `name`/FILE."""
        self._sonata, self._folder, self._prefix = sonata, folder, name
        self.losses: list[Loss] = []
        self.notes: list[str] = []
        self.sizes: dict[str, int] = {}
        self._dt_ms = self._time("dt", DT_MS)
        populations = [nodes for pair in sonata.nodes for nodes in read_nodes(*pair)]
        names = [nodes.name for nodes in populations]
        twice = next((x for x in names if names.count(x) > 1), None)
        if twice is not None:
            raise InputError(f"two files have a population '{twice}'", where=str(sonata.file), remedy="name one")
        self._cells = cells_of(populations, sonata.directories.get("point_neuron_models_dir"), self.losses)
        self._places = placed(populations, self._cells)

    def config(self, source: Path) -> dict[str, Any]:
        """Return the configuration."""
        drives: dict[str, Any] = {}
        spikes = self._spikes()
        projections = self._projections(drives, spikes)
        populations = self._populations(spikes)
        for name, drive in clamps(self._sonata, self._places, self._cells, self._dt_ms):
            drives[free_name(safe(name).replace(".", "_").replace("-", "_"), drives)] = drive
        simulation: dict[str, Any] = {"duration_ms": self._time("tstop", self._time("duration", 1000.0))}
        if self._dt_ms < 0.05:
            self.notes.append(f"dt is {self._dt_ms:g} ms; the same with --set simulation.dt_ms=0.1 takes fewer steps")
        simulation["dt_ms"] = self._dt_ms
        self.sizes["neurons"] = sum(cell.size for cell in self._cells if cell.model is not None)
        found: dict[str, Any] = {
            "name": free_name(safe(self._prefix), {}),
            "description": f"imported from SONATA, {source.name}",
            "simulation": simulation,
            "populations": populations,
            "projections": projections,
            "drives": drives,
        }
        states = reports(self._sonata, self._places, self._cells, self._dt_ms, self.losses)
        if states:
            found["record"] = {"states": states}
        return {key: value for key, value in found.items() if value not in ({}, None)}

    def _time(self, key: str, default: float) -> float:
        value = self._sonata.run.get(key, default)
        if not isinstance(value, int | float) or isinstance(value, bool) or not 0 < value < 1e12:
            raise InputError(f"{key} is {value!r}; a time in ms is needed", where=f"{self._sonata.file}: run.{key}")
        return float(value)

    # -- populations -------------------------------------------------------------------------------------------------

    def _populations(self, spikes: dict[str, str]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for cell in self._cells:
            if cell.drive is not None:
                continue
            if cell.model is None:
                made: dict[str, Any] = {"model": "spike_source", "size": cell.size}
                made["spikes_file"] = spikes.get(cell.name) or self._save_spikes(cell, None)
            else:
                made = {"model": cell.model.name, "size": cell.size}
                if cell.ports:
                    made["receptors"] = dict(cell.ports)
                taus = {f"tau_syn_{port}_ms" for port in cell.ports}
                parameters = {k: v for k, v in cell.parameters.items() if k not in taus or isinstance(v, np.ndarray)}
                made["parameters"] = self._numbers(cell, parameters, "parameters")
                made["initial"] = self._numbers(cell, cell.initial, "initial")
            found[cell.name] = {key: value for key, value in made.items() if value != {}}
        return found

    def _numbers(self, cell: Cell, values: dict[str, Any], what: str) -> dict[str, Any]:
        """Numbers as they are, and those of every neuron in a file."""
        arrays = {name: value for name, value in values.items() if isinstance(value, np.ndarray)}
        bad = next((name for name, array in arrays.items() if not np.isfinite(array).all()), None)
        if bad is not None:
            raise InputError(f"{bad} is missing for some nodes of '{cell.name}'", where=str(cell.nodes.path))
        file = f"{cell.name}_{what}.npz"
        if arrays:
            save: Any = np.savez
            save(self._folder / file, **arrays)
        return {
            name: {"file": f"{self._prefix}/{file}", "column": name} if name in arrays else value
            for name, value in values.items()
        }

    # -- spikes ------------------------------------------------------------------------------------------------------

    def _spikes(self) -> dict[str, str]:
        """Spikes of virtual nodes, in a file for each population; return the files by its name."""
        virtual = {cell.nodes.name: self._places[cell.nodes.name] for cell in self._cells if cell.model is None}
        files: dict[int, ColumnFiles] = {}
        early = 0
        for _, path in spike_inputs(self._sonata):
            for place, time_ms, at in read_spikes(path, virtual):
                on_time = on_grid(time_ms, self._dt_ms)
                kept = on_time > 0
                early += int((~kept).sum())
                number, index = place.cell[at[kept]], place.index[at[kept]]
                for one in np.unique(number).tolist():
                    if one not in files:
                        files[one] = ColumnFiles(self._folder / f"_spikes_{one}", _SPIKES)
                    mine = number == one
                    files[one].append({"neuron": index[mine], "time_ms": on_time[kept][mine]})
        if early:
            self.losses.append(
                Loss(
                    f"{early:,} spikes at time 0 or before", str(self._sonata.file), "nothing: NEST takes none, either"
                )
            )
        self.sizes["input spikes"] = sum(item.n for item in files.values())
        return {
            self._cells[number].name: self._save_spikes(self._cells[number], item) for number, item in files.items()
        }

    def _save_spikes(self, cell: Cell, files: ColumnFiles | None) -> str:
        if files is None:
            self.notes.append(f"the virtual nodes '{cell.name}' have no spikes: no input of the simulation is theirs")
        name = f"{cell.name}_spikes.npz"
        (files or ColumnFiles(self._folder / f"_spikes_{cell.name}", _SPIKES)).save(self._folder / name)
        return f"{self._prefix}/{name}"

    # -- projections -------------------------------------------------------------------------------------------------

    def _projections(self, drives: dict[str, Any], spikes: dict[str, str]) -> dict[str, Any]:
        directory = self._sonata.directories.get("synaptic_models_dir")
        work = self._folder / "_edges"
        work.mkdir()
        bundles = [
            bundle
            for pair in self._sonata.edges
            for bundle in read_edges(*pair, directory, self._places, self._cells, work)
        ]
        drives |= drives_of(bundles, self._cells, self._folder, self._prefix, self._dt_ms, spikes)
        bundles = [bundle for bundle in bundles if bundle.source.drive is None]
        self.sizes["synapses"] = sum(bundle.files.n for bundle in bundles)
        alone = [bundle.edges for bundle in bundles]
        found: dict[str, Any] = {}
        for bundle in bundles:
            parts = [safe(bundle.edges).replace(".", "_").replace("-", "_")]
            if alone.count(bundle.edges) > 1:
                parts += [bundle.source.name, bundle.target.name, *([bundle.receptor] if bundle.receptor else [])]
            name = free_name("_".join(parts), found)
            found[name] = self._projection(bundle, name)
        shutil.rmtree(work)
        return found

    def _projection(self, bundle: Bundle, name: str) -> dict[str, Any]:
        """An explicit projection; one delay of all stands in the configuration."""
        file = f"{name}.npz"
        one_delay = len(bundle.delays) == 1
        bundle.files.save(self._folder / file, frozenset({"delay_ms"} if one_delay else ()))
        rule: dict[str, Any] = {"kind": "explicit", "file": f"{self._prefix}/{file}"}
        if bundle.finest < np.inf and bundle.largest <= bundle.finest * EXACT:
            rule["exact_weights"] = True
        made: dict[str, Any] = {"source": bundle.source.name, "target": bundle.target.name, "rule": rule}
        if bundle.receptor is not None:
            made["receptor"] = bundle.receptor
        if one_delay:
            made["delay_ms"] = next(iter(bundle.delays))
        return made
