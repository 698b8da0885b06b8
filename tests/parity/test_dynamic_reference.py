"""Synapses that change: the compiled engine against a plain simulator that looks at all spikes, exactly."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.helpers.by_day import by_day
from tests.helpers.changing_synapses import DYNAMIC_NETWORK as NETWORK
from tests.helpers.changing_synapses import DYNAMIC_SYNAPSES as SYNAPSES
from tests.helpers.changing_synapses import RARE
from tests.helpers.changing_synapses import dynamic_text as text_of
from tests.helpers.dynamic_reference import DynamicReference
from tests.helpers.networks import (
    built_rank,
    dynamic_synapses_of,
    network_of,
    simulate,
    simulate_ranks,
    spikes_of,
    synapses_of,
)
from tests.helpers.reference_engine import ReferenceEngine
from tests.helpers.stateful_reference import reference_of

from dtbsim.backends.cpu import CpuBackend
from dtbsim.spec import Network


class Compared:
    """A run of the compiled engine, its plastic weights at the end, and the same of the reference."""

    def __init__(self, network: Network, tidy_at: Sequence[int] = (), change: Any = None) -> None:
        built = built_rank(network, threads=2)
        static, dynamic = synapses_of(built), dynamic_synapses_of(built)
        self.parts = [reference_of(part, table.copy(), network.dt_ms) for part, table in dynamic]
        if change is not None:
            change(self.parts)
        backend = CpuBackend(built, None, 2)
        at = 0
        for stop in [*tidy_at, network.n_steps]:
            backend.advance(at, stop)
            for tables in backend.tables.dynamic:
                for index in range(len(tables.parts)):
                    tables.catch_up(index, stop)
            at = stop
        self.spikes = spikes_of(backend)
        self.weights = [table[:, [0, 1, 4, 3]] for _, table in dynamic_synapses_of(built)]
        backend.close()
        self.expected = ReferenceEngine(network, static, dynamic=self.parts).run()
        until = network.n_steps - 2 * network.max_delay_steps
        self.pending = [self._final(part, network.n_steps, until) for part in self.parts]

    @staticmethod
    def _final(part: DynamicReference, n_steps: int, until: int) -> Any:
        rows = part.table[:, [0, 1, 4, 3]].copy()
        if part.dynamics.plastic:
            for index, delay in enumerate(rows[:, 2].tolist()):
                # the source's spikes that have not arrived by the end have changed nothing
                rows[index, 3] = int(part.pending(index, until, n_steps - delay))
        return rows


@pytest.mark.parametrize("name", SYNAPSES)
def test_spikes_and_weights_are_those_of_the_reference(name: str) -> None:
    run = Compared(network_of(text_of(name)))
    assert len(run.spikes) > 700
    assert np.array_equal(run.spikes, run.expected)
    for part, found, expected in zip(run.parts, run.weights, run.pending, strict=True):
        order = np.lexsort(found.T[::-1])
        assert np.array_equal(found[order], expected[np.lexsort(expected.T[::-1])])
        if part.dynamics.plastic:
            changed = expected[:, 3] != part.table[:, 3]
            assert changed.mean() > 0.9


@pytest.mark.parametrize("name", [name for name in SYNAPSES if "stdp" in SYNAPSES[name] or "vogels" in SYNAPSES[name]])
def test_synapses_that_are_delivered_together_are_those_of_the_reference(name: str) -> None:
    """Many synapses with one delay go through the passes of `stdp_batch`; a frozen projection never does."""
    text = text_of(name).replace("delay_ms: {distribution: uniform, low: 0.2, high: 4.0}", "delay_ms: 1.4")
    text = text.replace("indegree: 9", "indegree: 30").replace("low: 20, high: 90", "low: 5, high: 30")
    network = network_of(text.replace("duration_ms: 500", "duration_ms: 300"))
    run = Compared(network)
    assert len(run.spikes) > 400
    assert np.array_equal(run.spikes, run.expected)
    for found, expected in zip(run.weights, run.pending, strict=True):
        assert np.array_equal(found[np.lexsort(found.T[::-1])], expected[np.lexsort(expected.T[::-1])])


def test_rare_sources_and_busy_targets(tmp_path: Path) -> None:
    """Histories that outgrow their first room, with and without being forgotten on the way."""
    times = [20.0, 21.0, 260.4, 261.2, 480.0]
    rows = [f"{neuron},{time + 0.2 * neuron}" for neuron in range(5) for time in times]
    (tmp_path / "rare.csv").write_text("\n".join(["neuron,time_ms", *rows]), encoding="utf-8")
    more = RARE.replace("SYNAPSE", SYNAPSES["triplets"])
    text = text_of("triplets").replace("  EI: {source: E,", more + "  EI: {source: E,")
    text = text.replace(
        "populations:\n", "populations:\n  S: {model: spike_source, size: 5, spikes_file: rare.csv}\n", 1
    )
    text = text.replace("t_ref_ms: 1.0}", "t_ref_ms: 1.0, I_e_pA: 500}")
    network = network_of(text, base_dir=tmp_path)
    for tidy_at in ([], [300, 1700, 2100]):
        run = Compared(network, tidy_at=tidy_at)
        assert np.array_equal(run.spikes, run.expected)
        busy = np.bincount(run.spikes[:, 1])[5:39]
        assert busy.max() > 20
        for found, expected in zip(run.weights, run.pending, strict=True):
            assert np.array_equal(found[np.lexsort(found.T[::-1])], expected[np.lexsort(expected.T[::-1])])


@pytest.mark.parametrize(
    "name",
    by_day(
        ["multiplicative", "triplets", "frozen for a while", "power law", "towards a rate", "calcium", "tag"],
        ["multiplicative", "triplets", "frozen for a while", "calcium"],
    ),
)
def test_it_makes_no_difference_when_pending_changes_are_applied(name: str) -> None:
    network = network_of(text_of(name))
    often, once = Compared(network, tidy_at=range(37, network.n_steps, 61)), Compared(network)
    assert np.array_equal(often.spikes, once.spikes)
    for a, b in zip(often.weights, once.weights, strict=True):
        assert np.array_equal(a[np.lexsort(a.T[::-1])], b[np.lexsort(b.T[::-1])])


@pytest.mark.parametrize("name", SYNAPSES)
def test_the_division_of_work_does_not_show(name: str) -> None:
    network = network_of(text_of(name))
    expected = simulate(network, threads=1)
    assert np.array_equal(simulate(network, threads=2, chunks=[100, 1111]), expected)
    assert np.array_equal(simulate_ranks(network, 2), expected)
    assert np.array_equal(simulate_ranks(network, 3, board=True), expected)


def test_without_change_the_spikes_are_those_of_static_synapses() -> None:
    """A plastic projection that never changes delivers its weights, rounded to the quantum of the input."""
    frozen = SYNAPSES["additive"].replace("learning_rate: 0.05", "learning_rate: 0")
    text = NETWORK.replace("{distribution: uniform, low: 20, high: 90}", "64").replace("SYNAPSE", frozen)
    static = text.replace(f"    synapse: {frozen}\n", "")
    assert static != text
    assert np.array_equal(simulate(network_of(text)), simulate(network_of(static)))


@pytest.mark.parametrize(
    ("name", "parameter"),
    [
        ("intermediate", "mu_plus"),
        ("triplets", "A3_plus"),
        ("power law", "down"),
        ("calcium", "rate_both"),
        ("tag", "beta"),
    ],
)
def test_a_slightly_other_rule_shows(name: str, parameter: str) -> None:
    def change(parts: list[DynamicReference]) -> None:
        next(part for part in parts if part.dynamics.plastic).p[parameter] *= np.float32(1.001)

    run = Compared(network_of(text_of(name)), change=change)
    assert not all(
        np.array_equal(a[np.lexsort(a.T[::-1])], b[np.lexsort(b.T[::-1])])
        for a, b in zip(run.weights, run.pending, strict=True)
    )
