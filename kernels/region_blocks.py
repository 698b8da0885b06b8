"""Region populations stepped in blocks of the shortest delay: sums over sources, nodes, history; on several threads.

A lane group is some members of an ensemble with the same wiring. Its table holds addresses and sizes, int64 (see the
fields); tables of slots, populations, histories and samples are rows of their own. Per block of steps:

    1. every slot: sums over sources of the block, what the function makes of them, into `sums` of the target's kernel;
       every drive: what it gives in the block, into rows of the same kind
    2. every population: its kernel takes its nodes through the block, which writes what it sends
    3. what is sampled of that is kept; what is sent goes to the histories

Threads share the nodes of a group and meet between 2 and 3 and after 3. What is computed of an element does not depend
on them, nor on how many steps a block has.
"""

from __future__ import annotations

from typing import Any

import numba as nb
import numpy as np

from dtbsim.kernels import barrier as B
from dtbsim.kernels.elementary import cos, exp, sin
from dtbsim.kernels.intrinsics import call_stage, view_f32, view_i64
from dtbsim.kernels.jit import cached_njit
from dtbsim.kernels.numba_support import NoAliasCompiler
from dtbsim.kernels.region_coupling import ROWS, sum_sources
from dtbsim.kernels.region_dense import sum_lanes, sum_targets
from dtbsim.kernels.region_drives import D_NODES, DRIVE_FIELDS, drive_regions

# the group
LANES, COLUMNS, POSITION, BLOCK, BACK, STEP = range(6)
N_SLOTS, SLOTS_AT, N_POPULATIONS, POPULATIONS_AT, N_HISTORIES, HISTORIES_AT, N_SAMPLES, SAMPLES_AT, RAW_AT = range(
    6, 15
)
N_DRIVES, DRIVES_AT = range(15, 17)
GROUP_FIELDS = 17

# a slot
S_HISTORY, S_SOURCES, S_WEIGHTS, S_OFFSETS, S_STARTS, S_NOW, S_DELAY, S_WIDTH = range(8)
S_FUNCTION, S_NUMBERS, S_STRENGTH, S_OUT, S_TARGETS, S_RAW = range(8, 14)
SLOT_FIELDS = 14

# a population
P_KERNEL, P_TABLE, P_NODES = range(3)
POPULATION_FIELDS = 3

# a history
H_AT, H_SENT, H_SOURCES, H_FUNCTION, H_NUMBERS = range(5)
HISTORY_FIELDS = 5

# a sample: every INTERVAL steps the value, or the mean over them, of COUNT elements
Q_SENT, Q_COUNT, Q_INTERVAL, Q_MEAN, Q_SUM, Q_OUT, Q_CURSOR = range(7)
SAMPLE_FIELDS = 7

# ways of summing: entry by entry, all targets of one lane, all sources of many lanes
ENTRIES, ONE_LANE, ALL_SOURCES = range(3)

# functions of sums, and of what is sent
SCALED, LINEAR, SIGMOIDAL = range(3)
PLAIN, TANH, SIGMOID, SINE, COSINE = range(5)
_F = np.float32


@nb.njit(nogil=True, error_model="numpy", inline="always")
def _logistic(x: Any) -> Any:
    return _F(1.0) / (_F(1.0) + exp(-x))


@nb.njit(nogil=True, error_model="numpy")
def _finish(kind: int, raw: Any, numbers: Any, strength: Any, out: Any, lanes: int) -> None:
    """What becomes of the sums of one target in one step, raw[lanes]; numbers[number * lanes + lane]."""
    if kind == SCALED:
        for i in range(lanes):
            out[i] = strength[i] * raw[i]
    elif kind == LINEAR:
        for i in range(lanes):
            out[i] = strength[i] * raw[i] + numbers[i]
    else:
        for i in range(lanes):
            low, high, middle = numbers[i], numbers[lanes + i], numbers[2 * lanes + i]
            x = numbers[3 * lanes + i] * (raw[i] - middle)
            out[i] = strength[i] * (low + (high - low) * _logistic(x))


@nb.njit(nogil=True, error_model="numpy")
def _before(kind: int, sent: Any, numbers: Any, out: Any, lanes: int) -> None:
    """What a history keeps of what one node sends in one step."""
    if kind == PLAIN:
        for i in range(lanes):
            out[i] = sent[i]
    elif kind == SINE:
        for i in range(lanes):
            out[i] = sin(sent[i])
    elif kind == COSINE:
        for i in range(lanes):
            out[i] = cos(sent[i])
    elif kind == SIGMOID:
        for i in range(lanes):
            low, high, middle = numbers[i], numbers[lanes + i], numbers[2 * lanes + i]
            out[i] = low + (high - low) * _logistic(numbers[3 * lanes + i] * (sent[i] - middle))
    else:  # 1 + tanh(y) = 2 / (1 + exp(-2 y))
        for i in range(lanes):
            y = (numbers[i] * sent[i] - numbers[lanes + i]) / numbers[2 * lanes + i]
            out[i] = _F(2.0) * _logistic(_F(2.0) * y)


@nb.njit(nogil=True, error_model="numpy")
def _before_lane(kind: int, sent: Any, numbers: Any, out: Any, columns: int, n: int) -> None:
    """As `_before`, of one lane and many nodes, whose rows of the history are `columns` long."""
    low, high, middle, slope = numbers[0], numbers[1], numbers[2], numbers[3]
    if kind == PLAIN:
        for j in range(n):
            out[j * columns] = sent[j]
    elif kind == SINE:
        for j in range(n):
            out[j * columns] = sin(sent[j])
    elif kind == COSINE:
        for j in range(n):
            out[j * columns] = cos(sent[j])
    elif kind == SIGMOID:
        for j in range(n):
            out[j * columns] = low + (high - low) * _logistic(slope * (sent[j] - middle))
    else:
        for j in range(n):
            y = (low * sent[j] - high) / middle
            out[j * columns] = _F(2.0) * _logistic(_F(2.0) * y)


@nb.njit(nogil=True, error_model="numpy")
def _sum_slot(group: Any, slot: Any, steps: int, first: int, last: int) -> None:
    """Sums of targets `first` to before `last` (`first` a multiple of ROWS) in all steps of a block."""
    lanes = group[LANES]
    if slot[S_NOW] == ENTRIES:
        span = steps * lanes
        stride = (span + 15) // 16 * 16
        group0, group1 = first // ROWS, (last + ROWS - 1) // ROWS
        starts = view_i64(slot[S_STARTS] + 8 * group0, group1 - group0 + 1)
        sum_sources(
            slot[S_HISTORY], slot[S_WEIGHTS], slot[S_OFFSETS], starts, group1 - group0, group[POSITION] * lanes, span,
            slot[S_RAW] + 4 * stride * ROWS * group0, stride,
        )  # fmt: skip
        _finish_slot(slot, lanes, steps, first, last, stride, lanes)
    else:
        _sum_now(group, slot, slot, False, steps, first, last)


@nb.njit(nogil=True, error_model="numpy")
def _sum_now(group: Any, slot: Any, second: Any, both: bool, steps: int, first: int, last: int) -> None:
    """The same where all pairs are summed, of a slot or of two with the same weights."""
    lanes, width = group[LANES], slot[S_WIDTH]
    columns = group[COLUMNS] * lanes
    for k in range(steps):
        shift = 4 * (group[POSITION] + k - slot[S_DELAY]) * lanes
        h, out = slot[S_HISTORY] + shift, slot[S_RAW] + 4 * width * lanes * k
        h2, out2 = np.int64(0), np.int64(0)
        if both:
            h2, out2 = second[S_HISTORY] + shift, second[S_RAW] + 4 * width * lanes * k
        if slot[S_NOW] == ONE_LANE:
            sum_targets(h, h2, slot[S_WEIGHTS], slot[S_SOURCES], columns, width, first, last, out, out2)
        else:
            group0, group1 = first // ROWS, (last + ROWS - 1) // ROWS
            sum_lanes(h, h2, slot[S_WEIGHTS], slot[S_SOURCES], columns, group0, group1, lanes, out, out2)
    _finish_slot(slot, lanes, steps, first, last, lanes, width * lanes)
    if both:
        _finish_slot(second, lanes, steps, first, last, lanes, width * lanes)


@nb.njit(nogil=True)
def _same_weights(slot: Any, second: Any) -> bool:
    """Whether the sums of two slots can be made in one pass."""
    same: bool = slot[S_NOW] != ENTRIES and slot[S_NOW] == second[S_NOW] and slot[S_WEIGHTS] == second[S_WEIGHTS]
    return same and slot[S_DELAY] == second[S_DELAY] and slot[S_TARGETS] == second[S_TARGETS]


@nb.njit(nogil=True, error_model="numpy", pipeline_class=NoAliasCompiler)
def _scale(raw: Any, strength: Any, out: Any) -> None:
    for i in range(out.size):
        out[i] = strength[i] * raw[i]


@nb.njit(nogil=True, error_model="numpy", pipeline_class=NoAliasCompiler)
def _copy(values: Any, out: Any) -> None:
    for i in range(out.size):
        out[i] = values[i]


@nb.njit(nogil=True, error_model="numpy")
def _finish_slot(slot: Any, lanes: int, steps: int, first: int, last: int, stride: int, step_at: int) -> None:
    """What the function of a slot makes of its sums, raw[target * stride + step * step_at + lane]."""
    targets, n = slot[S_TARGETS], last - first
    numbers = view_f32(slot[S_NUMBERS], 4 * lanes)
    strength = view_f32(slot[S_STRENGTH] + 4 * first * lanes, n * lanes)
    for k in range(steps):
        raw_at, out_at = slot[S_RAW] + 4 * step_at * k, slot[S_OUT] + 4 * targets * lanes * k
        if stride == lanes and slot[S_FUNCTION] == SCALED:
            here = 4 * first * lanes
            _scale(view_f32(raw_at + here, n * lanes), strength, view_f32(out_at + here, n * lanes))
        elif lanes == 1:
            raw, out = view_f32(raw_at + 4 * stride * first, stride * n), view_f32(out_at + 4 * first, n)
            _finish_lane(slot[S_FUNCTION], raw, stride, numbers, strength, out, n)
        else:
            for i in range(n):
                raw = view_f32(raw_at + 4 * stride * (first + i), lanes)
                out = view_f32(out_at + 4 * (first + i) * lanes, lanes)
                _finish(slot[S_FUNCTION], raw, numbers, strength[i * lanes :], out, lanes)


@nb.njit(nogil=True, error_model="numpy")
def _finish_lane(kind: int, raw: Any, stride: int, numbers: Any, strength: Any, out: Any, n: int) -> None:
    """As `_finish`, of one lane and many targets, whose sums are `stride` apart."""
    low, high, middle, slope = numbers[0], numbers[1], numbers[2], numbers[3]
    if kind == SCALED:
        for i in range(n):
            out[i] = strength[i] * raw[i * stride]
    elif kind == LINEAR:
        for i in range(n):
            out[i] = strength[i] * raw[i * stride] + low
    else:
        for i in range(n):
            x = slope * (raw[i * stride] - middle)
            out[i] = strength[i] * (low + (high - low) * _logistic(x))


@nb.njit(nogil=True, error_model="numpy")
def _sample(row: Any, lanes: int, step: int, steps: int, first: int, last: int) -> int:
    """Keep what a sample takes of nodes `first` to before `last`; returns how many rows of it the block has brought."""
    interval, count = row[Q_INTERVAL], row[Q_COUNT]
    low, n = first * lanes, (last - first) * lanes
    done = 0
    for k in range(steps):
        sent = view_f32(row[Q_SENT] + 4 * (k * count + low), n)
        due = (step + k + 1) % interval == 0
        if row[Q_MEAN] != 0:
            total = view_f32(row[Q_SUM] + 4 * low, n)
            for i in range(n):
                total[i] += sent[i]
            if due:
                out = view_f32(row[Q_OUT] + 4 * ((row[Q_CURSOR] + done) * count + low), n)
                part = _F(1.0) / _F(interval)
                for i in range(n):
                    out[i] = total[i] * part
                    total[i] = _F(0.0)
        elif due:
            out = view_f32(row[Q_OUT] + 4 * ((row[Q_CURSOR] + done) * count + low), n)
            for i in range(n):
                out[i] = sent[i]
        done += due
    return done


@nb.njit(nogil=True, error_model="numpy")
def _remember(group: Any, history: Any, steps: int, first: int, last: int, position: int) -> None:
    """Append what nodes `first` to before `last` sent in a block; `position` is where the newest column comes to be."""
    lanes, columns, sources = group[LANES], group[COLUMNS], history[H_SOURCES]
    kept = position - steps + 1  # columns of steps before this block that stay
    moved = group[POSITION] + 1 - kept
    numbers = view_f32(history[H_NUMBERS], 4 * lanes)
    n = last - first
    if columns == 1 and history[H_FUNCTION] == PLAIN:
        here = 4 * first * lanes
        _copy(view_f32(history[H_SENT] + here, n * lanes), view_f32(history[H_AT] + here, n * lanes))
        return
    if lanes == 1:
        rows = view_f32(history[H_AT] + 4 * first * columns, n * columns)
        if moved > 0:
            for j in range(n):
                for i in range(kept):
                    rows[j * columns + i] = rows[j * columns + i + moved]
        for k in range(steps):
            sent = view_f32(history[H_SENT] + 4 * (k * sources + first), n)
            _before_lane(history[H_FUNCTION], sent, numbers, rows[kept + k :], columns, n)
        return
    for j in range(first, last):
        row = view_f32(history[H_AT] + 4 * j * columns * lanes, columns * lanes)
        if moved > 0:
            shift = moved * lanes
            for i in range(kept * lanes):
                row[i] = row[i + shift]
        for k in range(steps):
            sent = view_f32(history[H_SENT] + 4 * (k * sources + j) * lanes, lanes)
            _before(history[H_FUNCTION], sent, numbers, row[(kept + k) * lanes : (kept + k + 1) * lanes], lanes)


@nb.njit(nogil=True)
def _share(n: int, thread: int, threads: int) -> tuple[int, int]:
    """The nodes of a thread, beginning with a multiple of ROWS."""
    groups = (n + ROWS - 1) // ROWS
    return min(n, groups * thread // threads * ROWS), min(n, groups * (thread + 1) // threads * ROWS)


@nb.njit(nogil=True, error_model="numpy")
def _steps_of(group: Any, steps: int, thread: int, threads: int) -> None:
    slots = view_i64(group[SLOTS_AT], group[N_SLOTS] * SLOT_FIELDS)
    s = 0
    while s < group[N_SLOTS]:
        slot = slots[s * SLOT_FIELDS : (s + 1) * SLOT_FIELDS]
        second = slots[(s + 1) * SLOT_FIELDS : (s + 2) * SLOT_FIELDS]
        both = s + 1 < group[N_SLOTS] and _same_weights(slot, second)
        first, last = _share(slot[S_TARGETS], thread, threads)
        if first < last and both:
            _sum_now(group, slot, second, True, steps, first, last)
        elif first < last:
            _sum_slot(group, slot, steps, first, last)
        s += 2 if both else 1
    drives = view_i64(group[DRIVES_AT], group[N_DRIVES] * DRIVE_FIELDS)
    for d in range(group[N_DRIVES]):
        drive = drives[d * DRIVE_FIELDS : (d + 1) * DRIVE_FIELDS]
        first, last = _share(drive[D_NODES], thread, threads)
        if first < last:
            drive_regions(drive, group[LANES], group[STEP], steps, first, last)
    populations = view_i64(group[POPULATIONS_AT], group[N_POPULATIONS] * POPULATION_FIELDS)
    for p in range(group[N_POPULATIONS]):
        row = populations[p * POPULATION_FIELDS : (p + 1) * POPULATION_FIELDS]
        first, last = _share(row[P_NODES], thread, threads)
        if first < last:
            call_stage(row[P_KERNEL], row[P_TABLE], group[STEP], steps, 0, 0, first, last)


@nb.njit(nogil=True, error_model="numpy")
def _samples_of(group: Any, steps: int, thread: int, threads: int) -> None:
    lanes = group[LANES]
    samples = view_i64(group[SAMPLES_AT], group[N_SAMPLES] * SAMPLE_FIELDS)
    for q in range(group[N_SAMPLES]):
        row = samples[q * SAMPLE_FIELDS : (q + 1) * SAMPLE_FIELDS]
        first, last = _share(row[Q_COUNT] // lanes, thread, threads)
        _sample(row, lanes, group[STEP], steps, first, last)


@nb.njit(nogil=True)
def _newest(group: Any, steps: int) -> int:
    """Column in which the newest values of a block come to be: the next ones, or, at the end of the room, the first."""
    position: int = group[POSITION] + steps
    first: int = group[BACK]
    return position if position < group[COLUMNS] else first


@nb.njit(nogil=True, error_model="numpy")
def _histories_of(group: Any, steps: int, thread: int, threads: int) -> None:
    position = _newest(group, steps)
    histories = view_i64(group[HISTORIES_AT], group[N_HISTORIES] * HISTORY_FIELDS)
    for h in range(group[N_HISTORIES]):
        history = histories[h * HISTORY_FIELDS : (h + 1) * HISTORY_FIELDS]
        first, last = _share(history[H_SOURCES], thread, threads)
        _remember(group, history, steps, first, last, position)


@nb.njit(nogil=True)
def _move_on(group: Any, steps: int) -> None:
    samples = view_i64(group[SAMPLES_AT], group[N_SAMPLES] * SAMPLE_FIELDS)
    for q in range(group[N_SAMPLES]):
        row = samples[q * SAMPLE_FIELDS : (q + 1) * SAMPLE_FIELDS]
        row[Q_CURSOR] += (group[STEP] + steps) // row[Q_INTERVAL] - group[STEP] // row[Q_INTERVAL]
    group[POSITION] = _newest(group, steps)
    group[STEP] += steps


@cached_njit
def before_nodes(kind: int, sent: Any, numbers: Any, out: Any) -> None:
    """What a history keeps of what nodes send, float32[nodes, lanes]."""
    for node in range(sent.shape[0]):
        _before(kind, sent[node], numbers, out[node], sent.shape[1])


@cached_njit
def step_block(group: Any, steps: int) -> None:
    """Sums and nodes of one block, and samples; what is sent is yet to be exchanged."""
    _steps_of(group, steps, 0, 1)
    _samples_of(group, steps, 0, 1)


@cached_njit
def remember_block(group: Any, steps: int) -> None:
    """Take what all nodes sent in a block into the histories."""
    _histories_of(group, steps, 0, 1)
    _move_on(group, steps)


@cached_njit
def step_group(group: Any, stop: int, thread: int, threads: int, barrier: Any) -> bool:
    """Step a group to before `stop`, block after block, as one of some threads; False where another one failed."""
    while group[STEP] < stop:
        steps = min(group[BLOCK], stop - group[STEP])
        _steps_of(group, steps, thread, threads)
        if not B.wait(barrier, threads):
            return False
        _samples_of(group, steps, thread, threads)
        _histories_of(group, steps, thread, threads)
        if not B.wait(barrier, threads):
            return False
        if thread == 0:
            _move_on(group, steps)
        if not B.wait(barrier, threads):
            return False
    return True
