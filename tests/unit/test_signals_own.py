"""A signal of another package: defined here, registered, recorded, read and reported; nothing else knows it."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any, ClassVar, Literal

import jsonschema
import numpy as np
import pytest
from pydantic import Field

import dtbsim
from dtbsim.clock import steps_of
from dtbsim.config import load_config_data
from dtbsim.config.bounds import Number
from dtbsim.config.reference import render_reference
from dtbsim.config.schema import json_schema
from dtbsim.errors import InputError, StorageError
from dtbsim.mpi import run_ranks
from dtbsim.record.counts import Bins
from dtbsim.registry import Later
from dtbsim.report import write_report
from dtbsim.signals import SIGNALS, Chunk, Plan, Signal, SignalOptions, SignalWriter, Site, Stream

CONFIG: dict[str, Any] = {
    "name": "own",
    "simulation": {"dt_ms": 0.5, "duration_ms": 100, "threads": 1, "block_size": 16},
    "populations": {
        "E": {"model": "iaf_psc_exp", "size": 40, "parameters": {"I_e_pA": 450}},
        "I": {"model": "iaf_psc_exp", "size": 20, "parameters": {"I_e_pA": 600}},
    },
    "signals": {
        "early": {"kind": "fano", "population": "E", "bin_ms": 7},
        "all": {"kind": "fano", "population": ["E", "I"]},
    },
}


class FanoOptions(SignalOptions):
    """Variance over mean of spike counts, so far."""

    names_populations: ClassVar = ("population",)
    on_grid: ClassVar = ("bin_ms",)
    intervals: ClassVar = ("bin_ms",)

    kind: Literal["fano"] = "fano"
    population: str | list[str] = Field(description="population(s) to count")
    bin_ms: Number = Field(default=5.0, gt=0, description="bin")


class FanoPlan(Plan):
    def __init__(self, name: str, item: FanoOptions, network: Any) -> None:
        families = [network.family_index(population) for population in item.populations()]
        self.name, self.item = name, item
        self.unit = steps_of(item.bin_ms, network.dt_ms)
        self.columns = [k for k, p in enumerate(network.populations) if p.family in families]

    def open(self, site: Site) -> Stream:
        return FanoStream(self, site) if site.comm.is_root else Stream()


class FanoStream(Stream):
    def __init__(self, plan: FanoPlan, site: Site) -> None:
        bin_ms = plan.item.bin_ms
        self._columns = plan.columns
        self._bins = Bins(plan.unit // site.unit, len(plan.columns))
        self._sums = np.zeros(3)
        path = site.stores / "signals" / f"{plan.name}.zarr"
        self._writer = SignalWriter(
            path, kind="fano", channels=["mean", "fano"], unit="1", interval_ms=bin_ms, first_ms=bin_ms
        )

    def take(self, chunk: Chunk) -> None:
        for row in self._bins.add(chunk.counts[:, self._columns]):
            n = float(row.sum())
            self._sums += [1, n, n * n]
            mean = self._sums[1] / self._sums[0]
            variance = self._sums[2] / self._sums[0] - mean * mean
            self._writer.append(np.array([[mean, variance / mean if mean else 0.0]]))

    def state(self) -> dict[str, Any]:
        return {"started": self._bins.started.copy(), "sums": self._sums.copy()}

    def restore(self, state: Any) -> None:
        self._bins.started, self._sums = state["started"].copy(), state["sums"].copy()

    def summary(self, steps: int) -> dict[str, Any]:
        return {"fano_bins": int(self._sums[0])}

    def close(self) -> None:
        self._writer.close()


class Fano(Signal):
    name = "fano"
    config = FanoOptions

    def plan(self, name: str, item: Any, network: Any) -> Plan:
        return FanoPlan(name, item, network)


@pytest.fixture
def registered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SIGNALS, "_built_in", dict(SIGNALS._built_in))
    SIGNALS.add("fano", Fano())


def expected(run: Any, population: str | list[str], bin_steps: int) -> Any:
    steps, _ = run.spike_steps(population)
    counts = np.bincount(steps // bin_steps, minlength=200 // bin_steps)[: 200 // bin_steps]
    so_far = np.arange(1, len(counts) + 1)
    mean = np.cumsum(counts) / so_far
    variance = np.cumsum(counts.astype(float) ** 2) / so_far - mean**2
    return np.stack([mean, np.divide(variance, mean, out=np.zeros_like(mean), where=mean > 0)], axis=1)


@pytest.mark.usefixtures("registered")
@pytest.mark.parametrize("n_ranks", [1, 3])
def test_it_is_recorded_read_and_reported(tmp_path: Path, n_ranks: int) -> None:
    out = tmp_path / "run"
    results = run_ranks(n_ranks, lambda comm: dtbsim.run(CONFIG, out=out, comm=comm, report=False))
    run = results[0].open()
    for name, population, bin_steps in (("early", "E", 14), ("all", ["E", "I"], 10)):
        found = run.signal(name)
        assert found["channel"].values.tolist() == ["mean", "fano"]
        np.testing.assert_allclose(found.values, expected(run, population, bin_steps), rtol=1e-12)
        assert found.values[-1, 1] > 0
        np.testing.assert_allclose(found["time_ms"], (np.arange(len(found)) + 1) * bin_steps * 0.5)
    assert run.early().identical(run.signal("early"))
    assert run.summary["fano_bins"] == 20
    with pytest.raises(AttributeError):
        run.fano()  # there are two
    page = write_report(out).read_text(encoding="utf-8")
    assert "fano (early)" in page
    assert {"signals/early.zarr", "signals/all.zarr"} <= set(run.expected_stores())


@pytest.mark.usefixtures("registered")
def test_the_vocabulary_knows_it() -> None:
    config = load_config_data(CONFIG)
    assert isinstance(config.signals["all"], FanoOptions)
    assert config.signals["all"].bin_ms == 5.0
    again = load_config_data({**CONFIG, "signals": {"early": FanoOptions(population="E", bin_ms=7)}})
    assert again.signals["early"] == config.signals["early"]
    assert "Variance over mean of spike counts, so far." in render_reference()
    validator = jsonschema.Draft202012Validator(json_schema())
    validator.validate(CONFIG)
    assert not validator.is_valid({**CONFIG, "signals": {"all": {"kind": "fano", "populations": "E"}}})


@pytest.mark.usefixtures("registered")
@pytest.mark.parametrize(
    ("key", "value", "place", "message"),
    [
        ("bin_ms", 0.7, "signals.early.bin_ms", "0.7 ms is not a whole number of steps of 0.5 ms"),
        ("bin_ms", "x", "signals.early.bin_ms", "allowed: a number above 0"),
        ("bins_ms", 5, "signals.early.bins_ms", "did you mean 'bin_ms'"),
        ("population", "F", "signals.early.population", "no population 'F'"),
        ("population", 7, "signals.early.population", "got 7"),
        ("kind", "phano", "signals.early.kind", "did you mean 'fano'"),
    ],
)
def test_its_mistakes_are_told_as_those_of_others(key: str, value: Any, place: str, message: str) -> None:
    with pytest.raises(InputError) as caught:
        load_config_data({**CONFIG, "signals": {"early": {**CONFIG["signals"]["early"], key: value}}})
    assert str(caught.value).startswith(place)
    assert message in str(caught.value)


def test_a_run_is_read_and_reported_without_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as here:
        here.setattr(SIGNALS, "_built_in", {**SIGNALS._built_in, "fano": Fano()})
        run = dtbsim.run(CONFIG, out=tmp_path / "run", report=False).open()
        known = run.early()
    again = dtbsim.open_run(tmp_path / "run")
    assert again.early().identical(known)
    assert "fano (early)" in write_report(tmp_path / "run").read_text(encoding="utf-8")
    with pytest.raises(InputError, match=r"signals\.early\.kind: unknown kind 'fano'"):
        dtbsim.run(CONFIG, out=tmp_path / "again")


@pytest.mark.usefixtures("registered")
@pytest.mark.parametrize("n_ranks", [1, 2])
def test_a_stream_that_fails_on_one_rank_ends_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, n_ranks: int
) -> None:
    def full(stream: FanoStream, chunk: Chunk) -> None:
        raise StorageError("the disk is full")

    monkeypatch.setattr(FanoStream, "take", full)
    with pytest.raises(StorageError, match="the disk is full"):
        run_ranks(n_ranks, lambda comm: dtbsim.run(CONFIG, out=tmp_path / "run", comm=comm, report=False))


@pytest.mark.usefixtures("registered")
def test_a_panel_that_fails_does_not_cost_the_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dtbsim.run(CONFIG, out=tmp_path / "run", report=False)
    monkeypatch.setattr(Fano, "panel", lambda *_: 1 / 0)
    page = write_report(tmp_path / "run").read_text(encoding="utf-8")
    assert "its panel failed: ZeroDivisionError" in page


def with_part(name: str) -> Fano:
    """The kind with a part of the report of its own, which is imported for a report alone."""
    made = Fano()
    made.report = Later(f"tests.helpers.own_report_part:{name}")
    return made


def test_it_may_bring_its_own_part_of_the_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SIGNALS, "_built_in", {**SIGNALS._built_in, "fano": with_part("OWN")})
    run = dtbsim.run(CONFIG, out=tmp_path / "run", report=False).open()
    assert "tests.helpers.own_report_part" not in sys.modules
    page = write_report(tmp_path / "run").read_text(encoding="utf-8")
    assert "<section id='own'><h2>Own section</h2><p class='lead'>Of a package.</p>" in page
    assert f"<dt>Fano factor</dt><dd>{float(run.early().values[-1, 1]):.3f}" in page
    assert page.index("<section id='activity'>") < page.index("<section id='own'>") < page.index("<section id='repro")
    activity = page[page.index("<section id='activity'>") : page.index("<section id='own'>")]
    titles = re.findall("<h3>(.*?)</h3>", activity)
    assert titles.index("Own gauge") == titles.index("Rates of single neurons") - 1, titles


@pytest.mark.parametrize("kind", [with_part("BROKEN"), "no panel"])
def test_a_part_that_fails_does_not_cost_the_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: Fano | str
) -> None:
    made = kind if isinstance(kind, Fano) else Fano()
    monkeypatch.setattr(SIGNALS, "_built_in", {**SIGNALS._built_in, "fano": made})
    dtbsim.run(CONFIG, out=tmp_path / "run", report=False)
    if not isinstance(kind, Fano):
        monkeypatch.setattr(Fano, "panel", lambda *_: "a text")
    page = write_report(tmp_path / "run").read_text(encoding="utf-8")
    reason = "RuntimeError: no pens left" if isinstance(kind, Fano) else "AttributeError"
    assert f"Not shown: fano (its part of the report failed: {reason}" in page
    assert "Spike raster" in page


def test_what_is_no_signal_is_refused_where_it_is_named() -> None:
    from dtbsim.config.signals import _checked

    with pytest.raises(TypeError, match="calls itself None"):
        _checked("fano", object())
    with pytest.raises(TypeError, match="derived from"):
        _checked("fano", Fano)
