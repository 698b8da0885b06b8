"""What the host does for an exchange by messages, measured with neighbours that are simulated in this process."""

from __future__ import annotations

import time

import numpy as np

from dtbsim.exchange.links import Links
from dtbsim.exchange.neighbours import NeighbourExchange
from dtbsim.exchange.plan import ExchangePlan
from dtbsim.exchange.wanted import Runs
from dtbsim.kernels import layout as L
from dtbsim.mpi import SerialComm

NEURONS, POPULATIONS, NEIGHBOURS, WANTED_BY = 100_000, 64, 64, 32
TIMES = 300


def exchange_us() -> tuple[float, float]:
    """Microseconds of an exchange without spikes, and of every spike for every rank that it goes to."""
    empty_us, _ = _measured(0)
    full_us, entries = _measured(2000)
    return empty_us, max(full_us - empty_us, 0.01) / entries


def _measured(spikes: int) -> tuple[float, int]:
    """Median microseconds of an exchange of so many spikes, and the entries that arrive in it."""
    rng, each = np.random.default_rng(1), NEURONS // POPULATIONS
    runs = Runs(np.arange(POPULATIONS) * each, np.full(POPULATIONS, each), np.arange(POPULATIONS))
    chosen = [np.sort(rng.permutation(NEIGHBOURS)[:WANTED_BY]) for _ in range(POPULATIONS)]
    first = np.cumsum([0, *map(len, chosen)])
    ranks, delay = np.arange(NEIGHBOURS), np.full(NEIGHBOURS, 20)
    links = Links(ranks, delay, ranks, delay, first, np.concatenate(chosen).astype(np.int32))
    exchange = NeighbourExchange(SerialComm(), ExchangePlan.of(20, np.zeros((1, POPULATIONS), bool)), links, runs, 1)
    rank, lanes = np.zeros(L.RANK_FIELDS, np.int64), np.zeros((1, L.LANE_FIELDS), np.int64)
    log = (np.sort(rng.integers(0, 5, spikes)) << 32) | rng.integers(0, each * POPULATIONS, spikes)
    rank[L.N_LANES], lanes[0, L.LOG_AT], lanes[0, L.LOG_COUNT] = 1, log.ctypes.data, log.size
    times, arrived = [], 0
    for _ in range(TIMES):
        exchange.collected()
        begun_s = time.perf_counter()
        arrived = exchange.tick(rank, lanes, late=False, ask=False, last=False).size
        times.append((time.perf_counter() - begun_s) * 1e6)
    return float(np.median(times)), int(arrived)
