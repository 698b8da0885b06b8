"""What an assimilation was asked for."""

from __future__ import annotations

import dataclasses
import hashlib
import json

import numpy as np

from dtbsim.assimilation.parameters import Free
from dtbsim.assimilation.settings import Settings
from dtbsim.config import RunConfig
from dtbsim.config.plain import plain
from dtbsim.data import Series


@dataclasses.dataclass(frozen=True)
class Asked:
    """What was asked for."""

    config: RunConfig
    series: Series
    regional: tuple[Free, ...]
    shared: tuple[Free, ...]
    settings: Settings
    hold_out_s: float | None
    tr_ms: float

    def digest(self) -> str:
        """The SHA-256 of everything on which results depend."""
        config = plain(self.config)
        for key in ("threads", "backend", "partitioner"):
            config["simulation"].pop(key, None)
        told = {
            "config": config,
            "free": [dataclasses.astuple(one) for one in (*self.regional, *self.shared)],
            "regional": len(self.regional),
            "settings": dataclasses.asdict(self.settings),
            "hold_out_s": self.hold_out_s,
            "tr_ms": self.tr_ms,
            "labels": self.series.labels,
            "bold": hashlib.sha256(np.ascontiguousarray(self.series.values).tobytes()).hexdigest(),
        }
        return hashlib.sha256(json.dumps(told, sort_keys=True, default=repr).encode()).hexdigest()
