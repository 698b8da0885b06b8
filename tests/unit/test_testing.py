"""`dtbsim.testing`: it accepts what does not depend on the division of work, and finds what does."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any, Literal

import numpy as np
import pytest
from pydantic import Field

from dtbsim.errors import InputError
from dtbsim.signals import SIGNALS, Chunk, Plan, Signal, SignalOptions, SignalWriter, Site, Stream
from dtbsim.testing import Division, assert_independent, divisions

NETWORK: dict[str, Any] = {
    "seed": 4,
    "simulation": {"dt_ms": 0.1, "duration_ms": 60, "block_size": 16},
    "populations": {"E": {"model": "iaf_psc_exp", "size": 100}},
    "projections": {
        "EE": {
            "source": "E",
            "target": "E",
            "rule": {"kind": "fixed_indegree", "indegree": 10},
            "weight_pA": 40,
            "delay_ms": 1.0,
            "synapse": {"kind": "stdp", "weight_max": 80, "learning_rate": 0.05},
        }
    },
    "drives": {"d": {"kind": "poisson", "target": "E", "rate_hz": 9000, "weight_pA": 60}},
    "record": {
        "rate_bin_ms": 5,
        "states": [{"population": "E", "variables": ["V_m_mV"], "neurons": 3}],
        "weights": [{"projection": "EE", "interval_ms": 20}],
    },
}


def test_a_network_is_independent() -> None:
    found = assert_independent(NETWORK, ranks=(1, 2), threads=(1, 2))
    assert found["spikes"] > 100
    assert {"record.spikes", "record.states[0]", "record.weights[0]", "record.rate_bin_ms"} < found.keys()


def test_divisions_hold_every_number() -> None:
    found = list(divisions())
    assert {d.ranks for d in found} == {1, 2, 3}
    assert {d.threads for d in found} == {1, 2}
    assert {d.partitioner for d in found if d.ranks > 1} == {"ordered", "morton", "contiguous", "greedy"}
    assert {d.exchange for d in found if d.ranks > 1} == {"shared_memory", "packets"}
    assert any(d.most_steps == 7 for d in found)
    assert Division() not in found


class LeakOptions(SignalOptions):
    """What a signal with a fault lets through."""

    kind: Literal["leak"] = "leak"
    what: str = Field(description="ranks, chunks or nothing")


class LeakStream(Stream):
    def __init__(self, name: str, what: str, site: Site) -> None:
        self._what, self._ranks, self._chunks = what, site.comm.size, 0
        path = site.stores / "signals" / f"{name}.zarr"
        self._writer = SignalWriter(path, kind="leak", channels=["a"], unit="1", interval_ms=60.0, first_ms=60.0)

    def take(self, chunk: Chunk) -> None:
        self._chunks += 1

    def close(self) -> None:
        value = {"ranks": self._ranks, "chunks": self._chunks, "nothing": 7}[self._what]
        self._writer.append(np.array([[float(value)]]))
        self._writer.close()


class LeakPlan(Plan):
    def __init__(self, name: str, what: str) -> None:
        self._name, self._what = name, what

    def open(self, site: Site) -> Stream:
        return LeakStream(self._name, self._what, site) if site.comm.is_root else Stream()


class Leak(Signal):
    name = "leak"
    config = LeakOptions

    def plan(self, name: str, item: Any, network: Any) -> Plan:
        return LeakPlan(name, item.what)


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("ranks", r"signals\.x differ with 2 rank\(s\) x 1 thread\(s\), contiguous"),
        ("chunks", r"signals\.x differ with 1 rank\(s\) x 1 thread\(s\), .* chunks of 5 steps"),
        ("nothing", None),
    ],
)
def test_what_depends_on_the_division_is_found(monkeypatch: pytest.MonkeyPatch, what: str, said: str | None) -> None:
    monkeypatch.setattr(SIGNALS, "_built_in", dict(SIGNALS._built_in))
    SIGNALS.add("leak", Leak())
    config = {**NETWORK, "projections": {}, "record": {}, "signals": {"x": {"kind": "leak", "what": what}}}
    ranks = (1,) if what == "chunks" else (1, 2)
    with nullcontext() if said is None else pytest.raises(AssertionError, match=said):
        assert_independent(config, ranks=ranks, threads=(1,), partitioners=["contiguous"], most_steps=(5,))


def test_what_is_silent_proves_nothing() -> None:
    with pytest.raises(InputError, match="the network is silent, so nothing is proved"):
        assert_independent({**NETWORK, "drives": {}}, ranks=(1,), threads=(1,))
