"""Everything that can be wrong with delays and distributions of a projection: see `spec_error_cases`."""

from __future__ import annotations

PROJECTION = "projections.NN"

DISTRIBUTIONS: dict[str, tuple[dict[str, str], str, str, str | None]] = {
    "short delay": (
        {f"{PROJECTION}.delay_ms": "{distribution: uniform, low: 0.04, high: 1}"},
        "delays down to 0.04 ms are shorter than one step (dt_ms = 0.1)",
        f"{PROJECTION}.delay_ms",
        "give delays of at least 0.1 ms",
    ),
    "short tail": (
        {f"{PROJECTION}.delay_ms": "{distribution: normal, mean: 1, sd: 1}"},
        "delays down to -3.6",
        f"{PROJECTION}.delay_ms",
        "give a bound, low: 0.1; what is below is drawn again, or taken as 0.1 ms with outside: clip",
    ),
    "short lognormal": (
        {f"{PROJECTION}.delay_ms": "{distribution: lognormal, mean: 1.5, sd: 1.5}"},
        "delays down to 0.0229",
        f"{PROJECTION}.delay_ms",
        "give a bound, low: 0.1; what is below is drawn again, or taken as 0.1 ms with outside: clip",
    ),
    "bounded on the other side": (
        {f"{PROJECTION}.delay_ms": "{distribution: lognormal, mean: 1.5, sd: 1.5, high: 9, outside: clip}"},
        "delays down to 0.0229",
        f"{PROJECTION}.delay_ms",
        "give a bound, low: 0.1",
    ),
    "short exponential": (
        {f"{PROJECTION}.delay_ms": "{distribution: exponential, mean: 1.5, high: 9}"},
        "delays down to 0 ms are shorter than one step",
        f"{PROJECTION}.delay_ms",
        "shift it, low: 0.1",
    ),
    "long delay": (
        {f"{PROJECTION}.delay_ms": "30", "simulation.max_delay_ms": "20"},
        "delays up to 30 ms are beyond the maximum of 20 ms",
        f"{PROJECTION}.delay_ms",
        "raise simulation.max_delay_ms or give shorter delays",
    ),
    "long tail": (
        {f"{PROJECTION}.delay_ms": "{distribution: exponential, mean: 5, low: 1}", "simulation.max_delay_ms": "20"},
        "delays up to 66.",
        f"{PROJECTION}.delay_ms",
        "bound the distribution, for example with high: 20, or raise simulation.max_delay_ms",
    ),
    "too many steps": (
        {f"{PROJECTION}.delay_ms": "7000", "simulation.max_delay_ms": "8000"},
        "delays up to 7000 ms are beyond the maximum of 6553.5 ms",
        f"{PROJECTION}.delay_ms",
        "give shorter delays",
    ),
    "long tracts": (
        {"projections.EE.delay_ms": "{tract_velocity_m_per_s: 0.1}"},
        "delays up to 1750 ms are beyond the maximum of 1000 ms",
        "projections.EE.delay_ms",
        "raise simulation.max_delay_ms or give shorter delays",
    ),
    "delay distribution": (
        {f"{PROJECTION}.delay_ms": "{distribution: truncated_normal, mean: 1, sd: 0.01, low: 5}"},
        "never falls within low 5",
        f"{PROJECTION}.delay_ms",
        "move the bounds towards the mean",
    ),
    "lognormal delays": (
        {f"{PROJECTION}.delay_ms": "{distribution: lognormal, mean: 1, sd: 0.01, low: 5, outside: clip}"},
        "a lognormal with mean 1 and sd 0.01 never falls within low 5",
        f"{PROJECTION}.delay_ms",
        "move the bounds towards the mean",
    ),
    "weight distribution": (
        {f"{PROJECTION}.weight_pA": "{distribution: truncated_normal, mean: 1, sd: 0.01, high: 0}"},
        "never falls within high 0",
        f"{PROJECTION}.weight_pA",
        "move the bounds towards the mean",
    ),
}
