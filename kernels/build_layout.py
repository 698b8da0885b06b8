"""Where things lie in the int64 tables that tell the CUDA kernels which synapses to build, and where to put them.

Fields named `*_AT` hold device addresses. Tasks, pools, draws and pairs of populations are those of `tasks`, `connect`,
`writer` and `pair_layout`.
"""

from __future__ import annotations

from itertools import count

from dtbsim.kernels import connect, rows, tasks

# --- tasks of a projection on a lane: int64[PROJECTION_FIELDS] ------------------------------------------------------
_n = count()
W_RULE = next(_n)
W_PROJECTION = next(_n)
W_SEED_LOW = next(_n)
W_SEED_HIGH = next(_n)
W_N_TASKS = next(_n)
W_TASKS_AT = next(_n)  # int64[n_tasks, TASK_FIELDS]
W_FIRST_ITEM_AT = next(_n)  # int64[n_tasks + 1]: items (synapses, or targets of rules that reject) before each task
W_N_ITEMS = next(_n)
W_PIECES_AT = next(_n)  # int64[n_pieces + 1]: entries of each piece's pool
W_PIECE_GID0_AT = next(_n)  # int64[n_pieces]
W_KEY_AT = next(_n)  # int64[n_entries], as the next ones: what connect.Pool holds
W_OFFSET_AT = next(_n)
W_SIZE_AT = next(_n)
W_CUMULATIVE_AT = next(_n)  # uint32
W_FACTOR_AT = next(_n)
W_OWN_DELAY_AT = next(_n)
W_SELF_AT = next(_n)
W_PLACE_AT = next(_n)  # int64[n_entries]: candidates of the entries before it in its piece
W_COUNT_STARTS_AT = next(_n)  # int64[n_entries + 1]
W_COUNT_FIRST_AT = next(_n)  # int64[n_entries]
W_COUNTS_AT = next(_n)  # uint32 thresholds
W_WEIGHT = next(_n)
W_WEIGHT_TABLE_AT = next(_n)  # int64[65537], 0: the weight is constant
W_DELAY = next(_n)
W_DELAY_TABLE_AT = next(_n)
W_MAX_DELAY = next(_n)
W_BITS_AT = next(_n)  # uint32[warps, W_BIT_WORDS], zero: marks of the sources that a target has
W_BIT_WORDS = next(_n)
W_PAIRS_AT = next(_n)  # fixed_outdegree: int64[n_tasks, pair_layout.FIELDS] instead of tasks; items are sources
W_LISTED_SOURCE_AT = next(_n)  # listed synapses: int32[n_items], as the next ones; source rows
W_LISTED_SLOT_AT = next(_n)
W_LISTED_WEIGHT_AT = next(_n)  # in quanta
W_LISTED_DELAY_AT = next(_n)  # in steps
PROJECTION_FIELDS = next(_n)

# --- rows table: int64[ROWS_FIELDS], the synapses of one lane --------------------------------------------------------
_n = count()
B_KIND = next(_n)
B_N_ROWS = next(_n)
B_N_SYNAPSES = next(_n)
B_COUNT_AT = next(_n)  # int32[n_rows]: synapses are only counted here; 0: they are written
B_CURSOR_AT = next(_n)  # int64[n_rows]
B_TARGET_AT = next(_n)
B_WEIGHT_AT = next(_n)
B_DELAY_AT = next(_n)
B_WIDE_DELAYS = next(_n)  # uint16, else uint8
B_LARGEST_DELAY = next(_n)
B_ROW_AT = next(_n)  # int64[n_rows + 1]
B_SEGMENT_ROW_AT = next(_n)  # int64[n_rows + 1]
B_SEGMENT_AT = next(_n)
B_STAGED = next(_n)  # synapses of a row that shared memory holds while it is sorted
B_LONGEST = next(_n)  # synapses of the longest row
B_STAGE_AT = next(_n)  # uint32 and int32 [blocks, B_LONGEST] for longer rows, 0: there are none
B_HISTOGRAM_AT = next(_n)  # int32[blocks, B_LARGEST_DELAY + 1], 0: it is in shared memory
B_STRIDE = next(_n)  # rows are filled up with NO_SYNAPSE, 0: they are not
B_TOTALS_AT = next(_n)  # int64[n_slots]
ROWS_FIELDS = next(_n)

MOST_SUMS = 32
"""Words of shared memory for sums over the warps of a block."""


def macros() -> dict[str, int]:
    """What the text of the build has to be told: the tables above, tasks, rules, fixed-point formats."""
    own = {name: value for name, value in globals().items() if name[:2] in ("W_", "B_")}
    fields = {f"T_{name}": getattr(tasks, name) for name in ("PIECE", "FIRST_GID", "COUNT", "SLOT", "ENTRY", "NUMBER")}
    rules = ("FIXED_INDEGREE", "FIXED_TOTAL", "BERNOULLI", "ALL_TO_ALL", "ONE_TO_ONE")
    return (
        own
        | fields
        | {f"RULE_{name}": getattr(tasks, name) for name in rules}
        | {
            "TASK_FIELDS": tasks.TASK_FIELDS,
            "CALL_ENTRY": int(connect.CALL_ENTRY),
            "CALL_VALUES": int(connect.CALL_VALUES),
            "MAX_SEGMENT": rows.MAX_SEGMENT,
            "MOST_SUMS": MOST_SUMS,
        }
    )
