"""A small configuration for tests of the Python interface."""

from __future__ import annotations

from typing import Any

import dtbsim


def config(**changed: Any) -> dtbsim.RunConfig:
    return dtbsim.RunConfig(
        name="small",
        simulation=dtbsim.Simulation(dt_ms=0.5, duration_ms=20, threads=1),
        populations={"E": dtbsim.Population(model="iaf_psc_exp", size=20, parameters={"I_e_pA": 1000})},
        **changed,
    )
