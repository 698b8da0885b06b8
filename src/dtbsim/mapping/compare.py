"""Runs beside each other: the network unrounded, as the chip would run it, and with other seeds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from dtbsim.analysis.fc import pearson, upper_triangle
from dtbsim.analysis.spikes import PopulationStatistics, population_statistics
from dtbsim.errors import InputError
from dtbsim.mapping.links import F64, I64

if TYPE_CHECKING:
    from dtbsim.store.run import Run

SILENT_SHARE = 0.05
"""A population that keeps less of its rate than this counts as silenced."""
LEAST_HZ = 0.1
FC_BIN_MS = 100.0
FEWEST_BINS = 20
_NO_CV_S = 2.0

Statistics = Mapping[str, PopulationStatistics]


@dataclass(frozen=True, eq=False)
class Comparison:
    """What the run of a chip is like beside the run without rounding.

    Attributes:
        names: populations, those outside of the chip left out.
        seconds: biological time that is compared.
        reference, chip: statistics by population.
        seeds: the same of runs with other seeds.
        first_difference: the first step in which spikes differ, None where none do.
        n_spikes: spikes of both.
        neuron_rates: float64[neurons] of both (Hz).
        agreements: correlations with the reference (of region rates, of FC): what, of the chip, of other seeds.
        warnings: populations that rounding silences, with numbers.
    """

    names: list[str]
    seconds: float
    reference: Statistics
    chip: Statistics
    seeds: list[Statistics]
    first_difference: int | None
    n_spikes: tuple[int, int]
    neuron_rates: tuple[F64, F64]
    agreements: list[tuple[str, float, list[float]]]
    warnings: list[str]

    def change_percent(self, name: str, of: Statistics) -> float:
        """How much faster a population fires than in the reference; NaN where it is silent there."""
        base = self.reference[name].rate_hz
        return 100 * (of[name].rate_hz / base - 1) if base > 0 else float("nan")

    @property
    def spike_change_percent(self) -> float:
        """How many more spikes the chip has."""
        return 100 * (self.n_spikes[1] / self.n_spikes[0] - 1) if self.n_spikes[0] else float("nan")

    @property
    def seeds_text(self) -> str:
        """How many more spikes other seeds have, in words."""
        total = sum(self.reference[name].spikes for name in self.names)
        changes = [100 * (sum(seed[name].spikes for name in self.names) / total - 1) for seed in self.seeds if total]
        return f"{min(changes):+.1f} to {max(changes):+.1f} %" if changes else "none were run"

    @property
    def first_difference_text(self) -> str:
        """Where spikes differ first, in words."""
        if self.first_difference is None:
            return f"All {self.n_spikes[0]:,} spikes are equal."
        return f"The first spike that differs is in step {self.first_difference:,}."

    def summary(self) -> dict[str, Any]:
        """Plain values for a file."""
        return {
            "seconds": self.seconds,
            "spikes": list(self.n_spikes),
            "spike_change_percent": self.spike_change_percent,
            "first_difference": self.first_difference,
            "reference": {name: asdict(self.reference[name]) for name in self.names},
            "chip": {name: asdict(self.chip[name]) for name in self.names},
            "seeds": [{name: asdict(seed[name]) for name in self.names} for seed in self.seeds],
            "agreements": [{"what": what, "chip": value, "seeds": others} for what, value, others in self.agreements],
            "warnings": self.warnings,
        }


@dataclass(frozen=True, eq=False)
class _Seen:
    """Spikes of a run within the window that is compared."""

    steps: I64
    gids: I64
    table: Any
    dt_ms: float

    @staticmethod
    def of(run: Run, start_ms: float, stop_ms: float) -> _Seen:
        steps, gids = run.spike_steps(start_ms=start_ms, stop_ms=stop_ms)
        return _Seen(steps.astype(np.int64), gids.astype(np.int64), run.populations, run.dt_ms)


def compare(
    reference: Run, chip: Run, seeds: list[Run], populations: Mapping[str, I64], *, n_neurons: int, start_ms: float
) -> Comparison:
    """Compare runs from `start_ms` on, as far as all of them went.

    `populations`: gids of those on the chip; `n_neurons`: of the network that was mapped.

    Raises InputError where a run has stored no spikes there, or is of another network.
    """
    runs = [reference, chip, *seeds]
    stop_ms = min(_ended_ms(run) for run in runs)
    if stop_ms <= start_ms:
        raise InputError(
            f"nothing to compare: the runs end at {stop_ms:g} ms, comparison begins at {start_ms:g} ms",
            where=str(reference.path), remedy="simulate for longer",
        )  # fmt: skip
    size = max(run.network_table.n_neurons for run in runs)  # the chip has sources beside its neurons
    for run in [reference, *seeds]:
        if run.network_table.n_neurons != n_neurons:
            raise InputError(
                f"the run has {run.network_table.n_neurons:,} neurons, the mapping {n_neurons:,}", where=str(run.path),
                remedy="name a run of the network that was mapped",
            )  # fmt: skip
    seen = [_Seen.of(run, start_ms, stop_ms) for run in runs]
    stats = [_statistics(item, populations, start_ms, stop_ms) for item in seen]
    seconds = (stop_ms - start_ms) * 1e-3
    placed = np.sort(np.concatenate([*populations.values(), np.zeros(0, np.int64)])).astype(np.int64)
    rates = [np.bincount(item.gids, minlength=size)[placed] / seconds for item in seen[:2]]
    on_chip = np.zeros(size, np.bool_)
    on_chip[placed] = True
    counts = [int(on_chip[item.gids].sum()) for item in seen[:2]]
    whole = [_Seen.of(run, 0.0, stop_ms) for run in runs[:2]]
    return Comparison(
        names=list(populations),
        seconds=seconds,
        reference=stats[0],
        chip=stats[1],
        seeds=stats[2:],
        first_difference=_first_difference(whole[0], whole[1], on_chip),
        n_spikes=(counts[0], counts[1]),
        neuron_rates=(rates[0], rates[1]),
        agreements=_agreements(seen, populations, start_ms, stop_ms),
        warnings=_silenced(stats[0], stats[1], seconds),
    )


def _ended_ms(run: Run) -> float:
    return float(run.summary.get("simulated_ms") or run.config["simulation"]["duration_ms"])


def _statistics(seen: _Seen, populations: Mapping[str, I64], start_ms: float, stop_ms: float) -> Statistics:
    start, stop = round(start_ms / seen.dt_ms), round(stop_ms / seen.dt_ms)
    found = {}
    for name, gids in populations.items():
        index = np.full(int(max(gids.max(), seen.gids.max(initial=0))) + 1, -1)
        index[gids] = np.arange(gids.size)
        own = index[seen.gids]
        found[name] = population_statistics(
            seen.steps[own >= 0],
            own[own >= 0],
            gid0=0,
            size=gids.size,
            dt_ms=seen.dt_ms,
            start_step=start,
            stop_step=stop,
        )
    return found


def _first_difference(one: _Seen, other: _Seen, on_chip: Any) -> int | None:
    """The first step with other spikes; steps of both runs count alike."""
    keys = []
    for seen in (one, other):
        own = on_chip[seen.gids]
        keys.append(np.unique(seen.steps[own] * on_chip.size + seen.gids[own]))
    different = np.setxor1d(keys[0], keys[1], assume_unique=True)
    return int(different[0] // on_chip.size) if different.size else None


def _agreements(
    seen: list[_Seen], populations: Mapping[str, I64], start_ms: float, stop_ms: float
) -> list[tuple[str, float, list[float]]]:
    """Correlations of region rates, and of the FC of region activity, with the reference."""
    table = seen[0].table
    table = table[table["family"].isin(populations)]
    regional = table.groupby("region", dropna=True) if "region" in table else None
    if regional is None or regional.ngroups < 3:
        return []
    region_of = np.full(int((table["gid0"] + table["size"]).max()), -1)
    for k, (_, rows) in enumerate(regional):
        for _, row in rows.iterrows():
            region_of[int(row["gid0"]) : int(row["gid0"] + row["size"])] = k
    series = [_activity(item, region_of, regional.ngroups, start_ms, stop_ms) for item in seen]
    rates = [item.sum(axis=0) for item in series]
    found = [("region rates, correlation with the run", *_with_first(rates))]
    if series[0].shape[0] >= FEWEST_BINS and all((item.std(axis=0) > 0).all() for item in series):
        fc = [upper_triangle(np.corrcoef(item.T)) for item in series]
        text = f"FC of region activity in bins of {FC_BIN_MS:g} ms, correlation with the run"
        found.append((text, *_with_first(fc)))
    return found


def _with_first(values: list[F64]) -> tuple[float, list[float]]:
    others = [
        pearson(values[0], item) if item.std() > 0 and values[0].std() > 0 else float("nan") for item in values[1:]
    ]
    return others[0], others[1:]


def _activity(seen: _Seen, region_of: Any, n: int, start_ms: float, stop_ms: float) -> F64:
    """float64[bins, regions]: spikes."""
    width, start = max(1, round(FC_BIN_MS / seen.dt_ms)), round(start_ms / seen.dt_ms)
    bins = (round(stop_ms / seen.dt_ms) - start) // width
    inside = seen.gids < region_of.size
    region, at = region_of[seen.gids[inside]], (seen.steps[inside] - start) // width
    keep = (region >= 0) & (at >= 0) & (at < bins)
    counts = np.bincount(at[keep] * n + region[keep], minlength=bins * n)
    return counts.reshape(bins, n).astype(np.float64)


def _silenced(reference: Statistics, chip: Statistics, seconds: float) -> list[str]:
    found = []
    for name, before in reference.items():
        after = chip[name]
        if before.rate_hz >= LEAST_HZ and after.rate_hz <= SILENT_SHARE * before.rate_hz:
            found.append(
                f"rounding silences {name}: {after.rate_hz:.3g} Hz in {seconds:g} s where the network has "
                f"{before.rate_hz:.3g} Hz, {100 * after.silent_fraction:.0f} % of its neurons never fire "
                f"({100 * before.silent_fraction:.0f} % before); give weights more bits, or dt_ms another value"
            )
    return found
