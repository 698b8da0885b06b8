"""Largest counts and times that the engine's tables hold, which a network is checked against when it is compiled."""

from __future__ import annotations

MAX_COUNT = 255
"""Most events of one drive that a neuron gets in one step: a count fits a byte."""
MAX_MEAN = 100.0
"""Largest mean number of Poisson events per step: its 2**-32 tail stays below MAX_COUNT."""
LONGEST_STEPS = 20_000_000
"""Longest time constant of a tabulated decay in steps: of longer ones the table would take too much memory."""
