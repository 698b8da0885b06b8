"""The table of addresses and sizes (int64) that a compiled region kernel gets.

An element is a region in one member of an ensemble: element k = region * L + lane, M = N * L elements. All arrays of
values are float32, their last axis the elements.
"""

from __future__ import annotations

NODES = 0
"""Number of regions, N."""
LANES = 1
"""Number of members, L."""
STATES = 2
"""Address of states [row of the variant, M]."""
SCALARS = 3
"""Address of the scalar constants, in the order of the variant."""
KEY_0 = 4
KEY_1 = 5
"""Words of the seed."""
NORMAL = 6
"""Address of the table of normal quantiles, float32[65537]."""
NODE_KEYS = 7
"""Address of uint32[N]: number of each region in the whole network, for noise shared by members."""
ELEMENT_NODES = 8
"""Address of uint32[M]: number of the region of each element."""
ELEMENT_SEEDS = 9
"""Address of uint32[M]: low word of the seed of each element's member; the high word is the same for all."""
NUMBERS = 10
"""Address of normal numbers [noise term, 4, M] of steps 4 g to 4 g + 3."""
DRAWN = 11
"""Address of int64[N]: the g for which each region's numbers have been drawn, -1: none."""
WORDS = 12
"""Address of uint32[4, M], room for random words."""
STIMULUS = 13
"""Address of drives [row, M]."""
FIRST = 14
"""Then addresses: of sums [row, M] for each slot, of sent variables [row, M], of array constants [M]; then for each own
delay the address of its line [steps, M] and the number of its steps."""

CHUNK = 256
"""About so many elements are taken through all steps together, so that they stay in the first-level cache."""
