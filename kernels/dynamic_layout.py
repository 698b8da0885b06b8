"""Where things lie in the int64 table that describes one dynamic projection on one lane.

A dynamic projection is one whose synapses change what they transmit: by the history of their source (`BY_SOURCE`), by
that of both ends (`PLASTIC`; `STATEFUL` where a synapse has more than its weight), or of a third population as well
(`MODULATED`). Its synapses are apart from the static ones, with rows for the sources of the projection only and a
payload queue of their own whose entries carry what the spike brings along. Fields named `*_AT` hold addresses.
"""

from __future__ import annotations

from itertools import count

_n = count()
KIND = next(_n)  # BY_SOURCE, PLASTIC, MODULATED
RULE = next(_n)  # number of the synapse model among those of the network, see `rule_cuda`
ADVANCE_AT = next(_n)  # compiled functions of the model, see `rule_source`
DELIVER_AT = next(_n)
PAIRS_ONLY = next(_n)  # whether a spike changes nothing where the other end has had none before
SOURCE0 = next(_n)  # first source candidate of the rank that the rows are for
N_SOURCES = next(_n)  # rows
SYNAPSE_KIND = next(_n)  # layout.KIND_*
TARGET_AT = next(_n)  # as in the lane table
WEIGHT_AT = next(_n)
ROW_AT = next(_n)  # int64[N_SOURCES + 1]
SEGMENT_ROW_AT = next(_n)
SEGMENT_AT = next(_n)
WORDS = next(_n)  # int64 words of an entry of the payload queue
POOL_AT = next(_n)  # payload queue: int64[chunks * (1 + CHUNK_ENTRIES * WORDS)]
POOL_CHUNKS = next(_n)
POOL_FREE = next(_n)
BUCKET_AT = next(_n)  # int64[ring, 2]
DUE_AT = next(_n)  # scratch: entries due at this step
DUE_CAPACITY = next(_n)  # in words
PARAMETERS_AT = next(_n)  # float32[N_PARAMETERS], see P_*
N_PARAMETERS = next(_n)
DECAY_AT = next(_n)  # four tables of `decay.decay_table`: address, size; see DECAY_*
_DECAY_SIZE = next(_n)
DECAY1_AT, _D1, DECAY2_AT, _D2, DECAY3_AT, _D3 = (next(_n) for _ in range(6))
LAST_AT = next(_n)  # int32[N_SOURCES]: step of the last spike, -1: none
TRACE_AT = next(_n)  # float32[N_SOURCES, 2]: state of the source at its last spike
SHIFT = next(_n)  # STDP: a weight is delivered as weight / 2**SHIFT quanta, rounded
SIGN = next(_n)  # STDP: 1 or -1, what a delivered weight is multiplied with
SLOT0 = next(_n)  # STDP: input slot of the first neuron that has a history
LOCAL0 = next(_n)  # STDP: its local index
N_TARGETS = next(_n)  # STDP: neurons with a history
HISTORY_AT = next(_n)  # STDP: int64[N_TARGETS, HISTORY_CAPACITY, HISTORY_WORDS], spikes of the targets, see `history`
HISTORY_WORDS = next(_n)
HISTORY_CAPACITY = next(_n)  # a power of two
HISTORY_ROOM = next(_n)  # the most spikes that a target can have in a step
HISTORY_COUNT_AT = next(_n)  # int32[N_TARGETS]: spikes so far
HISTORY_START_AT = next(_n)  # int32[N_TARGETS]: first one still kept
APPLIED = next(_n)  # STDP: spikes of targets up to this step have changed all weights
FROZEN_AT = next(_n)  # int64[N_FROZEN, 2]: steps from, until (exclusive) in which weights do not change
N_FROZEN = next(_n)
RECENT_AT = next(_n)  # STDP: int64[RECENT_CAPACITY, 2], spikes of sources since the last catch-up, see `stdp`
RECENT_COUNT = next(_n)
RECENT_CAPACITY = next(_n)
STOP_AT = next(_n)  # STDP, scratch of `stdp_batch` per target: int32, int32[WINDOW], float32
WINDOW_AT = next(_n)
SEEN_AT = next(_n)
PENDING_AT = next(_n)  # STDP, scratch per synapse of the longest segment and one more: int32 each, float32[3]
CURSOR_AT = next(_n)
LEFT_AT = next(_n)
BUFFER_AT = next(_n)
ELIGIBILITY_AT = next(_n)  # dopamine: float32[synapses], see `reward`
INTERVAL = next(_n)  # dopamine: steps of a cell, whose beginnings are the grid of updates
CELL_AT = next(_n)  # float32[2, INTERVAL + 1]: growth and decay of eligibility from the beginning of a cell on
DOPAMINE_AT = next(_n)  # uint8[N_CANDIDATES]: which source candidates of the rank release dopamine
N_CANDIDATES = next(_n)
CELL0 = next(_n)  # first cell of the two arrays that follow
RELEASED_AT = next(_n)  # int32[N_CELLS * INTERVAL]: spikes of the dopamine population in every step
INTEGRAL_AT = next(_n)  # float32[N_CELLS, INTERVAL + 1]
N_CELLS = next(_n)
KNOWN = next(_n)  # step up to whose beginning the integral is known
LEVEL_AT = next(_n)  # float32[1]: dopamine just after its last spike that is known
LEVEL_STEP = next(_n)  # the step of that
STATES_AT = next(_n)  # stateful: float32[N_STATES, synapses], see `synapse_state`
N_STATES = next(_n)
EVENT_AT = next(_n)  # int32[synapses]: time of the last spike of either end that the synapse has seen, in steps
SHORTEST, LONGEST = next(_n), next(_n)  # delays of the projection, in steps
N_HEARD = next(_n)  # source candidates from SOURCE0 on that rows are for
USED_AT = next(_n)  # int64[words, 2]: which of them have a row, see `used_sources`; 0: all
FIELDS = (next(_n) + 7) // 8 * 8

DECAY_FIELDS = (DECAY_AT, DECAY1_AT, DECAY2_AT, DECAY3_AT)

BY_SOURCE, PLASTIC, MODULATED, STATEFUL = range(4)
"""Decays of the first: the model's two; of the others: 0 and 1 of the traces of source and target that the other end
reads, 2 and 3 of those that the own end reads. MODULATED: 3 of dopamine."""

P_MAX, P_MIN = 0, 1  # plastic: bounds of a weight
P_GAIN, P_LOSS, P_RELEASE = 2, 3, 4  # modulated
P_DT = 2  # stateful: time step in ms
P_CONSTANTS = 5  # those that the model's functions take, in their order

WINDOW = 8
"""Spikes of a target that `stdp_batch` looks at without a branch."""
FACTOR_BITS = 15
"""A factor of 1 is 2**15."""
