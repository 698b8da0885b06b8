"""Larter-Breakspear model of a cortical column (Breakspear et al. 2003)."""

from __future__ import annotations

from math import tanh

from dtbsim.models.region_model import RegionModel
from dtbsim.models.region_tables import Noise, Output, Read, RegionInput, RegionState
from dtbsim.models.tables import Parameter


def open_share(v: float, middle: float, width: float) -> float:
    """Share of channels that are open, or of cells that fire, at a potential."""
    return 0.5 * (1.0 + tanh((v - middle) / width))


class LarterBreakspear(RegionModel):
    """Conductances of sodium, potassium and calcium in pyramidal cells, and inhibitory interneurons; chaotic."""

    name = "larter_breakspear"
    summary = "Larter-Breakspear column: conductance-based pyramidal cells and interneurons, chaotic oscillations"
    citation = "Breakspear, Terry, Friston 2003 (doi:10.1088/0954-898X_14_4_305); Alstott et al. 2009"
    equations = (
        "dV/dt = t_scale (-(g_Ca + (1 - C) r_NMDA a_ee Q_V + C r_NMDA a_ee in_Q) m_Ca (V - V_Ca)\n"
        "        - g_K W (V - V_K) - g_L (V - V_L)\n"
        "        - (g_Na m_Na + (1 - C) a_ee Q_V + C a_ee in_Q) (V - V_Na) - a_ie Z Q_Z + a_ne (I_ext + I_stim))\n"
        "dW/dt = t_scale phi (m_K - W) / tau_K\n"
        "dZ/dt = t_scale b (a_ni (I_ext + I_stim) + a_ei V Q_V)\n"
        "m_x = (1 + tanh((V - T_x) / d_x)) / 2,  Q_V = Q_Vmax (1 + tanh((V - V_T) / d_V)) / 2,  Q_Z likewise of Z"
    )
    parameters = (
        Parameter("g_Ca", "1", 1.1, "conductance of calcium channels", low=0.0),
        Parameter("g_K", "1", 2.0, "conductance of potassium channels", low=0.0),
        Parameter("g_L", "1", 0.5, "leak conductance", low=0.0),
        Parameter("g_Na", "1", 6.7, "conductance of sodium channels", low=0.0),
        Parameter("phi", "1", 0.7, "temperature factor of potassium channels", low=0.0),
        Parameter("tau_K", "1", 1.0, "time constant of potassium channels", low=0.0, open_low=True),
        Parameter("T_Ca", "1", -0.01, "threshold of calcium channels"),
        Parameter("T_K", "1", 0.0, "threshold of potassium channels"),
        Parameter("T_Na", "1", 0.3, "threshold of sodium channels"),
        Parameter("d_Ca", "1", 0.15, "spread of the thresholds of calcium channels", low=0.0, open_low=True),
        Parameter("d_K", "1", 0.3, "spread of the thresholds of potassium channels", low=0.0, open_low=True),
        Parameter("d_Na", "1", 0.15, "spread of the thresholds of sodium channels", low=0.0, open_low=True),
        Parameter("V_Ca", "1", 1.0, "reversal potential of calcium"),
        Parameter("V_K", "1", -0.7, "reversal potential of potassium"),
        Parameter("V_L", "1", -0.5, "reversal potential of the leak"),
        Parameter("V_Na", "1", 0.53, "reversal potential of sodium"),
        Parameter("a_ee", "1", 0.4, "excitatory to excitatory synapses"),
        Parameter("a_ei", "1", 2.0, "excitatory to inhibitory synapses"),
        Parameter("a_ie", "1", 2.0, "inhibitory to excitatory synapses"),
        Parameter("a_ne", "1", 1.0, "unspecific input to excitatory cells"),
        Parameter("a_ni", "1", 0.4, "unspecific input to inhibitory cells"),
        Parameter("b", "1", 0.1, "rate of the inhibitory cells"),
        Parameter("C", "1", 0.1, "share of excitation that comes from other regions", low=0.0, high=1.0),
        Parameter("I_ext", "1", 0.3, "unspecific input"),
        Parameter("r_NMDA", "1", 0.25, "NMDA receptors to AMPA receptors", low=0.0),
        Parameter("V_T", "1", 0.0, "threshold of excitatory cells"),
        Parameter("d_V", "1", 0.65, "spread of the thresholds of excitatory cells", low=0.0, open_low=True),
        Parameter("Z_T", "1", 0.0, "threshold of inhibitory cells"),
        Parameter("d_Z", "1", 0.7, "spread of the thresholds of inhibitory cells", low=0.0, open_low=True),
        Parameter("Q_Vmax", "1", 1.0, "largest rate of excitatory cells", low=0.0),
        Parameter("Q_Zmax", "1", 1.0, "largest rate of inhibitory cells", low=0.0),
        Parameter("t_scale_per_ms", "1/ms", 1.0, "unit of time", low=0.0, open_low=True),
    )
    states = (
        RegionState("V", "1", "potential of pyramidal cells", default=-0.2),
        RegionState("W", "1", "open potassium channels", default=0.1),
        RegionState("Z", "1", "potential of inhibitory cells", default=0.1),
    )
    inputs = (RegionInput("Q", "1", "weighted rates Q_V of other regions"),)
    outputs = (
        Output("Q_V", "1", "rate of excitatory cells"),
        Output("Q_Z", "1", "rate of inhibitory cells"),
    )
    couples = (("Q_V", "Q"),)
    functions = (open_share,)
    noise = (Noise("V", sigma=0.001),)
    integrator = "heun"
    reads = (
        Read("bold", "Q_V", "rate of excitatory cells"),
        Read("eeg", "V", "potential of pyramidal cells"),
        Read("meg", "V", "potential of pyramidal cells"),
        Read("lfp", "V", "potential of pyramidal cells"),
        Read("rate", "Q_V", "rate of excitatory cells in units of its largest value"),
    )
    equivalents = (("TVB", "LarterBreakspear"),)

    @staticmethod
    def derivatives(
        V: float,
        W: float,
        Z: float,
        in_Q: float,
        I_stim: float,
        g_Ca: float,
        g_K: float,
        g_L: float,
        g_Na: float,
        phi: float,
        tau_K: float,
        T_Ca: float,
        T_K: float,
        T_Na: float,
        d_Ca: float,
        d_K: float,
        d_Na: float,
        V_Ca: float,
        V_K: float,
        V_L: float,
        V_Na: float,
        a_ee: float,
        a_ei: float,
        a_ie: float,
        a_ne: float,
        a_ni: float,
        b: float,
        C: float,
        I_ext: float,
        r_NMDA: float,
        V_T: float,
        d_V: float,
        Z_T: float,
        d_Z: float,
        Q_Vmax: float,
        Q_Zmax: float,
        t_scale_per_ms: float,
    ) -> tuple[float, float, float]:
        """Currents through channels and synapses."""
        Q_V = Q_Vmax * open_share(V, V_T, d_V)
        Q_Z = Q_Zmax * open_share(Z, Z_T, d_Z)
        excited = (1.0 - C) * a_ee * Q_V + C * a_ee * in_Q
        given = I_ext + I_stim
        calcium = (g_Ca + r_NMDA * excited) * open_share(V, T_Ca, d_Ca) * (V - V_Ca)
        sodium = (g_Na * open_share(V, T_Na, d_Na) + excited) * (V - V_Na)
        others = g_K * W * (V - V_K) + g_L * (V - V_L) + a_ie * Z * Q_Z - a_ne * given
        return (
            -t_scale_per_ms * (calcium + sodium + others),
            t_scale_per_ms * phi * (open_share(V, T_K, d_K) - W) / tau_K,
            t_scale_per_ms * b * (a_ni * given + a_ei * V * Q_V),
        )

    @staticmethod
    def output(
        V: float, Z: float, V_T: float, d_V: float, Z_T: float, d_Z: float, Q_Vmax: float, Q_Zmax: float
    ) -> tuple[float, float]:
        """Rates of both populations."""
        return Q_Vmax * open_share(V, V_T, d_V), Q_Zmax * open_share(Z, Z_T, d_Z)
