"""A run in pieces, from Python: run for a while, look, change something, go on. Nothing is simulated twice."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dtbsim.arguments import refuse, text
from dtbsim.build.changed import check_drives, check_weights
from dtbsim.clock import MAX_STEPS, steps_of, time_of
from dtbsim.config.changes import Change
from dtbsim.errors import InputError, did_you_mean
from dtbsim.intervene import make_change
from dtbsim.mpi import Comm
from dtbsim.mpi.world import on_every_rank
from dtbsim.run_folder.checkpoints import checkpoint_name
from dtbsim.simulate.asked import indices, told
from dtbsim.simulate.describe import describe_network
from dtbsim.simulate.given import whole_config
from dtbsim.simulate.live_regions import region_values
from dtbsim.simulate.pause import Conducted, Pause, Save
from dtbsim.simulate.result import RunResult
from dtbsim.spec.changes import NeuronChange
from dtbsim.spec.distributions import Table
from dtbsim.spec.edits import Editor
from dtbsim.spec.network import Drive
from dtbsim.spec.region_network import RegionChange
from dtbsim.store.network_table import NetworkTable
from dtbsim.store.spikes import Spikes

if TYPE_CHECKING:
    from dtbsim.store import Run

Array = NDArray[np.float64]
Chosen = Sequence[int] | NDArray[Any] | range | None
_CLOSED = "the run has been closed"


class LiveRun:
    """A run that waits: `run` takes it on, `set` changes it, `get` and `spikes` look at it, `close` ends it.

        with dtbsim.start("net.yaml") as sim:
            sim.run(500)
            sim.set("E", "V_th_mV", -52.0, neurons=range(10))
            sim.run(500)
            time_ms, neuron = sim.spikes("E")
        result = sim.result

    Under an MPI launcher every rank makes the same calls, with the same arguments; what `get` and `spikes` return is
    that of the whole network on every rank.
    """

    def __init__(self, conducted: Conducted, comm: Comm, base_dir: Path, owner: object = None) -> None:
        self._conducted: Conducted | None = conducted
        self._comm, self._owner = comm, owner
        self._result: RunResult | None = None
        self._pause: Pause = next(conducted)
        self._network = self._pause.prepared.network
        self._config, *_ = whole_config(comm, self._pause.prepared.config, None, None)
        self._editor = Editor(self._network, self._config, base_dir)
        self._spikes: list[Any] = []
        self._pause.reader.spikes = self._spikes
        self._plastic: dict[int, Table] = {}
        """What plastic weights were drawn from last."""
        plan = self._pause.prepared.plan
        described = describe_network(self._network, plan, self._pause.prepared.exchange_plan, [0] * comm.size)
        self._table = NetworkTable(described, Path("network.json"))

    # -- time ---------------------------------------------------------------------------------------------------

    @property
    def time_ms(self) -> float:
        """The time that was reached, in ms."""
        return time_of(self._pause.step, self._network.dt_ms)

    def run(self, duration_ms: float) -> None:
        """Simulate another `duration_ms`, a whole number of steps.

        Raises InputError for a time that is none; StorageError, NumericsError, FaultError, which end the run; and
        KeyboardInterrupt where the user stops it: it can go on from `time_ms`.
        """
        job = self._open()
        if isinstance(duration_ms, bool) or not isinstance(duration_ms, int | float | np.number):
            raise refuse(duration_ms, "duration_ms", "a time in ms")
        if not duration_ms >= 0:
            raise refuse(duration_ms, "duration_ms", "a time in ms, not below 0")
        stop = self._pause.step + steps_of(float(duration_ms), self._network.dt_ms, "duration_ms")
        if stop > MAX_STEPS:
            raise InputError(f"more than {MAX_STEPS:,} steps in all", where="duration_ms", remedy="end the run")
        self._same("run", stop)
        try:
            self._pause = job.send(stop)
        except BaseException:
            self._conducted = None
            raise
        if self._pause.interrupted:
            raise KeyboardInterrupt

    def save(self) -> str:
        """Write a checkpoint now, and return its name: `dtbsim.resume` goes on from it, and `dtbsim.start` in pieces.

        Raises InputError where something of the run cannot be saved; StorageError, which ends the run.
        """
        job = self._open()
        if not self._pause.can_save:
            raise InputError(
                "something of this run does not say what its state is, so it cannot be saved: its log says what",
                remedy="leave it out, or add state() and restore() to its class",
            )
        self._same("save")
        try:
            self._pause = job.send(Save())
        except BaseException:
            self._conducted = None
            raise
        return checkpoint_name(self._pause.step)

    # -- changes ------------------------------------------------------------------------------------------------

    def set(
        self,
        name: str,
        key: str | Mapping[str, Any] | None = None,
        value: Any = None,
        /,
        *,
        neurons: Chosen = None,
        regions: str | Sequence[str] | None = None,
        fraction: float | None = None,
        on: bool | None = None,
        **values: Any,
    ) -> None:
        """Give a population, a drive, a coupling or the weights of a projection new values from now on.

            sim.set("E", "V_th_mV", -52.0)
            sim.set("E", V_th_mV=-52.0, t_ref_ms=3.0, neurons=range(10))
            sim.set("E", {"V_m_mV": potentials})
            sim.set("background", rate_hz=9000)
            sim.set("background", on=False)
            sim.set("EE", weight_factor=1.1)
            sim.set("long_range", strength=0.4)

        It is what `changes` of a configuration does, with the same bits; what is set goes there in the run folder.

        Args:
            name: of a population, of neurons or regions, a drive, a coupling or a projection.
            key, value: what changes, and its new value: a number, a distribution or map as in a configuration, or
                an array with one number for each of the chosen neurons.
            neurons: only these, by their indices in the population (in each region), or a mask of them; of
                mean-field regions their indices in the population.
            regions, fraction: only there, or so large a part, as in a configuration.
            on: switch a drive on or off.
            values: several at once, by name; or give a mapping as the second argument.

        Raises:
            InputError: no such population, drive or name, or a value that cannot be.
        """
        self._open()
        given = dict(values)
        if isinstance(key, Mapping):
            given |= key
        elif key is not None:
            given[text(key, "key")] = value
        kind = self._kind(name)
        choice = {"neurons": indices(neurons), "regions": regions, "fraction": fraction}
        made = self._pause.made
        order = f"set_{len(made) + 1}"
        while order in self._config.changes:
            order += "_"
        with told(name):
            change = Change.model_validate(
                {kind: name, "t_ms": self.time_ms, "set": given, "on": on}
                | {k: v for k, v in choice.items() if v is not None}
            )
            self._same(order, change.model_dump_json())
            if kind == "drive":
                self._set_drive(order, change)
            elif kind == "projection":
                self._set_weights(order, change)
            else:
                self._set_values(order, change)
        self._editor.was_set()
        made[order] = change

    def _set_values(self, key: str, change: Change) -> None:
        editor, step = self._editor, self._pause.step
        regions = editor.region_changes(key, change, step)
        for one in itertools.chain[NeuronChange | RegionChange](editor.neuron_changes(key, change, step), regions):
            on_every_rank(self._comm, partial(make_change, self._network, one, self._pause.backend))

    def _set_drive(self, key: str, change: Change) -> None:
        def check(drives: Sequence[Drive]) -> None:
            on_every_rank(self._comm, partial(check_drives, self._pause.built, drives))

        drives = self._editor.drives_after(key, change, self._pause.step, check)
        on_every_rank(self._comm, lambda: self._pause.backend.set_drives(drives))
        on_every_rank(self._comm, lambda: self._pause.backend.set_region_drives(self._editor.region_drives))

    def _set_weights(self, key: str, change: Change) -> None:
        backend = self._pause.backend
        now = {**backend.weights_set, **self._plastic}
        projection, found = self._editor.weights_after(key, change, self._pause.step, now)
        index, table = projection.index, found[-1].table
        if projection.dynamics is not None and projection.dynamics.plastic:
            for one in found:
                drawn = one.table if one.drawn else None
                on_every_rank(self._comm, partial(backend.set_plastic_weights, index, drawn, one.factor))
            self._plastic[index] = table
        else:
            on_every_rank(self._comm, partial(self._check_weights, index, table))
            on_every_rank(self._comm, lambda: backend.set_weights({index: table}))
        self._pause.note_weights(index)

    def _check_weights(self, index: int, table: Table) -> None:
        """InputError where the synapses that were built, or their sums, cannot hold such weights."""
        backend = self._pause.backend
        backend.check_set_weights()
        weights = {**backend.weights_set, index: table}
        check_weights(self._pause.built, self._network, weights, self._editor.compiled_drives)

    # -- looking ------------------------------------------------------------------------------------------------

    def get(
        self, name: str, key: str, *, neurons: Sequence[int] | NDArray[np.integer[Any]] | range | None = None
    ) -> Any:
        """Return what a parameter or state of a population is now, or a value of a drive.

        Args:
            name: of a population (NAME, or NAME@REGION for one region) or a drive.
            key: name of a parameter or state variable, or of a value of the drive.
            neurons: only these, by their indices in the population.

        Returns:
            float64[n] for neurons, in the order of their numbers (region by region), and for mean-field regions,
            float64[members, n] of an ensemble; of a drive what was given.
        """
        self._open()
        family, _, region = text(name, "name").partition("@")
        self._same("get", name, key)
        if family not in self._editor.populations:
            if name not in self._editor.drives:
                self._kind(name)
            item = self._editor.drive_item(name, self._pause.step)
            if key not in type(item).model_fields:
                raise InputError(
                    f"drive '{name}' has no '{key}'", remedy=did_you_mean(key, list(type(item).model_fields))
                )
            return getattr(item, key)
        if (number := self._editor.region_population(family)) is not None:
            with told(name):
                return region_values(
                    self._network, self._comm, self._pause.backend, number, text(key, "key"), region, indices(neurons)
                )
        index = self._editor.family(family)
        with told(name):
            gids, values = on_every_rank(self._comm, lambda: self._values(index, text(key, "key")))
        shares = self._comm.allgather((gids, values))
        every = np.concatenate([share[0] for share in shares])
        found = np.concatenate([share[1] for share in shares])[np.argsort(every)]
        every = np.sort(every)
        if region:
            only = next((p for p in self._network.populations if p.name == name), None)
            if only is None:
                raise InputError(f"there is no population '{name}'", where="name")
            found = found[(every >= only.gid0) & (every < only.gid0 + only.size)]
        if neurons is None:
            return found
        chosen = np.asarray(indices(neurons))
        if chosen.size and (chosen.min() < 0 or chosen.max() >= found.size):
            raise InputError(f"'{name}' has neurons 0 to {found.size - 1}", where="neurons")
        return found[chosen]

    def _values(self, family: int, key: str) -> tuple[NDArray[np.int64], Array]:
        model = self._network.families[family].model
        if all(row.name != key for row in (*model.parameters, *model.states)):
            names = [row.name for row in (*model.parameters, *model.states)]
            raise InputError(f"model '{model.name}' keeps no '{key}'", remedy=did_you_mean(key, names))
        return self._pause.backend.neuron_values(family, key)

    def spikes(
        self, population: str | Sequence[str] | None = None, start_ms: float | None = None, stop_ms: float | None = None
    ) -> Spikes:
        """Return the spikes so far with start_ms < t <= stop_ms, as `Run.spikes` does, whatever is recorded.

        time_ms, neuron = sim.spikes("E")
        """
        if self._conducted is None and self._result is None:
            raise InputError(_CLOSED)
        chosen = self._table.named(population)
        if len(self._spikes) > 1:
            self._spikes[:] = [tuple(np.concatenate(parts) for parts in zip(*self._spikes, strict=True))]
        mine = self._spikes[0] if self._spikes else (np.zeros(0, np.int64), np.zeros(0, np.uint32))
        shares = [mine] if self._conducted is None else self._comm.allgather(mine)
        steps, gids = (np.concatenate(parts) for parts in zip(*shares, strict=True))
        times = (steps + 1) * self._network.dt_ms
        keep = np.zeros(gids.size, dtype=bool)
        for entry in chosen:
            keep |= (gids >= entry["gid0"]) & (gids < entry["gid0"] + entry["size"])
        slack = 1e-6 * self._network.dt_ms
        keep &= times > (-1.0 if start_ms is None else start_ms + slack)
        keep &= times <= (np.inf if stop_ms is None else stop_ms + slack)
        steps, gids = steps[keep], gids[keep]
        order = np.lexsort((gids, steps))
        return Spikes(steps[order], gids[order], self._table, [str(entry["name"]) for entry in chosen])

    # -- the end ------------------------------------------------------------------------------------------------

    @property
    def result(self) -> RunResult:
        """The result of the run, which `close` makes. InputError before."""
        if self._result is None:
            raise InputError("the run goes on", remedy="close it first, or use it in a `with` block")
        return self._result

    def open(self) -> Run:
        """Close the run and return the reader of its results."""
        return self.close().open()

    def close(self) -> RunResult:
        """End the run, write its summary and return its result; the second time the same."""
        if self._result is None:
            job = self._open()
            self._same("close")
            self._conducted = None
            try:
                job.send(self._pause.made)
            except StopIteration as ended:
                self._result = replace(ended.value, owner=self._owner)
            assert self._result is not None
        return self._result

    def __enter__(self) -> LiveRun:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self._conducted is not None and kind is None:
            self.close()
        elif self._conducted is not None:
            self._conducted.close()
            self._conducted = None

    def __repr__(self) -> str:
        state = "closed" if self._conducted is None else "open"
        return f"<LiveRun {self._network.name}: {state}, at {self.time_ms:g} ms>"

    # -- checks -------------------------------------------------------------------------------------------------

    def _open(self) -> Conducted:
        if self._conducted is None:
            raise InputError(_CLOSED, remedy="start another one: dtbsim.start(...)")
        return self._conducted

    def _same(self, *call: object) -> None:
        """InputError on every rank where not all make the same call."""
        if len(set(self._comm.allgather(repr(call)))) > 1:
            raise InputError("the ranks differ in what they ask of the run", remedy="make the same calls on every rank")

    def _kind(self, name: str) -> str:
        """Whether a name is that of a population, a drive, a projection or a coupling."""
        editor = self._editor
        kinds = (
            ("population", editor.populations), ("drive", editor.drives), ("projection", editor.projections),
            ("coupling", editor.couplings),
        )  # fmt: skip
        known = [what for what, names in kinds if text(name, "name") in names]
        if len(known) > 1:
            message = f"'{name}' is the name of a {' and of a '.join(known)}"
            raise InputError(message, where="name", remedy="rename one of them")
        if not known:
            advice = did_you_mean(name, [known for _, names in kinds for known in names])
            raise InputError(
                f"there is no population, drive, projection or coupling '{name}'", where="name", remedy=advice
            )
        return known[0]
