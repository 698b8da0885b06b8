"""What a report shows, as plain arrays: filled by `dtbsim.report.collect`, drawn by `dtbsim.report.sections`.

Every part is optional apart from `RunInfo`: a part that is None (or empty) has no place in the report.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dtbsim.report.data_members import Members

FloatArray = NDArray[np.floating[Any]]
IntArray = NDArray[np.integer[Any]]

LINEAR_NETWORK = "best linear network"
"""Label of the baseline that a linear network on the same connectome gives."""


@dataclass(frozen=True)
class RunInfo:
    """What was run, where and how; `notice`: what stands on top of the report where the run is not complete."""

    name: str
    description: str
    config_text: str
    command: str
    provenance: dict[str, Any]
    summary: dict[str, Any]
    network: dict[str, Any]
    notice: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Groups:
    """Consecutive groups of a sorted axis (populations of a raster, networks of a matrix).

    `edges` has one entry more than `labels`; group i covers [edges[i], edges[i + 1]).
    """

    labels: list[str]
    edges: list[int]


@dataclass(frozen=True)
class Raster:
    """Spikes of sampled neurons in a window; `row` counts from 0 at the top, `family` indexes `families`.

    `shown_of` k means that one in k of these spikes is kept.
    """

    time_s: FloatArray
    row: IntArray
    family: IntArray
    families: list[str]
    groups: Groups
    n_rows: int
    n_neurons: int
    start_s: float
    stop_s: float
    shown_of: int = 1


@dataclass(frozen=True)
class PopulationRates:
    """Mean rate of every population, in the order of the network, and published values to hold them against.

    `cortical`: all regions are known to be human cortex, so that what is known of its rates may be shown beside them.
    """

    names: list[str]
    families: list[str]
    regions: list[str | None]
    sizes: IntArray
    rate_hz: FloatArray
    start_s: float
    stop_s: float
    published_hz: dict[str, float] = field(default_factory=dict)
    published_source: str = ""
    cortical: bool = False

    def choose(self, *, in_regions: bool) -> list[int]:
        """Return the indices of the populations that live in regions of an atlas, or of those that do not."""
        return [i for i, region in enumerate(self.regions) if (region is not None) == in_regions]


@dataclass(frozen=True)
class RateCourse:
    """Rate over time per family [family, time], Hz: mean over its neurons, and 10 to 90 % of its regions.

    The range is None where a family has fewer than five regions.
    """

    time_s: FloatArray
    families: list[str]
    mean_hz: FloatArray
    low_hz: FloatArray | None
    high_hz: FloatArray | None
    bin_ms: float


@dataclass(frozen=True)
class RegionRates:
    """A family's rate in every region over time, Hz [region, time], regions in the order shown."""

    time_s: FloatArray
    hz: FloatArray
    family: str
    regions: list[str]
    groups: Groups
    bin_ms: float


@dataclass(frozen=True)
class NeuronStatistics:
    """Per family, values of single neurons: rate (all neurons) and CV of ISI (neurons with enough spikes)."""

    families: list[str]
    rate_hz: list[FloatArray]
    cv_isi: list[FloatArray]
    start_s: float
    stop_s: float
    min_spikes: int


@dataclass(frozen=True)
class Spectrum:
    """Power spectral density with its 10 to 90 % range over members (regions), where there are enough of them."""

    label: str
    frequency_hz: FloatArray
    power: FloatArray
    low: FloatArray | None = None
    high: FloatArray | None = None


@dataclass(frozen=True)
class SpectrumGroup:
    """Spectra that share axes, for instance those of the BOLD signal."""

    kind: str
    unit: str
    spectra: list[Spectrum]


@dataclass(frozen=True)
class Bold:
    """BOLD in percent signal change, [time, region]; `order` and `groups` say how to lay regions out."""

    time_s: FloatArray
    percent: FloatArray
    regions: list[str]
    order: IntArray
    groups: Groups
    tr_s: float


@dataclass(frozen=True)
class Baseline:
    """A number to hold the FC correlation against; `low` and `high` when it is a range."""

    label: str
    value: float
    note: str
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class FunctionalConnectivity:
    """Simulated and, where the atlas has it, empirical FC: [region, region], in the order of the atlas.

    `details` are sentences with further numbers that belong beside the correlation. `atlas` is the name of the atlas
    that the empirical FC comes from, `subjects` the number of people or animals behind it, where the atlas says so.
    """

    simulated: FloatArray
    regions: list[str]
    order: IntArray
    groups: Groups
    hemisphere: list[str]
    empirical: FloatArray | None = None
    correlation: float | None = None
    baselines: list[Baseline] = field(default_factory=list)
    details: list[str] = field(default_factory=list)
    atlas: str = ""
    subjects: int | None = None


@dataclass(frozen=True)
class FcDynamics:
    """FCD matrix [window, window] at window centres, and its upper triangle as a density over `bin_edges`."""

    matrix: FloatArray
    time_s: FloatArray
    bin_edges: FloatArray
    density: FloatArray
    window_s: float
    step_s: float
    empirical_density: FloatArray | None = None
    ks: float | None = None
    ks_single_scans: FloatArray | None = None


@dataclass(frozen=True)
class StateTrace:
    """A state variable of some of the recorded neurons, [time, neuron]; the mean over all of them, [time].

    `mean` is None where all recorded neurons are shown.
    """

    variable: str
    unit: str
    values: FloatArray
    mean: FloatArray | None


@dataclass(frozen=True)
class RecordedStates:
    """An entry of record.states: its variables in one window of time, of `neurons`, which are some of the `recorded`.

    `spikes_s` holds the spikes of each shown neuron in that window, None where they were not recorded.
    """

    population: str
    neurons: list[str]
    recorded: int
    time_s: FloatArray
    interval_ms: float
    traces: list[StateTrace]
    spikes_s: list[FloatArray] | None
    what: str = "neuron"
    """What a trace is of."""


@dataclass(frozen=True)
class RecordedWeights:
    """An entry of record.weights: quantiles over its synapses [time] (10, 50, 90 %), and the first and last weights.

    `bin_edges` has one entry more than `first` and `last`, which are shares of the synapses per bin; `delays_ms` are
    the shortest and the longest delay.
    """

    projection: str
    unit: str
    synapses: int
    delays_ms: tuple[float, float]
    time_s: FloatArray
    low: FloatArray
    median: FloatArray
    high: FloatArray
    bin_edges: FloatArray
    first: FloatArray
    last: FloatArray


@dataclass(frozen=True)
class Correlogram:
    """An entry of record.correlations: covariance of the spike counts by lag, NaN where it is not shown or not known.

    `chance` [lag] is the count over what independent populations of these rates would have, NaN without spikes.
    """

    first: str
    second: str
    lag_ms: FloatArray
    covariance: FloatArray
    chance: FloatArray
    bin_ms: float
    bins: int


@dataclass(frozen=True)
class RegionValue:
    """A value per region that can colour the brain."""

    label: str
    unit: str
    values: FloatArray
    note: str = ""


@dataclass(frozen=True)
class Surface:
    """A translucent hull: vertices [n, 3] in mm, triangles [m, 3]."""

    vertices_mm: FloatArray
    triangles: IntArray


@dataclass(frozen=True)
class Edges:
    """Strongest connections between regions: pairs [n, 2] and their strength [n]."""

    label: str
    pairs: IntArray
    strength: FloatArray


@dataclass(frozen=True)
class Brain:
    """Region centroids with values, hulls and edges.

    `left_x` is the sign of x on the left side of the brain (-1 in MNI space), 0 where the sides are not known.
    """

    atlas: str
    regions: list[str]
    xyz_mm: FloatArray
    values: list[RegionValue]
    hulls: list[Surface]
    edges: list[Edges]
    left_x: int = 0


@dataclass(frozen=True)
class Stage:
    """Wall time of a stage, summed over ranks and of the slowest rank, in seconds.

    `simulate: PART` names a part of the stage `simulate`. `peak_bytes`: largest resident memory of a rank by its end.
    """

    name: str
    sum_s: float
    max_s: float
    peak_bytes: int | None = None

    @property
    def is_part(self) -> bool:
        """Whether it is counted within another stage."""
        return ": " in self.name


@dataclass(frozen=True)
class RankShare:
    """What one rank held, and the time (s) and memory that it took, where known."""

    rank: int
    neurons: int
    synapses: int
    work: float
    build_s: float | None = None
    simulate_s: float | None = None
    peak_bytes: int | None = None


@dataclass(frozen=True)
class Performance:
    """Time and memory of the run."""

    stages: list[Stage]
    ranks: list[RankShare]
    n_ranks: int


@dataclass(frozen=True)
class SpikesShown:
    """What is shown of recorded spikes."""

    raster: Raster | None = None
    neurons: NeuronStatistics | None = None


@dataclass(frozen=True)
class RatesShown:
    """What is shown of the rates of populations."""

    population_rates: PopulationRates | None = None
    rate_course: RateCourse | None = None
    region_rates: RegionRates | None = None
    spectra: list[SpectrumGroup] = field(default_factory=list)


@dataclass(frozen=True)
class BoldShown:
    """What is shown of BOLD."""

    bold: Bold | None = None
    fc: FunctionalConnectivity | None = None
    fcd: FcDynamics | None = None
    spectra: list[SpectrumGroup] = field(default_factory=list)


@dataclass(frozen=True)
class ReportData:
    """All that a report can show; `absent` says what it cannot show and why, `missing` what the run folder has lost.

    `found` holds what the parts of the kinds of recorders and signals collected, by the names of the kinds.
    """

    run: RunInfo
    found: dict[str, Any] = field(default_factory=dict)
    brain: Brain | None = None
    performance: Performance | None = None
    members: Members | None = None
    absent: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
