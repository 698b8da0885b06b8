"""The tables (int64) of lane groups of mean-field regions on a GPU, as `regions.cu` reads them.

Addresses are those of the device. Histories are rings: the value that a step began with is in column step % COLUMNS.
"""

from __future__ import annotations

from dtbsim.kernels import region_blocks as _T
from dtbsim.kernels import region_layout as _R

# functions of sums, and of what is sent
SCALED, LINEAR, SIGMOIDAL = _T.SCALED, _T.LINEAR, _T.SIGMOIDAL
PLAIN, TANH, SIGMOID, SINE, COSINE = _T.PLAIN, _T.TANH, _T.SIGMOID, _T.SINE, _T.COSINE

# a group: STEP is the first of the block, NEXT the first of the one that follows, CHUNK that of the samples
LANES, COLUMNS, STEP, NEXT, CHUNK = range(5)
N_SLOTS, SLOTS_AT, POPULATIONS_AT, N_HISTORIES, HISTORIES_AT, N_SAMPLES, SAMPLES_AT = range(5, 12)
N_DRIVEN, DRIVEN_AT = range(12, 14)
GROUP_FIELDS = 14

# a slot: sums of TARGETS over the entries STARTS[target] to before STARTS[target + 1]
S_HISTORY, S_STARTS, S_SOURCES, S_DELAYS, S_WEIGHTS = range(5)
S_FUNCTION, S_NUMBERS, S_STRENGTH, S_OUT, S_TARGETS = range(5, 10)
SLOT_FIELDS = 10

# a population: which of the models of the text, the table of its kernel, regions times members
P_MODEL, P_TABLE, P_ELEMENTS = range(3)
POPULATION_FIELDS = 3

# a driven input of a population: the table of its kernel, and the drives that act on it, rows one after the other
V_OUT, V_ELEMENTS, V_TABLE, V_DRIVES, V_DRIVES_AT = range(5)
DRIVEN_FIELDS = 5

# a drive on it, as in region_drives.py; here noise is drawn when it is needed
W_WHICH, W_WAVES, W_SDS, W_SPAN, W_FROM, W_TIMES, W_MEMORY, W_PROCESS, W_DRIVE, W_SHARED = range(10)
DRIVE_FIELDS = 10
W_NORMAL, W_NODES, W_SEEDS, W_KEY_1 = _R.NORMAL, _R.ELEMENT_NODES, _R.ELEMENT_SEEDS, _R.KEY_1
"""In the table of the kernel."""

# a history
H_AT, H_SENT, H_SOURCES, H_FUNCTION, H_NUMBERS = range(5)
HISTORY_FIELDS = 5

# a sample: every INTERVAL steps the value, or the mean over them, of COUNT elements
Q_SENT, Q_COUNT, Q_INTERVAL, Q_MEAN, Q_SUM, Q_OUT = range(6)
SAMPLE_FIELDS = 6
