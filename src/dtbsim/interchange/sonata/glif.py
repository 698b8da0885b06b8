"""Parameters of the Allen Institute's GLIF models, as its Cell Types Database gives them, as those of NEST's glif_psc.

The files give coefficients in SI units times fitted factors (`coeffs`); see Teeter et al. 2018
(doi:10.1038/s41467-017-02717-4).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

MECHANISMS = {
    "glif_lif_psc": (False, False, False),
    "glif_lif_r_psc": (True, False, False),
    "glif_lif_asc_psc": (False, True, False),
    "glif_lif_r_asc_psc": (True, True, False),
    "glif_lif_r_asc_a_psc": (True, True, True),
}
"""By the old name of the model: whether spikes raise the threshold, leave currents, and whether it adapts to V."""
TAU_SYN_MS = [5.5, 8.5, 2.8, 5.8]
"""Of the four ports that these models have with BMTK."""
_MV, _PA, _NS, _PF, _PER_MS = 1e3, 1e12, 1e9, 1e12, 1e-3


def as_glif_psc(name: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters of NEST's `glif_psc` from those of a database file. KeyError for one that is missing."""
    raises, currents, adapts = MECHANISMS[name]
    coefficients, reference = given["coeffs"], given["El_reference"]
    rest = (given["El"] + reference) * _MV
    found: dict[str, Any] = {
        "V_m": rest,
        "E_L": rest,
        "V_th": (coefficients["th_inf"] * given["th_inf"] + reference) * _MV,
        "g": coefficients["G"] / given["R_input"] * _NS,
        "C_m": coefficients["C"] * given["C"] * _PF,
        "t_ref": given["spike_cut_length"] * given["dt"] * _MV,
        "tau_syn": list(TAU_SYN_MS),
        "spike_dependent_threshold": raises,
        "after_spike_currents": currents,
        "adapting_threshold": adapts,
    }
    if raises:
        threshold, reset = given["threshold_dynamics_method"]["params"], given["voltage_reset_method"]["params"]
        found |= {
            "th_spike_add": threshold["a_spike"] * _MV,
            "th_spike_decay": threshold["b_spike"] * _PER_MS,
            "voltage_reset_fraction": reset["a"],
            "voltage_reset_add": reset["b"] * _MV,
        }
    else:
        found["V_reset"] = reference * _MV
    if currents:
        factors = zip(given["asc_amp_array"], coefficients["asc_amp_array"], strict=True)
        found |= {
            "asc_init": [value * _PA for value in given["init_AScurrents"]],
            "asc_decay": [_PER_MS / tau for tau in given["asc_tau_array"]],
            "asc_amps": [a * b * _PA for a, b in factors],
        }
    if adapts:
        found |= {
            "th_voltage_index": threshold["a_voltage"] * coefficients["a"] * _PER_MS,
            "th_voltage_decay": threshold["b_voltage"] * coefficients["b"] * _PER_MS,
        }
    return found
