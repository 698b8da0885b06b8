"""No step of a run is quadratic in populations, projections, drives, records or regions.

Calls, lines and bytes are counted, not seconds: of networks of three sizes, the growth from the second to the third may
be no more than a little above that from the first to the second times the ratio of the sizes.
"""

from __future__ import annotations

import itertools
import sys
import threading
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.helpers.by_day import by_day

from dtbsim.atlas import Atlas, save_atlas
from dtbsim.cli.runs import describe
from dtbsim.cli.validate import validate
from dtbsim.config import yaml_text
from dtbsim.config.load import load_located
from dtbsim.mpi import run_ranks
from dtbsim.report.source import open_source
from dtbsim.simulate import run
from dtbsim.store import open_run

PACKAGE = str(Path(sys.modules["dtbsim"].__file__ or "").parent)
SLACK = 1.35
"""Linear growth gives 1, quadratic growth gives the ratio of the sizes, 2 or 4; caches and lanes cause some scatter."""

RULES = itertools.cycle(
    [
        "rule: {kind: fixed_indegree, indegree: 2}, weight_pA: 5, delay_ms: 1.5",
        "rule: {kind: fixed_indegree, indegree: 2, multapses: false}, weight_pA: -4, delay_ms: 1",
        "rule: {kind: fixed_total_number, total: 5}, weight_pA: {distribution: normal, mean: 5, sd: 1}, delay_ms: 2",
        "rule: {kind: pairwise_bernoulli, probability: 0.4}, weight_pA: 5, "
        "delay_ms: {distribution: uniform, low: 1, high: 3}",
        "rule: {kind: fixed_outdegree, outdegree: 1}, weight_pA: 3, delay_ms: 1.5, procedural: true",
        "rule: {kind: fixed_outdegree, outdegree: 1}, weight_pA: 3, delay_ms: 1.5",
        "rule: {kind: all_to_all}, weight_pA: 1, delay_ms: 1.5",
        "rule: {kind: one_to_one}, weight_pA: 1, delay_ms: 1.5",
        "rule: {kind: all_to_all}, weight_pA: 5, delay_ms: 1, "
        "synapse: {kind: tsodyks_markram, U: 0.5, tau_rec_ms: 100}",
        "rule: {kind: all_to_all}, weight_pA: 5, delay_ms: 1, synapse: {kind: stdp, weight_max: 20, "
        "learning_rate: 0.01, alpha: 1.05, tau_plus_ms: 20, tau_minus_ms: 20}",
    ]
)  # fmt: skip
HEAD = "simulation: {dt_ms: 0.5, duration_ms: 5, threads: 1, block_size: 16}\n"


def dense(n: int, folder: Path) -> str:
    """n populations, each connected with all: n squared projections of all rules."""
    lines = ["populations:", *(f"  p{k}: {{model: iaf_psc_exp, size: 4}}" for k in range(n)), "projections:"]
    rules = itertools.islice(RULES, n * n)
    pairs = itertools.product(range(n), repeat=2)
    lines += [f"  j{a}_{b}: {{source: p{a}, target: p{b}, {rule}}}" for (a, b), rule in zip(pairs, rules, strict=True)]
    return "\n".join(lines)


def listed(n: int, folder: Path) -> str:
    """n populations of different parameters, each with a projection, drives, a controller and records."""
    lines = ["populations:"]
    lines += [f"  p{k}: {{model: iaf_psc_exp, size: 4, parameters: {{I_e_pA: {300 + k}}}}}" for k in range(n)]
    lines += [f"  s{k}: {{model: poisson_source, size: 2, parameters: {{rate_hz: {5 + k}}}}}" for k in range(n)]
    lines.append("projections:")
    rule = "rule: {kind: fixed_indegree, indegree: 2}"
    lines += [
        f"  j{k}: {{source: p{k}, target: p{(k + 1) % n}, {rule}, weight_pA: {k + 1}, delay_ms: 1}}" for k in range(n)
    ]
    lines += [f"  i{k}: {{source: s{k}, target: p{k}, {rule}, weight_pA: {k + 1}, delay_ms: 1}}" for k in range(n)]
    lines.append("drives:")
    lines += [f"  d{k}: {{kind: poisson, target: p{k}, rate_hz: {1000 + k}, weight_pA: 50}}" for k in range(n)]
    lines += [f"  c{k}: {{kind: dc, target: p{k}, amplitude: {k}}}" for k in range(n)]
    lines.append("controllers:")
    tonic = "kind: homeostatic_tonic, target_rate_hz: 5, interval_ms: 1, stages: [{start_ms: 0, eta: 0.1}]"
    lines += [f"  t{k}: {{{tonic}, population: p{k}}}" for k in range(n)]
    lines.append(f"record:\n  spikes: {{populations: [{', '.join(f'p{k}' for k in range(n))}]}}\n  states:")
    lines += [f"  - {{population: p{k}, variables: [V_m_mV], neurons: 1, interval_ms: 1}}" for k in range(0, n, 4)]
    return "\n".join(lines)


def regions(n: int, folder: Path) -> str:
    """Two families in n regions that form a ring of tracts."""
    weights = np.zeros((n, n))
    for step in (1, 2):
        weights[np.arange(n), (np.arange(n) + step) % n] = step
    atlas = Atlas(
        name="ring",
        region_names=tuple(f"r{k}" for k in range(n)),
        xyz_mm=np.arange(3.0 * n).reshape(n, 3),
        weights=weights,
        lengths_mm=np.where(weights > 0, 20.0, 0.0),
        lengths_source="measured",
        hemisphere=("",) * n,
        maps={"m": np.arange(float(n))},
    )
    save_atlas(atlas, folder / "ring.npz")
    return """
atlas: ring.npz
populations:
  E: {model: iaf_psc_exp, size: 4, regions: all, parameters: {I_e_pA: {map: m, low: 300, high: 500}}}
  I: {model: iaf_psc_exp, size: 4, regions: all}
projections:
  EE: {source: E, target: E, scope: connectome, rule: {kind: fixed_indegree, indegree: 3}, weight_pA: 5,
       delay_ms: {tract_velocity_m_per_s: 10}}
  EW: {source: E, target: I, scope: connectome, connectome_scales: weight, rule: {kind: all_to_all}, weight_pA: 5,
       delay_ms: 2}
  EI: {source: E, target: I, scope: same_region, rule: {kind: one_to_one}, weight_pA: 5, delay_ms: 1}
  IE: {source: I, target: E, scope: same_region, rule: {kind: fixed_total_number, total: 5}, weight_pA: -5, delay_ms: 1}
drives:
  noise: {kind: poisson, target: E, rate_hz: {map: m, low: 1000, high: 2000}, weight_pA: 50}
controllers:
  t: {kind: homeostatic_tonic, population: E, target_rate_hz: 5, interval_ms: 1, stages: [{start_ms: 0, eta: 0.1}]}
record: {states: [{population: E, variables: [V_m_mV], neurons: 1, interval_ms: 1}]}
"""


NETWORKS: dict[str, tuple[Callable[[int, Path], str], tuple[int, int, int], float]] = {
    "dense": (dense, (10, 20, 40), 4.0),
    "listed": (listed, (16, 32, 64), 2.0),
    "regions": (regions, (30, 60, 120), 2.0),
}
"""How a network is made, three sizes, and by what linear growth multiplies the differences."""


class Counter:
    """Calls of Python and C functions, and lines of this package, in all threads."""

    def __init__(self) -> None:
        self.calls = self.lines = 0

    def profile(self, frame: Any, event: str, argument: Any) -> None:
        self.calls += event in ("call", "c_call")

    def trace(self, frame: Any, event: str, argument: Any) -> Any:
        self.lines += event == "line"
        return self.trace if frame.f_code.co_filename.startswith(PACKAGE) else None


@contextmanager
def counted() -> Iterator[Counter]:
    counter, before = Counter(), sys.gettrace()
    threading.setprofile(counter.profile)
    threading.settrace(counter.trace)
    sys.setprofile(counter.profile)
    sys.settrace(counter.trace)
    try:
        yield counter
    finally:
        sys.settrace(before)
        sys.setprofile(None)
        threading.setprofile(None)
        threading.settrace(None)  # type: ignore[arg-type]


def whole_run(config: Path, out: Path, n_ranks: int) -> None:
    """What `dtbsim validate`, `run`, `info`, `hash` and `report` do, but for the figures."""
    validate(config, ())
    located = load_located(config)
    run_ranks(
        n_ranks,
        lambda comm: run(
            located.config, out=out, base_dir=located.base_dir, locator=located.locator, comm=comm, report=False
        ),
    )
    describe(open_run(out))
    open_source(out).spike_window_ms()
    done = open_run(out)
    done.spikes()
    done.rates()


def growth(measured: list[float]) -> float:
    return (measured[2] - measured[1]) / (measured[1] - measured[0])


@pytest.fixture(autouse=True)
def _one_way_to_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small and large texts are read in the same way, so that sizes can be compared."""
    monkeypatch.setattr(yaml_text, "read_plain", partial(yaml_text.read_plain, smallest=0))


@pytest.mark.parametrize("n_ranks", [pytest.param(1, marks=pytest.mark.nightly), 2])
@pytest.mark.parametrize("name", by_day(NETWORKS, ["listed", "regions"]))
def test_calls_and_lines_grow_linearly(
    name: str, n_ranks: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make, sizes, ratio = NETWORKS[name]
    calls, lines = [], []
    for n in (sizes[0], *sizes):  # once to load and compile everything
        config = tmp_path / f"{n}.yaml"
        config.write_text(HEAD + make(n, tmp_path))
        with counted() as counter:
            whole_run(config, tmp_path / f"run{len(calls)}-{n}", n_ranks)
        calls.append(float(counter.calls))
        lines.append(float(counter.lines))
    assert growth(calls[1:]) < SLACK * ratio
    assert growth(lines[1:]) < SLACK * ratio
    printed = capsys.readouterr().out.splitlines()
    assert len(printed) < 25 * (1 + len(sizes)), "and nothing prints a line per population"


@pytest.mark.parametrize("name", by_day(NETWORKS, ["listed"]))
def test_memory_grows_linearly(name: str, tmp_path: Path) -> None:
    make, sizes, ratio = NETWORKS[name]
    peaks = []
    for n in (sizes[0], *sizes):
        config = tmp_path / f"{n}.yaml"
        config.write_text(HEAD + make(n, tmp_path))
        tracemalloc.start()
        try:
            whole_run(config, tmp_path / f"run{len(peaks)}-{n}", 1)
            peaks.append(float(tracemalloc.get_traced_memory()[1]))
        finally:
            tracemalloc.stop()
    small, large = peaks[2] - peaks[1], peaks[3] - peaks[2]
    assert large < SLACK * ratio * small + 0.01 * peaks[1], "what does not grow is not the same to the byte"
