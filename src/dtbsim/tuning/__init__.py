"""Tuning: from given numbers to a working point: rates at their targets, below the edge of global synchrony.

`keys` says which numbers are turned, `observe` what is seen of a run, `bench` simulates settings through the sweep,
`solve` turns drives until rates are at their targets, `edge` reads a scan of couplings, `scan` conducts it, `written`
puts the numbers into the text of the configuration, `conduct` brings them together.
"""

from __future__ import annotations

from dtbsim.tuning.conduct import tune
from dtbsim.tuning.result import Tuned

__all__ = ["Tuned", "tune"]
