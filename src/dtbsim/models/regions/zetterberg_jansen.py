"""Zetterberg-Jansen model of a cortical column (Zetterberg et al. 1978; Moran et al. 2007)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from dtbsim.models.base import Values
from dtbsim.models.region_model import RegionModel
from dtbsim.models.region_tables import Noise, Output, Read, RegionInput, RegionState
from dtbsim.models.regions.jansen_rit import firing
from dtbsim.models.tables import Parameter


class ZetterbergJansen(RegionModel):
    """As Jansen-Rit, with synapses of inhibitory interneurons on each other, and input to all three populations."""

    name = "zetterberg_jansen"
    summary = "Zetterberg-Jansen column: pyramidal and stellate cells, inhibitory interneurons that inhibit each other"
    citation = (
        "Zetterberg, Kristiansson, Mossberg 1978 (doi:10.1007/BF00337367); "
        "Moran et al. 2007 (doi:10.1016/j.neuroimage.2007.05.032)"
    )
    equations = (
        "v1'' = H_e k_e (gamma_1 S(v2 - v3) + gamma_1T (U + in_network)) - 2 k_e v1' - k_e^2 v1\n"
        "v2'' = H_e k_e (gamma_2 S(v1) + gamma_2T (P + in_network + I_stim)) - 2 k_e v2' - k_e^2 v2\n"
        "v3'' = H_i k_i gamma_4 S(v4 - v5) - 2 k_i v3' - k_i^2 v3\n"
        "v4'' = H_e k_e (gamma_3 S(v2 - v3) + gamma_3T (Q + in_network)) - 2 k_e v4' - k_e^2 v4\n"
        "v5'' = H_i k_i gamma_5 S(v4 - v5) - 2 k_i v5' - k_i^2 v5\n"
        "S(v) = 2 e_0 / (1 + exp(rho_1 (rho_2 - v)))"
    )
    parameters = (
        Parameter("H_e_mV", "mV", 3.25, "largest excitatory postsynaptic potential", low=0.0),
        Parameter("H_i_mV", "mV", 22.0, "largest inhibitory postsynaptic potential", low=0.0),
        Parameter("k_e_per_ms", "1/ms", 0.1, "rate of excitatory synapses", low=0.0, open_low=True),
        Parameter("k_i_per_ms", "1/ms", 0.05, "rate of inhibitory synapses", low=0.0, open_low=True),
        Parameter("e_0_per_ms", "1/ms", 0.0025, "half of the largest firing rate", low=0.0),
        Parameter("rho_1_per_mV", "1/mV", 0.56, "steepness of the sigmoid", low=0.0, open_low=True),
        Parameter("rho_2_mV", "mV", 6.0, "potential of half the largest firing rate"),
        Parameter("gamma_1", "1", 135.0, "pyramidal to stellate cells", low=0.0),
        Parameter("gamma_2", "1", 108.0, "stellate to pyramidal cells", low=0.0),
        Parameter("gamma_3", "1", 33.75, "pyramidal cells to inhibitory interneurons", low=0.0),
        Parameter("gamma_4", "1", 33.75, "inhibitory interneurons to pyramidal cells", low=0.0),
        Parameter("gamma_5", "1", 15.0, "inhibitory interneurons to each other", low=0.0),
        Parameter("gamma_1T", "1", 1.0, "input to stellate cells", low=0.0),
        Parameter("gamma_2T", "1", 1.0, "input to pyramidal cells", low=0.0),
        Parameter("gamma_3T", "1", 1.0, "input to inhibitory interneurons", low=0.0),
        Parameter("P_per_ms", "1/ms", 0.12, "mean input rate to pyramidal cells"),
        Parameter("U_per_ms", "1/ms", 0.12, "mean input rate to stellate cells"),
        Parameter("Q_per_ms", "1/ms", 0.12, "mean input rate to inhibitory interneurons"),
    )
    states = (
        RegionState("v1", "mV", "excitatory potential of stellate cells", default=0.1),
        RegionState("y1", "mV/ms", "derivative of v1"),
        RegionState("v2", "mV", "excitatory potential of pyramidal cells", default=15.0),
        RegionState("y2", "mV/ms", "derivative of v2"),
        RegionState("v3", "mV", "inhibitory potential of pyramidal cells", default=10.0),
        RegionState("y3", "mV/ms", "derivative of v3"),
        RegionState("v4", "mV", "excitatory potential of interneurons", default=5.0),
        RegionState("y4", "mV/ms", "derivative of v4"),
        RegionState("v5", "mV", "inhibitory potential of interneurons", default=2.0),
        RegionState("y5", "mV/ms", "derivative of v5"),
    )
    inputs = (RegionInput("network", "1/ms", "firing rates of other regions"),)
    outputs = (
        Output("v_mV", "mV", "potential of pyramidal cells, v2 - v3"),
        Output("v_i_mV", "mV", "potential of inhibitory interneurons, v4 - v5"),
    )
    couples = (("v_mV", "network"),)
    coupling = "jansen_rit"
    functions = (firing,)
    noise = (Noise("in_network", sigma=0.05),)
    integrator = "heun"
    stimulus_unit = "1/ms"
    reads = (
        Read("bold", "v_mV", "net postsynaptic potential of pyramidal cells"),
        Read("eeg", "v_mV", "potential of pyramidal cells"),
        Read("meg", "v_mV", "potential of pyramidal cells, whose currents make the field"),
        Read("lfp", "v_mV", "potential of pyramidal cells"),
    )
    equivalents = (("TVB", "ZetterbergJansen"),)

    def largest_dt_ms(self, p: Values) -> float | npt.NDArray[np.float64]:
        """Explicit schemes are stable below twice the time constant of the faster synapses."""
        return 2.0 / np.maximum(p["k_e_per_ms"], p["k_i_per_ms"])

    @staticmethod
    def derivatives(
        v1: float,
        y1: float,
        v2: float,
        y2: float,
        v3: float,
        y3: float,
        v4: float,
        y4: float,
        v5: float,
        y5: float,
        in_network: float,
        I_stim: float,
        H_e_mV: float,
        H_i_mV: float,
        k_e_per_ms: float,
        k_i_per_ms: float,
        e_0_per_ms: float,
        rho_1_per_mV: float,
        rho_2_mV: float,
        gamma_1: float,
        gamma_2: float,
        gamma_3: float,
        gamma_4: float,
        gamma_5: float,
        gamma_1T: float,
        gamma_2T: float,
        gamma_3T: float,
        P_per_ms: float,
        U_per_ms: float,
        Q_per_ms: float,
    ) -> tuple[float, float, float, float, float, float, float, float, float, float]:
        """Five second-order filters of firing rates."""
        pyramidal = firing(v2 - v3, e_0_per_ms, rho_1_per_mV, rho_2_mV)
        stellate = firing(v1, e_0_per_ms, rho_1_per_mV, rho_2_mV)
        inhibitory = firing(v4 - v5, e_0_per_ms, rho_1_per_mV, rho_2_mV)
        to_stellate = gamma_1 * pyramidal + gamma_1T * (U_per_ms + in_network)
        to_pyramidal = gamma_2 * stellate + gamma_2T * (P_per_ms + in_network + I_stim)
        to_inhibitory = gamma_3 * pyramidal + gamma_3T * (Q_per_ms + in_network)
        excitatory = H_e_mV * k_e_per_ms
        inhibition = H_i_mV * k_i_per_ms * inhibitory
        return (
            y1,
            excitatory * to_stellate - k_e_per_ms * (2.0 * y1 + k_e_per_ms * v1),
            y2,
            excitatory * to_pyramidal - k_e_per_ms * (2.0 * y2 + k_e_per_ms * v2),
            y3,
            gamma_4 * inhibition - k_i_per_ms * (2.0 * y3 + k_i_per_ms * v3),
            y4,
            excitatory * to_inhibitory - k_e_per_ms * (2.0 * y4 + k_e_per_ms * v4),
            y5,
            gamma_5 * inhibition - k_i_per_ms * (2.0 * y5 + k_i_per_ms * v5),
        )

    @staticmethod
    def output(v2: float, v3: float, v4: float, v5: float) -> tuple[float, float]:
        """Net potentials."""
        return v2 - v3, v4 - v5
