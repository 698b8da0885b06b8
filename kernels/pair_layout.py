"""Where things lie in the int64 row that describes one pair of populations to the loops that draw by source.

A pair is one source population with one target population of a projection, on one lane: what a spike of a neuron of
the first needs to find its synapses onto the second. Fields named `*_AT` hold addresses. The stored form of
fixed_outdegree (`outdegree`) and procedural projections (`procedural`) read the same rows.
"""

from __future__ import annotations

from itertools import count

_n = count()
RULE = next(_n)  # tasks.FIXED_OUTDEGREE, ALL_TO_ALL or ONE_TO_ONE
PROJECTION = next(_n)  # index of the projection
SOURCE0 = next(_n)  # source candidate of the rank that is the first neuron of the source population
N_SOURCES = next(_n)  # neurons of the source population
SOURCE_GID0 = next(_n)  # gid of the first of them
SOURCE_KEY = next(_n)  # index of the source population
TARGET_GID0 = next(_n)  # gid of the first neuron of the target population
TARGET_SIZE = next(_n)  # its neurons, on whichever lane
SPLITS = next(_n)  # FIXED_OUTDEGREE: the target population is cut into 2**SPLITS parts
NUMBER = next(_n)  # FIXED_OUTDEGREE: synapses of each source
SKIP_SELF = next(_n)  # 1 where both populations are one and autapses are off, else 0
BLOCK_SIZE = next(_n)  # neurons of a block
N_BLOCKS = next(_n)  # blocks of the target population, on whichever lane
SLOT_OF_BLOCK_AT = next(_n)  # int32[N_BLOCKS]: slot of a block's first neuron (in the channel), -1: elsewhere
HERE_AT = next(_n)  # int32[2**SPLITS + 1]: how many of the parts before this one have a neuron on the lane
N_RUNS = next(_n)  # blocks of the target population on the lane
RUNS_AT = next(_n)  # int64[N_RUNS, 3]: index of its first neuron in the population, neurons, slot of the first
WEIGHT = next(_n)  # in quanta, where there is no table
WEIGHT_TABLE_AT = next(_n)  # int64[65537] as in writer.Draws, 0: none
FACTOR = next(_n)  # on the weight, in 2**-20
DELAY = next(_n)  # in steps, where there is no table
DELAY_TABLE_AT = next(_n)  # int64[65537] as in writer.Draws, 0: none
OWN_DELAY = next(_n)  # tract delay of the pair in steps, 0: none
MAX_DELAY = next(_n)  # of the projection, in steps
FIELDS = (next(_n) + 7) // 8 * 8

TABLE_SIZE = 65_537
"""Entries of a table of weights or delays."""

# --- GPUs ----------------------------------------------------------------------------------------------------------
SHARED_ROWS = 4096
"""Rings of at most so many rows have their events counted in shared memory, 4 bytes per row and block."""
MOST_SPLITS = 32
"""Above every SPLITS, as populations have fewer than 2**32 neurons."""
ORDERED_NUMBER = 65_535
"""Most synapses of a source whose counts per part fit 16 bits."""
NARROW = 256
"""Pairs of at most so many synapses of a source are drawn 32 at a time."""
