"""Where things lie in the int64 tables that describe a rank to the CUDA kernels.

The rank table has the fields below; the lane table has those of `layout` and, after them, the `X_*` below; the exchange
table is there where a rank has others beside it. They lie in device memory; fields named `*_AT` hold device addresses.
What CPU lanes keep for themselves (log, published spikes, delay queue pool) is not used there.
"""

from __future__ import annotations

from itertools import count

from dtbsim.kernels import dynamic_layout as D
from dtbsim.kernels import layout as L

# --- rank table: int64[DEVICE_RANK_FIELDS] --------------------------------------------------------------------------
_n = count()
R_N_LANES = next(_n)
R_LANES_AT = next(_n)  # int64[n_lanes, DEVICE_LANE_FIELDS]
R_RING = next(_n)  # buckets per lane: a power of two above the largest delay
R_SEED_LOW = next(_n)
R_SEED_HIGH = next(_n)
R_NOISE_LOW = next(_n)
R_NOISE_HIGH = next(_n)
R_CHUNK_START = next(_n)  # step at which the current waveforms begin
R_N_SOURCE_RANGES = next(_n)
R_SOURCE_RANGES_AT = next(_n)  # int64[n, 3]: `sources`
R_STEP = next(_n)  # the step to be done next
R_OVERFLOW = next(_n)  # set when a bucket was too small for the spikes of R_STEP
R_HALT = next(_n)  # one of HALT_*: why nothing goes on until the host has seen to it; 0: all is well
R_DONE_BLOCKS = next(_n)  # blocks of the running kernel that have finished
R_PUBLISHED_AT = next(_n)  # int32[n_neurons]: source indices that fired in R_STEP
R_PUBLISHED_COUNT = next(_n)
R_LOG_AT = next(_n)  # uint64: step << 32 | gid of every spike since the last collection
R_LOG_COUNT = next(_n)
R_EVENTS = next(_n)  # synaptic events delivered so far
R_REMOTE_AT = next(_n)  # step << 32 | gid of spikes from other ranks
R_REMOTE_N = next(_n)
R_MESSAGES_AT = next(_n)  # int64[2, n_lanes], by the parity of the step: what each block of the persistent plan tells
R_LISTS_AT = next(_n)  # int32[2, n_lanes, R_LIST_CAPACITY]: sources where a message does not hold them
R_LIST_CAPACITY = next(_n)
R_NOT_FINITE = next(_n)  # set when a float state is NaN or infinite
R_PACKED = next(_n)  # entries of the log that are in the packets for the other ranks
R_PACKETS_FULL = next(_n)  # how many messages of the last window were too small
R_CHUNK_STOP = next(_n)  # step behind the last of the chunk
DEVICE_RANK_FIELDS = (next(_n) + 15) // 16 * 16

HALT_STEP = 1  # a bucket was too small for the spikes of a step
HALT_REMOTE = 2  # a bucket was too small for spikes of other ranks
HALT_PACKETS = 3  # spikes of other ranks did not fit into the packets
HALT_SPIKES = 4  # a neuron spiked more often in a step than can be counted

# --- lane table: int64[n_lanes, DEVICE_LANE_FIELDS] -----------------------------------------------------------------
_n = count(L.LANE_FIELDS)
X_BUCKET_ENTRIES_AT = next(_n)  # int64[ring, X_BUCKET_CAPACITY]: first synapse << 16 | count
X_BUCKET_CAPACITY = next(_n)
X_BUCKET_COUNT_AT = next(_n)  # int32[ring]
X_BUCKET_BEFORE_AT = next(_n)  # int32[ring]: the counts before the step whose spikes are being entered
X_POISSON_UNITS = next(_n)  # pieces of UNIT neurons that the Poisson drives are cut into
X_POISSON_UNIT_AT = next(_n)  # int64: row << 32 | piece
X_COUNTS_AT = next(_n)  # uint8[8, UNIT * X_POISSON_UNITS]: counts of eight steps, where a step is kernels of its own
X_VARIED_UNITS = next(_n)
X_VARIED_UNIT_AT = next(_n)
X_RING_AT = next(_n)  # int32[ring, n_slots]: input of coming steps, in the plan that delivers when a spike is emitted
X_DELAY_AT = next(_n)  # uint8 per synapse in that plan, uint16 with more than 256 steps; 0: it is in the synapse's word
X_NEGATIVE = next(_n)  # there, where slots of negative weights begin
X_STRIDE = next(_n)  # places of every row, a multiple of 32, in that plan; 0: rows lie where ROW_AT says
X_DUE_AT = next(_n)  # int32[ring]: synaptic events in the coming steps, in that plan
X_FIRED_CAPACITY = next(_n)  # the most spikes of a lane in one step
X_N_F32 = next(_n)  # float32 and int32 words of its states and constants
X_N_I32 = next(_n)
X_ARENAS_SHARED = next(_n)  # 1: they lie in shared memory during a launch
X_RING_SHARED = next(_n)  # 1: the ring does
DEVICE_LANE_FIELDS = (next(_n) + 15) // 16 * 16

# --- table of dynamic projections of a lane: int64[N_DYNAMIC, DEVICE_DYNAMIC_FIELDS] --------------------------------
# Those of `dynamic_layout` (without pools, scratch of the CPU, RECENT_*, KNOWN, LEVEL_STEP), and after them:
_n = count(D.FIELDS)
D_PAYLOAD_AT = next(_n)  # int64[ring, D_PAYLOAD_CAPACITY, WORDS]; these four fields as X_BUCKET_*
D_PAYLOAD_CAPACITY = next(_n)
D_PAYLOAD_COUNT_AT = next(_n)
D_PAYLOAD_BEFORE_AT = next(_n)
D_NOTES_AT = next(_n)  # int64[1, D_NOTES_CAPACITY, 2]: what RECENT_AT is on the CPU, in no particular order
D_NOTES_CAPACITY = next(_n)
D_NOTES_COUNT_AT = next(_n)
D_NOTES_BEFORE_AT = next(_n)
D_CARRIED_AT = next(_n)  # int64[spikes, 2]: second and third word of the entries of a spike that is being entered
D_CLOCK_AT = next(_n)  # int64[2]: what KNOWN and LEVEL_STEP are on the CPU
DEVICE_DYNAMIC_FIELDS = (next(_n) + 7) // 8 * 8

UNIT_BITS = 5
UNIT = 1 << UNIT_BITS
"""Neurons of a drive that neighbouring threads do together."""
WORD_SLOT_BITS = 10
"""Bits of a slot where a synapse of the persistent plan is one word; its delay has what is left of sixteen."""
SOURCE_BITS = 20
"""Bits of a source in a message of the persistent plan, and of the step's tag."""
BOARD_BYTES = 8 * DEVICE_LANE_FIELDS + 32
"""Shared memory of a block of that plan, before its arrays."""

# --- exchange table: int64[EXCHANGE_FIELDS] -------------------------------------------------------------------------
_n = count()
E_N_OUT = next(_n)  # messages to others
E_N_IN = next(_n)  # messages of others
E_N_POPULATIONS = next(_n)
E_GID_STARTS_AT = next(_n)  # int64[n_populations + 1]
E_FIRST_AT = next(_n)  # int64[n_populations + 1]: where those of a population begin in the next list
E_WANTED_BY_AT = next(_n)  # int32[...]: messages that the spikes of a population go to
E_OUT_AT = next(_n)  # int64[E_N_OUT + 1]: first word of each message to others
E_IN_AT = next(_n)  # int64[E_N_IN + 1]: and of others
E_COUNT_AT = next(_n)  # int64[E_N_OUT]: entries of the message; zero between kernels
E_ENTRIES_AT = next(_n)  # int64[...]: entries of all messages received
EXCHANGE_FIELDS = (next(_n) + 7) // 8 * 8

# --- batch of spikes, int64[BATCH_FIELDS]: one pair of populations on one lane, drawn in the order of its targets -----
_n = count()
BATCH_LANE_AT = next(_n)  # the lane's row
BATCH_PAIR_AT = next(_n)  # the pair's row
BATCH_SIZE = next(_n)  # most spikes of a batch
BATCH_N = next(_n)  # how many of the present ones have a source of the pair
BATCH_CHOSEN_AT = next(_n)  # int64[BATCH_SIZE], these: step << 32 | index in the source population
BATCH_COUNTS_AT = next(_n)  # uint16[parts, BATCH_SIZE]: their synapses in each part of the target population
BATCH_FIELDS = next(_n)
BATCH_SHARE = 4
"""Spikes that each thread of a block looks after when a batch is drawn."""

# --- table of a counter of spikes: int64[COUNT_FIELDS] --------------------------------------------------------------
COUNT_FIELDS = 5
COUNT_GID_STARTS_AT, COUNT_N_POPULATIONS, COUNT_UNIT, COUNT_FIRST, COUNT_COUNTS_AT = range(COUNT_FIELDS)
"""int64[populations + 1]; steps of a unit; the first unit; int64[units, populations]."""
