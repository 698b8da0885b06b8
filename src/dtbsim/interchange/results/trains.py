"""Spikes of a run neuron by neuron, however many they are: in memory are the counts of neurons and some millions."""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dtbsim.store.spike_reader import SpikeStore

_AT_ONCE = 1 << 21
"""Spikes that are sorted in memory."""
_STEP_BITS = 32
"""A run has fewer than 2**31 steps (`dtbsim.clock.MAX_STEPS`)."""
I64 = NDArray[np.int64]


def counts_of(store: SpikeStore, start_step: int, stop_step: int, n_neurons: int) -> I64:
    """How many spikes every neuron has in start_step <= step < stop_step, int64[n_neurons]."""
    counts = np.zeros(n_neurons, np.int64)
    for window in store.chunks(start_step, stop_step):
        if n_neurons <= 4 * window.gids.size:
            counts += np.bincount(window.gids.astype(np.int64), minlength=n_neurons)
        else:
            gids, n = np.unique(window.gids, return_counts=True)
            counts[gids] += n
    return counts


def steps_by_neuron(
    store: SpikeStore, start_step: int, stop_step: int, counts: I64, folder: Path, at_once: int = _AT_ONCE
) -> Iterator[I64]:
    """Yield the steps of all spikes, by neuron and then by time, in pieces of about `at_once`.

    Where there are more, they go to a file without a name in `folder`, 8 bytes each: in parts of neurons that follow
    one another, each of which is then read and sorted.
    """
    parts = _parts(counts, at_once)
    if len(parts) == 1 and counts.sum() <= at_once:
        pieces = [_packed(window.gids, window.steps, 0) for window in store.chunks(start_step, stop_step)]
        yield _sorted(np.concatenate([np.empty(0, np.uint64), *pieces]))
        return
    firsts = np.array([first for first, _ in parts], np.int64)
    sizes = np.array([counts[first:last].sum() for first, last in parts], np.int64)
    begins = np.concatenate([[0], np.cumsum(sizes)])
    with tempfile.TemporaryFile(dir=folder) as file:
        filled = begins[:-1].copy()
        for window in store.chunks(start_step, stop_step):
            order = np.argsort(window.gids, kind="stable")
            gids, steps = window.gids[order].astype(np.int64), window.steps[order]
            cuts = np.append(np.searchsorted(gids, firsts), gids.size)
            for part in np.flatnonzero(np.diff(cuts)).tolist():
                chosen = slice(cuts[part], cuts[part + 1])
                _write(file.fileno(), _packed(gids[chosen], steps[chosen], int(firsts[part])), int(filled[part]))
                filled[part] += cuts[part + 1] - cuts[part]
        for part, (first, last) in enumerate(parts):
            begin, end = int(begins[part]), int(begins[part + 1])
            if last - first == 1:  # in the order of time as it is, however many they are
                for start in range(begin, end, at_once):
                    yield _steps(_read(file.fileno(), start, min(end, start + at_once)))
            elif end > begin:
                yield _sorted(_read(file.fileno(), begin, end))


def _parts(counts: I64, at_once: int) -> list[tuple[int, int]]:
    """Ranges of neurons with at most so many spikes together, or of one neuron; at least one range."""
    total, first, parts = np.cumsum(counts), 0, []
    while first < counts.size:
        before = int(total[first - 1]) if first else 0
        last = max(first + 1, int(np.searchsorted(total, before + at_once, side="right")))
        parts.append((first, last))
        first = last
    return parts or [(0, 0)]


def _packed(gids: NDArray[np.generic], steps: I64, first: int) -> NDArray[np.uint64]:
    """Neuron and step in one number, which sorts by both."""
    return ((gids.astype(np.int64) - first).astype(np.uint64) << np.uint64(_STEP_BITS)) | steps.astype(np.uint64)


def _sorted(packed: NDArray[np.uint64]) -> I64:
    packed.sort()
    return _steps(packed)


def _steps(packed: NDArray[np.uint64]) -> I64:
    return (packed & np.uint64(2**_STEP_BITS - 1)).astype(np.int64)


def _write(descriptor: int, packed: NDArray[np.uint64], at: int) -> None:
    data = np.ascontiguousarray(packed).view(np.uint8).data
    done = 0
    while done < len(data):
        done += os.pwrite(descriptor, data[done:], 8 * at + done)


def _read(descriptor: int, start: int, stop: int) -> NDArray[np.uint64]:
    found = np.empty(stop - start, np.uint64)
    view, done = found.view(np.uint8).data, 0
    while done < len(view):
        got = os.preadv(descriptor, [view[done:]], 8 * start + done)
        if not got:
            raise OSError(errno.EIO, "spikes that were put aside are gone")
        done += got
    return found
