"""EEG: the potential at scalp electrodes, from the synaptic currents of populations and a lead field of their regions.

The source of a region is the sum over its neurons, and over their ports, of the absolute synaptic current, which is
computed from conductance and driving force where a model has conductances. Of simple
sums over point neurons this one follows the local field potential of detailed neurons closely (Mazzoni et al. 2008,
doi:10.1371/journal.pcbi.1000239; Mazzoni et al. 2015, doi:10.1371/journal.pcbi.1004584; for EEG Martinez-Canada et al.
2021, doi:10.1371/journal.pcbi.1008893; the complete way through morphologies is Hagen et al. 2016,
doi:10.1093/cercor/bhw237). Pyramidal cells make the EEG, so the excitatory populations are to be named. The dipole
moment of a region is that sum times `dipole_length_mm`, along the mean normal of its surface, which is part of the lead
field.

Every rank sums its neurons in whole quanta of 2^-12 pA, so the sums are the same for any number of ranks and threads.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from dtbsim.clock import steps_of
from dtbsim.config.bounds import Number
from dtbsim.config.parts import KIND, Names
from dtbsim.config.signals import SignalOptions
from dtbsim.errors import InputError
from dtbsim.numerics.ranges import range_of
from dtbsim.signals.panel import Curves, Panel, Topography, Traces
from dtbsim.signals.stream import Plan, Signal, Site, Stream

if TYPE_CHECKING:
    import xarray as xr

    from dtbsim.models import NeuronModel
    from dtbsim.mpi import Comm
    from dtbsim.record.chunk import Chunk
    from dtbsim.spec.network import Network

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]

QUANTA_PER_PA = 2.0**12
LARGEST_PA = 2.0**26
"""A neuron's current counts as no more, so that the quanta of 2^25 neurons of a region fit into 63 bits."""
PER_AREA, PA_PER_UM2 = "uA/cm2", 0.01
"""Unit of currents of models per area, and how many pA it makes on a square micrometre."""
SHOWN = ("Fz", "Cz", "Pz", "Oz", "T7", "T8")
LONGEST_SHOWN_S, MOST_SHOWN = 10.0, 4000
FEWEST_FOR_MAP = 16
"""Fewer electrodes make no map of the head."""


class Eeg(SignalOptions):
    """EEG from the synaptic currents of populations in regions, and a lead field of these regions.

    A region's source is the sum of the absolute synaptic currents of its neurons. `bem` (three layers) and `sphere` are
    computed for the bundled atlases aal2, dk68 and schaefer200; `atlas` is the lead field of the atlas itself.
    """

    follows: ClassVar = ("start_ms",)
    names_populations: ClassVar = ("population",)
    on_grid: ClassVar = ("interval_ms", "start_ms", "stop_ms")
    intervals: ClassVar = ("interval_ms",)

    kind: Literal["eeg"] = Field(default="eeg", description=KIND)
    population: str | Names = Field(description="population(s) whose currents are the source: excitatory ones")
    lead_field: Literal["bem", "sphere", "atlas"] = Field(default="bem", description="which lead field")
    interval_ms: Number = Field(default=4.0, gt=0, description="time between samples, which are not filtered")
    start_ms: Number = Field(
        default=0.0, ge=0, description="samples after this time; where it is not given: `simulation.settling_ms`"
    )
    stop_ms: Number | None = Field(default=None, gt=0, description="samples up to this time; default: end of the run")
    dipole_length_mm: Number = Field(default=0.3, gt=0, description="distance of current sink and source in a neuron")
    membrane_area_um2: Number = Field(
        default=25_000.0, gt=0, description="membrane of a neuron, for models whose currents are per area (lif_dtb)"
    )
    neurons_per_neuron: Number = Field(
        default=1.0, gt=0, description="cortical neurons that a simulated one stands for"
    )
    reference: Literal["average", "none"] = Field(
        default="average", description="the mean of all electrodes, or the potential far away, as the lead field has it"
    )


class EegSignal(Signal):
    """`signals.NAME` with `kind: eeg`."""

    name = "eeg"
    part = "signals"
    config = Eeg

    def states(self, item: Any, model: NeuronModel) -> tuple[str, ...]:
        """Those of which the model's synaptic currents are made."""
        if not model.synaptic_currents:
            raise InputError(
                f"model '{model.name}' does not say what its synaptic currents are",
                remedy="name a population of a model with currents or conductances, such as iaf_psc_exp",
            )
        return tuple(dict.fromkeys(state for current in model.synaptic_currents for state in current.states))

    def plan(self, name: str, item: Any, network: Network) -> Plan:
        """The regions of the populations, and what each contributes to every electrode."""
        return EegPlan(name, item, network)

    def read(self, run: Any, name: str) -> xr.DataArray:
        """Return the potential, float64 (time_ms, channel), in the unit that `attrs` says."""
        found = super().read(run, name)
        return found.rename("eeg")

    def panel(self, run: Any, name: str) -> Panel | None:
        """Traces of some electrodes at the end of the run, and their spectra."""
        return eeg_panel(name, self.read(run, name))


class EegPlan(Plan):
    """`matrix` float64[channels, regions] makes the signal of sums of currents in pA."""

    def __init__(self, name: str, item: Eeg, network: Network) -> None:
        from dtbsim.atlas.lead_fields import UNIT, load_lead_field

        where = f"signals.{name}"
        self.name, self._network = name, network
        self.interval_ms, self.start_ms = item.interval_ms, item.start_ms
        self.start = steps_of(item.start_ms, network.dt_ms)
        last = network.n_steps if item.stop_ms is None else steps_of(item.stop_ms, network.dt_ms)
        self.stop = min(last, network.n_steps)
        self.interval = steps_of(item.interval_ms, network.dt_ms)
        if self.stop // self.interval <= self.start // self.interval:
            raise InputError(
                "there is no sample after start_ms and up to stop_ms or the end of the run",
                where=f"{where}.interval_ms",
                remedy="make the run or the window longer, or interval_ms smaller",
            )
        self.requests = [k for k, request in enumerate(network.samples) if request.owner == name]
        self.regions = self._regions(item, where)
        region_names = [network.region_names[region] for region in self.regions]
        try:
            assert network.atlas is not None, "populations live in its regions"
            field = load_lead_field(network.atlas, item.lead_field)
            values = field.of(region_names)
        except InputError as error:
            error.where = f"{where}.lead_field"
            raise
        if item.reference == "average":
            values = values - values.mean(axis=0)
        self.pA_per_density = PA_PER_UM2 * item.membrane_area_um2
        nAm_per_pA = 1e-6 * item.dipole_length_mm * item.neurons_per_neuron
        self.channels = field.channels
        known = field.unit.replace(" ", "") in (UNIT.replace(" ", ""), "V/Am")
        self.unit_name = "uV" if known else f"{field.unit or 'lead field'} nA m"
        self.matrix = values * (nAm_per_pA * (1e-3 if known else 1.0))
        per_sample = sum(
            4 * len(network.samples[k].variables) * network.populations[i].size
            for k in self.requests
            for i in self._populations(k)
        )
        self.intervals = (self.interval * max(1, MOST_SAMPLE_BYTES // per_sample),)

    def _populations(self, request: int) -> list[int]:
        populations: list[int] = self._network.families[self._network.samples[request].family].populations.tolist()
        return populations

    def _regions(self, item: Eeg, where: str) -> list[int]:
        network = self._network
        for request in self.requests:
            family = network.families[network.samples[request].family]
            lost = [i for i in self._populations(request) if network.populations[i].region < 0]
            if lost:
                raise InputError(
                    f"{family.name} lives in no region of an atlas",
                    where=f"{where}.{item.populations()[family.name]}",
                    remedy="give the population `regions`",
                )
            changed = {p for c in family.declared.synaptic_currents for p in c.parameters} & family.controlled
            if changed:
                raise InputError(
                    f"{min(changed)} of {family.name}, which its currents are made of, changes in the run",
                    where=f"{where}.{item.populations()[family.name]}",
                    remedy="leave it as it is, or name other populations",
                )
        return sorted({network.populations[i].region for k in self.requests for i in self._populations(k)})

    def open(self, site: Site) -> Stream:
        """Sums on every rank, the signal and its store on rank 0."""
        from dtbsim.store import SignalWriter

        sources = [RankSource(self, site, request) for request in self.requests]
        writer = None
        if site.comm.is_root:
            first = (self.start // self.interval + 1) * self.interval
            writer = SignalWriter(
                site.stores / "signals" / f"{self.name}.zarr",
                kind="eeg",
                channels=self.channels,
                unit=self.unit_name,
                interval_ms=self.interval_ms,
                first_ms=first * self._network.dt_ms,
            )
        return EegStream(self, site.comm, sources, writer)


BLOCK_VALUES = 1 << 16
"""Currents that are summed at once: they stay in a core's cache."""
MOST_SAMPLE_BYTES = 1 << 25
"""A chunk holds no more of the sampled states of all ranks than this, or one sample."""


class RankSource:
    """The neurons of one population on one rank, and the regions that they are in."""

    def __init__(self, plan: EegPlan, site: Site, request: int) -> None:
        from dtbsim.build.kinds import neuron_values

        network = site.network
        wanted = network.samples[request]
        family = network.families[wanted.family]
        self.request = request
        sampled = site.backend.sampler.records[request]
        gids = sampled.gids.astype(np.int64)
        populations = range_of(network.gid_starts, gids)
        found, self.starts = np.unique(populations, return_index=True)  # gids ascend, and populations with them
        column = {region: k for k, region in enumerate(plan.regions)}
        self.columns = [column[network.populations[i].region] for i in found.tolist()]
        self._variables = list(sampled.variables)
        self._currents = family.declared.synaptic_currents
        self._scales = [plan.pA_per_density if current.unit == PER_AREA else 1.0 for current in self._currents]
        needed = {name for current in self._currents for name in current.parameters}
        self._parameters = {name: np.empty(gids.size) for name in sorted(needed)}
        edges = [*self.starts.tolist(), gids.size]
        for index, begin, end in zip(found.tolist(), edges[:-1], edges[1:], strict=True):
            position = int(np.searchsorted(family.populations, index))
            given = neuron_values(network, wanted.family, position, gids[begin:end], "parameters")
            for name, values in self._parameters.items():
                values[begin:end] = given.get(name, family.declared.parameter(name).default)

    def add(self, values: NDArray[np.float32], out: I64) -> None:
        """Add the quanta of samples float32[k, neurons, variables] to `out` int64[k, regions]."""
        if not self.columns:
            return
        rows = max(1, BLOCK_VALUES // values.shape[1])
        for first in range(0, len(values), rows):
            self._add(values[first : first + rows], out[first : first + rows])

    def _add(self, values: NDArray[np.float32], out: I64) -> None:
        states = {name: values[:, :, k] for k, name in enumerate(self._variables)}
        total = np.zeros(values.shape[:2])
        for current, scale in zip(self._currents, self._scales, strict=True):
            size = np.abs(current.values(states, self._parameters))
            total += size if scale == 1.0 else size * scale
        np.fmin(total, LARGEST_PA, out=total)  # NaN counts as much; the check of the states ends such a run
        total *= QUANTA_PER_PA
        quanta = np.rint(total, out=total).astype(np.int64)
        sums = np.add.reduceat(quanta, self.starts, axis=1)
        for k, column in enumerate(self.columns):
            out[:, column] += sums[:, k]


class EegStream(Stream):
    """Nothing is kept between chunks: every sample is made of the states at its time."""

    def __init__(self, plan: EegPlan, comm: Comm, sources: list[RankSource], writer: Any) -> None:
        self._plan, self._comm, self._sources, self._writer = plan, comm, sources, writer
        self._sums: I64 = np.zeros((0, len(plan.regions)), np.int64)

    def share(self, chunk: Chunk) -> None:
        """Sum the currents of every region over all ranks."""
        plan = self._plan
        steps = chunk.samples[plan.requests[0]][0]
        first, last = np.searchsorted(steps, [plan.start, plan.stop]).tolist()
        self._sums = np.zeros((last - first, len(plan.regions)), np.int64)
        if not len(self._sums):
            return
        for source in self._sources:
            source.add(chunk.samples[source.request][1][first:last], self._sums)
        if self._comm.size > 1:
            self._sums = self._comm.allreduce_sum(self._sums)

    def take(self, chunk: Chunk) -> None:
        """Store the signal of the samples of a chunk."""
        if self._writer is not None and len(self._sums):
            self._writer.append(signal_of(self._sums, self._plan.matrix))

    def state(self) -> dict[str, NDArray[Any]]:
        """Nothing."""
        return {}

    def close(self) -> None:
        """Publish the store."""
        if self._writer is not None:
            self._writer.close()


def signal_of(sums: I64, matrix: F64) -> F64:
    """float64[k, channels] of sums of quanta int64[k, regions]: region after region, so that k changes no bit."""
    currents = sums / QUANTA_PER_PA
    signal = np.zeros((len(sums), len(matrix)))
    for region in range(matrix.shape[1]):
        signal += currents[:, region, None] * matrix[None, :, region]
    return signal


def eeg_panel(name: str, eeg: xr.DataArray) -> Panel | None:
    """Traces of the last seconds of a few electrodes, the spectra of all that was recorded, and a map of the power."""
    from scipy.signal import welch

    if eeg.sizes["time_ms"] < 2:
        return None
    names = [str(channel) for channel in eeg["channel"].values]
    shown = [channel for channel in SHOWN if channel in names] or names[: len(SHOWN)]
    values = eeg.sel(channel=shown).values
    values = values - values.mean(axis=0)
    time_s, interval_s, unit = eeg["time_ms"].values * 1e-3, eeg.attrs["interval_ms"] * 1e-3, eeg.attrs["units"]
    last = max(2, min(len(values), MOST_SHOWN, round(LONGEST_SHOWN_S / interval_s)))
    segment = min(len(values), max(2, round(4.0 / interval_s)))
    frequency, power = welch(values, 1 / interval_s, nperseg=segment, axis=0)
    spectra = Curves(frequency[1:], power[1:], shown, "frequency (Hz)", f"power ({unit}²/Hz)", logarithmic=True)
    text = (
        f"Potential at {len(shown)} of {len(names)} electrodes, their mean over time left out: the last "
        f"{time_s[-1] - time_s[-last]:.3g} s, and the power spectra of all {time_s[-1] - time_s[0]:.3g} s."
    )
    figures: list[Traces | Curves | Topography] = [Traces(time_s[-last:], shown, values[-last:], unit), spectra]
    power_map = _power_map(eeg, names, f"{unit}²")
    if power_map is not None:
        text += " The map shows the mean power of every electrode, from above, nose up; T7 and T8 are on the circle."
        figures.append(power_map)
    return Panel(f"EEG ({name})", text, figures)


def _power_map(eeg: xr.DataArray, names: list[str], unit: str) -> Topography | None:
    """Mean square of each electrode's signal about its mean, None where its place is not known, or of few of them."""
    from dtbsim.analysis.electrodes import electrode_directions, flat_positions

    directions = electrode_directions(names)
    power = eeg.values.var(axis=0)
    if directions is None or len(names) < FEWEST_FOR_MAP or not np.isfinite(power).all():
        return None
    return Topography(flat_positions(directions), names, power, unit)


EEG = EegSignal()
