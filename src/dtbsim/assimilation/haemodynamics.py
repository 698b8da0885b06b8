"""Haemodynamic states of all members beside each other, as values that a filter may move."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dtbsim.signals.bold import INFLOW_FLOOR, BalloonWindkessel
from dtbsim.spec.records import BoldRecord

F64 = NDArray[np.float64]
STATE_NAMES = ("s", "log_f", "log_v", "log_q")
"""Vasodilatory signal; logarithms of inflow, volume and deoxyhaemoglobin, which are positive."""
_LOWEST, _HIGHEST = np.log(INFLOW_FLOOR), np.log(1e3)


class Haemodynamics:
    """`BalloonWindkessel` of members by regions."""

    def __init__(self, record: BoldRecord, dt_ms: float, members: int, regions: int) -> None:
        self._shape = members, regions
        bin_s = record.bin_steps(dt_ms) * dt_ms * 1e-3
        tr_s = record.tr * dt_ms * 1e-3
        self._model = BalloonWindkessel(members * regions, dt_s=bin_s, tr_s=tr_s, signed=True, **record.parameters)

    def advance(self, drive: F64) -> F64:
        """Take one volume, float64[bins, members, regions] in Hz; returns BOLD, float64[members, regions]."""
        found: F64 = self._model.step(drive.reshape(len(drive), -1))[0].reshape(self._shape)
        return found

    def states(self) -> F64:
        """float64[members, regions, 4], see STATE_NAMES."""
        s, excess, v, q = self._model.get_state()["state"]
        f = np.maximum(1.0 + excess, INFLOW_FLOOR)
        return np.stack([s, np.log(f), np.log(v), np.log(q)], axis=-1).reshape(*self._shape, 4)

    def set_states(self, values: F64) -> None:
        """Set what `states` returns."""
        s, f, v, q = np.moveaxis(values, -1, 0).reshape(4, -1)
        f, v, q = (np.exp(np.clip(one, _LOWEST, _HIGHEST)) for one in (f, v, q))
        saved = self._model.get_state()
        self._model.set_state(saved | {"state": np.vstack([s, f - 1.0, v, q])})

    def save(self) -> dict[str, F64]:
        """All that going on needs."""
        return self._model.get_state()

    def load(self, state: dict[str, F64]) -> None:
        """Go on from there."""
        self._model.set_state(state)
