"""Where things lie in the int64 tables that describe a rank to the compiled window.

A lane is the unit of ownership inside a rank: a contiguous set of local neurons with its own input vector, synapse rows
and delay queue. A thread steps one or more lanes. Fields named `*_AT` hold addresses; the Python side keeps the
arrays alive and fills the tables (`dtbsim.backends.cpu`).
"""

from __future__ import annotations

from itertools import count

# --- lane table: int64[n_lanes, LANE_FIELDS] -----------------------------------------------------------------------
_n = count()
N_LOCAL = next(_n)  # neurons
N_SLOTS = next(_n)  # entries of the input vector: (channel, neuron)
F32_AT = next(_n)  # float32 states and per-neuron constants
I32_AT = next(_n)  # int32 states
ACC_AT = next(_n)  # input vector, int32 or int64
STIM_AT = next(_n)  # float32 input currents per neuron
SPK_AT = next(_n)  # uint8 spike flags, padded to a multiple of 64
N_RUNS = next(_n)
RUNS_AT = next(_n)  # int64[N_RUNS + 1, RUN_FIELDS]: whose the local indices are, ascending; on GPUs where they are few
GID_AT = next(_n)  # uint32 global ids, ascending within a group; on GPUs where runs are many, as the next one
SOURCE_AT = next(_n)  # int32 index of the neuron as a source on this rank, -1: no targets here
N_GROUPS = next(_n)
GROUPS_AT = next(_n)  # int64[n_groups, 3]: kernel, G row, C row
N_POISSON = next(_n)
POISSON_AT = next(_n)  # int64[n, POISSON_FIELDS]
N_VARIED = next(_n)
VARIED_AT = next(_n)  # int64[n, VARIED_FIELDS]
N_CURRENTS = next(_n)
CURRENTS_AT = next(_n)  # int64[n, CURRENT_FIELDS]
N_NOISE = next(_n)
NOISE_AT = next(_n)  # int64[n, NOISE_FIELDS]
NORMAL_AT = next(_n)  # float32[65537]: quantiles of the standard normal distribution
N_EVENTS = next(_n)  # external input events
EVENTS_AT = next(_n)  # int64[n, 3]: step, slot, weight; ascending steps
EVENT_CURSOR = next(_n)
N_EMITTED = next(_n)  # spikes of source neurons that come from a list
EMITTED_AT = next(_n)  # int64[n, 2]: step, local index; ascending steps
EMITTED_CURSOR = next(_n)
N_RANDOM = next(_n)
RANDOM_AT = next(_n)  # int64[n, RANDOM_FIELDS]: source neurons that fire at random
SYNAPSE_KIND = next(_n)  # one of KIND_*
TARGET_AT = next(_n)  # packed uint32 (target | weight << 16), or uint32 targets
WEIGHT_AT = next(_n)  # int16 or int32 weights where not packed
ROW_AT = next(_n)  # int64[n_sources + 1]: first synapse of a source's row
SEGMENT_ROW_AT = next(_n)  # int64[n_sources + 1]: first segment of a source's row; 0: the lane stores no rows
SEGMENT_AT = next(_n)  # uint32[n_segments]: delay << 16 | count
SPARSE_ROWS = next(_n)  # rows of 2**SPARSE_SHIFT sources each (`sparse_rows`), instead of those of one; 0: none
SPARSE_SHIFT = next(_n)
SPARSE_FIRST_AT = next(_n)  # uint32[SPARSE_ROWS + 1]: first synapse of a row
SPARSE_LOW_AT = next(_n)  # uint8[n_synapses]: lowest byte of the source
SPARSE_DELAY_AT = next(_n)  # uint8 or uint16[n_synapses] in steps; 0: all SPARSE_DELAY
SPARSE_DELAY_BYTES = next(_n)
SPARSE_DELAY = next(_n)
POOL_AT = next(_n)  # delay queue: int64[n_chunks * CHUNK_WORDS]
POOL_CHUNKS = next(_n)
POOL_FREE = next(_n)  # head of the free list, -1: none
BUCKET_AT = next(_n)  # int64[ring, 2]: newest chunk (-1 none), entries in it
DUE_AT = next(_n)  # scratch: int64 entries due at this step
DUE_CAPACITY = next(_n)
PUBLISHED_AT = next(_n)  # int32[2, PUBLISHED_CAPACITY]: source indices that fired, by parity of the step, one per spike
PUBLISHED_CAPACITY = next(_n)  # the most spikes that the lane can have in a step
PUBLISHED_0 = next(_n)  # how many, even steps
PUBLISHED_1 = next(_n)
LOG_AT = next(_n)  # uint64: step << (32 + GID_MORE) | gid of every spike since the last collection
LOG_COUNT = next(_n)
LOG_CAPACITY = next(_n)
N_SAMPLED = next(_n)
SAMPLED_AT = next(_n)  # int64[n, SAMPLED_FIELDS]
SCRATCH_AT = next(_n)  # uint16[SCRATCH_WORDS] of the Poisson drive
EVENT_TOTAL = next(_n)  # synaptic events delivered so far
N_DYNAMIC = next(_n)  # projections whose synapses change
DYNAMIC_AT = next(_n)  # int64[N_DYNAMIC, dynamic_layout.FIELDS]
N_PROCEDURAL = next(_n)  # pairs of populations of procedural projections
PROCEDURAL_AT = next(_n)  # int64[N_PROCEDURAL, pair_layout.FIELDS], ascending SOURCE0
PROCEDURAL_RING_AT = next(_n)  # input to come: int32 or int64[PROCEDURAL_MASK + 1, N_SLOTS]; the input vector is a row
PROCEDURAL_MASK = next(_n)  # rows of that, a power of two that is not below their largest delay, less 1
PROCEDURAL_EVENTS_AT = next(_n)  # int64[PROCEDURAL_MASK + 1]: synaptic events in each row
PROCEDURAL_SCRATCH_AT = next(_n)  # int64[procedural.SCRATCH_WORDS]
PROCEDURAL_COUNTS_AT = next(_n)  # scratch: int64, one for each part of a target population
POISSON_STAGE_AT = next(_n)  # `stages`: compiled where a lane needs it
VARIED_STAGE_AT = next(_n)
NOISE_STAGE_AT = next(_n)
RANDOM_STAGE_AT = next(_n)
SPARSE_SCHEDULE_AT = next(_n)
DYNAMIC_DELIVER_AT = next(_n)
DYNAMIC_REMEMBER_AT = next(_n)
DYNAMIC_SCHEDULE_AT = next(_n)
PROCEDURAL_DELIVER_AT = next(_n)
PROCEDURAL_SCHEDULE_AT = next(_n)
LANE_FIELDS = (next(_n) + 15) // 16 * 16  # whole cache lines: lanes of different threads share none

KIND_PACKED, KIND_WIDE16, KIND_WIDE32, KIND_WIDE64 = range(4)
"""Synapses: 4 bytes; uint32 + int16; uint32 + int32; uint32 + int32 with an int64 input vector."""

# --- runs of neurons ------------------------------------------------------------------------------------------------
RUN_FIELDS = 3
RUN_LOCAL, RUN_GID0, RUN_SOURCE0 = range(RUN_FIELDS)
"""First local index, its global id, and its index as a source on this rank (-1: no targets here). All ids of a run have
the same upper 32 bits. A last row has the number of neurons as RUN_LOCAL."""

# --- drives --------------------------------------------------------------------------------------------------------
POISSON_FIELDS = 13
P_LOCAL, P_COUNT, P_SLOT, P_WEIGHT, P_DRIVE, P_THRESHOLD_AT, P_THRESHOLDS, P_COARSE_AT, P_COARSE = range(9)
P_START, P_STOP, P_BUFFER_AT, P_DRAWN = range(9, POISSON_FIELDS)
"""P_DRAWN: step // 8 of the counts in the buffer, -1 none."""
VARIED_FIELDS = 15
V_DRAWS, V_GIDS_AT, V_TARGETS, V_SLOTS_AT, V_WEIGHT, V_DRIVE, V_BUFFER_AT, V_DRAWN = range(8)
V_RATES_AT, V_THRESHOLD_AT, V_THRESHOLDS, V_COARSE_AT, V_COARSE, V_OWN, V_HIGH = range(8, VARIED_FIELDS)
"""A Poisson drive whose rate varies, on chosen neurons, or of one train. V_DRAWS trains drawn for uint32 gids (V_HIGH:
their upper 32 bits) go to V_TARGETS int64 slots each, or one to all. V_RATES_AT: int32 per step from the last multiple
of 8 before the chunk, the row of the thresholds (uint32[rates, V_THRESHOLDS], int16[rates, V_COARSE]), -1: off."""
CURRENT_FIELDS = 4
C_LOCAL, C_COUNT, C_WAVE_AT, C_INDEX_AT = range(4)
"""Input currents: C_COUNT neurons from C_LOCAL on, or those of an int32 list of local indices (0: none)."""
NOISE_FIELDS = 14
Q_DRAWS, Q_GIDS_AT, Q_TARGETS, Q_INDEX_AT, Q_DRIVE, Q_START, Q_STOP, Q_INTERVAL, Q_BUFFER_AT, Q_DRAWN = range(10)
Q_STATE_AT, Q_MEMORY_AT, Q_WAVE_AT, Q_HIGH = range(10, NOISE_FIELDS)
"""A noise current: Q_DRAWS courses of numbers for uint32 gids (Q_HIGH: their upper 32 bits) go to Q_TARGETS int32 local
indices each, or one to all. A number is held for Q_INTERVAL steps; Q_BUFFER_AT: float32[4, Q_DRAWS], Q_DRAWN: number
// 4 of what is in it. Q_STATE_AT: float32[Q_DRAWS] of processes with memory (0: white), Q_MEMORY_AT: float32 decay,
kick. Q_WAVE_AT: float32[steps, 2] of the chunk, mean and standard deviation."""
RANDOM_FIELDS = 8
R_LOCAL, R_COUNT, R_THRESHOLD_AT, R_BUFFER_AT, R_DRAWN, R_RATE_AT, R_START_AT, R_MORE_AT = range(RANDOM_FIELDS)
"""R_COUNT source neurons from R_LOCAL on: uint32 thresholds of one spike or more, uint8[4, R_COUNT] spikes of step
4 R_DRAWN and on (-1: none). Of the neuron's rate (int32[R_COUNT]) the thresholds of two spikes or more, three, ... are
uint32 number int64[rates + 1] START to the next of R_MORE_AT."""
SAMPLED_FIELDS = 8
S_KIND, S_BASE, S_COUNT, S_INDEX_AT, S_INTERVAL, S_OUT_AT, S_CURSOR, S_OFFSET_AT = range(8)
"""Sampled states: 0 float32 / 1 int32, offset of the state's array, indices int64, float32 output, float32 offset."""

CHUNK_ENTRIES = 63
CHUNK_WORDS = CHUNK_ENTRIES + 1
"""A delay queue chunk: link to the older chunk of its bucket (or of the free list), then entries."""
ENTRY_SHIFT = 16
"""A delay queue entry: first synapse << 16 | count."""

# --- rank table: int64[RANK_FIELDS] --------------------------------------------------------------------------------
_n = count()
N_LANES = next(_n)
N_THREADS = next(_n)
RING = next(_n)  # delay queue buckets: a power of two above the largest delay
SEED_LOW = next(_n)
SEED_HIGH = next(_n)
NOISE_LOW = next(_n)
NOISE_HIGH = next(_n)
THREAD_LANES_AT = next(_n)  # int64[n_threads + 1]: first lane of each thread
BARRIER_AT = next(_n)  # int64[16]: arrivals, generation
REMOTE_N = next(_n)  # spikes of other ranks to take in at the start of the window
REMOTE_AT = next(_n)  # uint64: as entries of a log
GID_MORE = next(_n)  # bits of a global id in an entry beyond 32, where the network has more neurons
N_SOURCE_RANGES = next(_n)
SOURCE_RANGES_AT = next(_n)  # int64[n, 3]: `sources`
N_SOURCE_JUMPS = next(_n)
SOURCE_JUMPS_AT = next(_n)  # int32[n]
SOURCE_SHIFT = next(_n)
TIMES_AT = next(_n)  # int64[n_threads, TIME_WORDS] ns per stage, then two words of scratch
ERROR = next(_n)  # 0, or ERROR_*
BOARD_AT = next(_n)  # shared-memory board of the ranks of one node, 0: none
BOARD_RANK = next(_n)
BOARD_RANKS = next(_n)
BOARD_WINDOW = next(_n)  # steps between exchanges over the board
BOARD_CAPACITY = next(_n)  # entries per rank and buffer
BOARD_SENT_AT = next(_n)  # int64[n_lanes]: log entries already published
BOARD_ROUND = next(_n)  # rounds done so far; its parity picks the buffer
BOARD_GENERATION = next(_n)  # of the barrier of the ranks, at which this one has arrived and does not wait yet
SIGNS_AT = next(_n)  # this rank's row of signs of life (dtbsim.runtime.board), 0: none
CHUNK_START = next(_n)  # step at which the current waveforms begin
DEADLINE_NS = next(_n)  # monotonic clock: the window ends early, after the step or exchange at hand; 0: it does not
LATE = next(_n)  # this rank is past its deadline, for the next exchange over the board
END_AFTER = next(_n)  # steps after which all threads leave early
STEPPED = next(_n)  # steps done when the window ended
EXCHANGE_STAGE_AT = next(_n)  # `stages.exchange_spikes`, where there is a board
RANK_FIELDS = next(_n)

ERROR_MEMORY = 1
ERROR_ABORTED = 2
ERROR_SPIKES = 3
"""A neuron spiked more than MOST_SPIKES times in one step."""

STAGES = ("deliver", "drive", "update", "detect", "wait", "schedule", "exchange")
N_STAGES = len(STAGES)
TIME_WORDS = 16
T_DELIVER, T_DRIVE, T_UPDATE, T_DETECT, T_WAIT, T_SCHEDULE, T_EXCHANGE = range(7)
