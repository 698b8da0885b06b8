"""Epileptor reduced to two dimensions (Proix et al. 2014)."""

from __future__ import annotations

from dtbsim.models.region_model import RegionModel
from dtbsim.models.region_tables import Noise, Read, RegionInput, RegionState
from dtbsim.models.regions.epileptor import seventh
from dtbsim.models.tables import Parameter


class Epileptor2d(RegionModel):
    """The fast population x1 without discharges, and the permittivity z: onset and end of seizures."""

    name = "epileptor_2d"
    summary = "Epileptor in two dimensions: onset, end and spread of seizures"
    citation = "Proix et al. 2014 (doi:10.1523/JNEUROSCI.1786-14.2014)"
    equations = (
        "dx1/dt = tt (c - z + I_ext + I_stim + K_vf in_x1 - f(x1, z) x1)\n"
        "dz/dt  = tt r (s (x1 - x0) - z - 0.1 z^7 [z < 0] + K_s in_x1)\n"
        "f = a x1^2 + (d - b) x1 for x1 < 0, else d x1 - slope - 0.6 (z - 4)^2"
    )
    parameters = (
        Parameter("x0", "1", -1.6, "excitability; seizures above -2.062"),
        Parameter("a", "1", 1.0, "factor of the cubic term of x1"),
        Parameter("b", "1", 3.0, "factor of the quadratic term of x1"),
        Parameter("c", "1", 1.0, "offset of x1"),
        Parameter("d", "1", 5.0, "factor of x1^2 of the reduced variable"),
        Parameter("r", "1", 0.00035, "rate of the permittivity in units of the fast one", low=0.0),
        Parameter("s", "1", 4.0, "factor of x1 - x0"),
        Parameter("I_ext", "1", 3.1, "input to the population"),
        Parameter("slope", "1", 0.0, "linear term during seizures"),
        Parameter("K_vf", "1", 0.0, "coupling to the population"),
        Parameter("K_s", "1", 0.0, "coupling to the permittivity"),
        Parameter("tt_per_ms", "1/ms", 1.0, "unit of time", low=0.0, open_low=True),
    )
    states = (
        RegionState("x1", "1", "population", default=-1.5),
        RegionState("z", "1", "permittivity", default=3.5),
    )
    inputs = (RegionInput("x1", "1", "weighted differences of x1 to other regions"),)
    couples = (("x1", "x1"),)
    coupling = "difference"
    functions = (seventh,)
    noise = (Noise("x1", sigma=0.025),)
    integrator = "heun"
    reads = (
        Read("bold", "x1", "the population's activity"),
        Read("eeg", "x1", "the population's activity, as in the virtual epileptic patient"),
        Read("meg", "x1", "the population's activity"),
        Read("lfp", "x1", "the population's activity"),
    )
    equivalents = (("TVB", "Epileptor2D"),)

    @staticmethod
    def derivatives(
        x1: float,
        z: float,
        in_x1: float,
        I_stim: float,
        x0: float,
        a: float,
        b: float,
        c: float,
        d: float,
        r: float,
        s: float,
        I_ext: float,
        slope: float,
        K_vf: float,
        K_s: float,
        tt_per_ms: float,
    ) -> tuple[float, float]:
        """The population and its slow variable."""
        seizure = d * x1 - slope - 0.6 * (z - 4.0) * (z - 4.0)
        f = x1 * (a * x1 + d - b) if x1 < 0.0 else seizure
        limit = -0.1 * seventh(z) if z < 0.0 else 0.0
        return (
            tt_per_ms * (c - z + I_ext + I_stim + K_vf * in_x1 - f * x1),
            tt_per_ms * r * (s * (x1 - x0) + limit - z + K_s * in_x1),
        )
