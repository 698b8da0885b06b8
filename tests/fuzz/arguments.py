"""Fuzzed arguments of the Python interface."""

from __future__ import annotations

import copy
import os
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
from tests.fuzz.fuzzed import Fuzzed
from tests.fuzz.pieces import changed_data, python_object

import dtbsim

RUN: dict[str, Any] = {
    "simulation": {"dt_ms": 0.5, "duration_ms": 20, "threads": 1},
    "populations": {"E": {"model": "iaf_psc_exp", "size": 10, "parameters": {"I_e_pA": 1000}}},
    "projections": {
        "EE": {"source": "E", "target": ["E"], "rule": "all_to_all", "weight_pA": 1, "delay_ms": 1,
               "synapse": {"kind": "stdp", "weight_max": 2}},
    },
    "drives": {"d": {"kind": "poisson", "target": "E", "rate_hz": 100, "weight_pA": 1}},
    "record": {
        "states": [{"population": "E", "variables": ["V_m_mV"], "neurons": [1, 2], "interval_ms": 1}],
        "weights": [{"projection": "EE.E", "interval_ms": 10}],
        "correlations": [{"first": "E", "second": "E", "tau_max_ms": 2}],
    },
}  # fmt: skip


class Arguments(Fuzzed):
    """Functions and classes of the Python interface with objects that they cannot take."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.run = dtbsim.run(RUN, out=folder / "run").open()
        self.atlas = dtbsim.load_atlas("dk68")
        self.classes = [
            item
            for item in (getattr(dtbsim, name) for name in dtbsim.__all__)
            if isinstance(item, type) and hasattr(item, "model_fields")
        ]

    def case(self, rng: Random) -> None:
        def odd() -> Any:
            return python_object(rng)

        def build() -> Any:
            model = rng.choice(self.classes)
            fields = list(model.model_fields)
            return model(**{rng.choice((*fields, "x")): odd() for _ in range(rng.choice((0, 1, 2, len(fields))))})

        def assign() -> None:
            config = dtbsim.RunConfig(**copy.deepcopy(RUN))
            part = rng.choice((config, config.simulation, config.populations["E"], config.record))
            setattr(part, rng.choice(list(type(part).model_fields)), odd())

        def data() -> Any:
            return changed_data(copy.deepcopy(RUN), rng, python_object)

        calls: list[Callable[[], Any]] = [
            build, build, build, assign,
            lambda: dtbsim.validate(data()), lambda: dtbsim.validate(data()), lambda: dtbsim.validate(odd()),
            lambda: dtbsim.validate(RUN, set=odd()),
            lambda: dtbsim.validate(RUN, set={"populations.E.parameters": odd(), "record.states": odd()}),
            lambda: dtbsim.run(odd(), out=self.folder / "x"),
            lambda: dtbsim.run(RUN, out=odd(), comm=odd(), overwrite=odd(), temporary=odd()),
            lambda: dtbsim.load_config(odd()), lambda: dtbsim.dump_config(odd()), lambda: dtbsim.open_run(odd()),
            lambda: dtbsim.hash_run(odd(), odd()), lambda: dtbsim.write_report(odd()), lambda: dtbsim.load_atlas(odd()),
            lambda: dtbsim.get_model(odd(), odd()), lambda: dtbsim.get_model("glif1_psc", odd()),
            lambda: self.run.spikes(odd(), odd(), odd()), lambda: self.run.spikes("E", odd()),
            lambda: list(self.run.iter_spikes(odd(), None)), lambda: self.run.states(odd()),
            lambda: self.run.weights(odd()), lambda: self.run.correlation(odd()), lambda: self.run.spike_hash(odd()),
            lambda: self.run.spike_trains_neo(odd()),
            lambda: self.atlas.index(odd()), lambda: self.atlas.select(odd()), lambda: self.atlas.map(odd()),
            lambda: self.atlas.empirical_fc(odd()), lambda: self.atlas.incoming(odd()),
            lambda: self.atlas.subset(odd()),
            lambda: dtbsim.atlas.Atlas(
                **({"name": "x", "region_names": ["a", "b"], "xyz_mm": np.zeros((2, 3)), "weights": np.zeros((2, 2))}
                   | {rng.choice(("name", "region_names", "xyz_mm", "weights", "lengths_mm", "maps", "labels", "fc",
                                  "fc_tr_s", "hemisphere", "lead_field", "notes", "is_cortex", "lengths_source",
                                  "display_names", "other_fc", "fcd")): odd()})
            ),
        ]  # fmt: skip
        os.chdir(self.folder)
        made = rng.choice(calls)()
        if made is not None and type(made).__module__.startswith("dtbsim"):
            repr(made)
