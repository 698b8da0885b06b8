"""Epileptor, six-dimensional (Jirsa et al. 2014)."""

from __future__ import annotations

from dtbsim.models.region_model import RegionModel
from dtbsim.models.region_tables import Noise, Output, Read, RegionInput, RegionState
from dtbsim.models.tables import Parameter


def seventh(z: float) -> float:
    """z^7."""
    square = z * z
    return square * square * square * z


class Epileptor(RegionModel):
    """Fast discharges (x1, y1), spikes and waves (x2, y2), slow permittivity z that starts and ends seizures."""

    name = "epileptor"
    summary = "Epileptor: seizures that start and end by themselves, in six dimensions"
    citation = (
        "Jirsa et al. 2014 (doi:10.1093/brain/awu133); coupling: Proix et al. 2014 (doi:10.1523/JNEUROSCI.1786-14.2014)"
    )
    equations = (
        "dx1/dt = tt (y1 - z + I_ext + I_stim + K_vf in_x1 + f1(x1, x2, z) x1)\n"
        "dy1/dt = tt (c - d x1^2 - y1)\n"
        "dz/dt  = tt r (s (x1 - x0) - z - 0.1 z^7 [z < 0] + K_s in_x1)\n"
        "dx2/dt = tt (-y2 + x2 - x2^3 + I_ext2 + bb g - 0.3 (z - 3.5) + K_f in_x2)\n"
        "dy2/dt = (tt / tau) (-y2 + aa (x2 + 0.25) [x2 >= -0.25])\n"
        "dg/dt  = -0.01 tt (g - 0.1 x1)\n"
        "f1 = -a x1^2 + b x1 for x1 < 0, else slope - x2 + 0.6 (z - 4)^2"
    )
    parameters = (
        Parameter("x0", "1", -1.6, "excitability; seizures above about -2.06"),
        Parameter("a", "1", 1.0, "factor of the cubic term of x1"),
        Parameter("b", "1", 3.0, "factor of the quadratic term of x1"),
        Parameter("c", "1", 1.0, "offset of y1"),
        Parameter("d", "1", 5.0, "factor of x1^2 in y1"),
        Parameter("r", "1", 0.00035, "rate of the permittivity in units of the fast ones", low=0.0),
        Parameter("s", "1", 4.0, "factor of x1 - x0"),
        Parameter("I_ext", "1", 3.1, "input to the first population"),
        Parameter("slope", "1", 0.0, "linear term of the first population during seizures"),
        Parameter("I_ext2", "1", 0.45, "input to the second population"),
        Parameter("tau", "1", 10.0, "time constant of y2", low=0.0, open_low=True),
        Parameter("aa", "1", 6.0, "factor of x2 in y2"),
        Parameter("bb", "1", 2.0, "how g acts on the second population"),
        Parameter("K_vf", "1", 0.0, "coupling to the first population, on the fastest time scale"),
        Parameter("K_f", "1", 0.0, "coupling to the second population"),
        Parameter("K_s", "1", 0.0, "coupling to the permittivity"),
        Parameter("tt_per_ms", "1/ms", 1.0, "unit of time", low=0.0, open_low=True),
    )
    states = (
        RegionState("x1", "1", "first population, fast discharges", default=-1.5),
        RegionState("y1", "1", "recovery of the first population", default=-10.0),
        RegionState("z", "1", "permittivity", default=3.5),
        RegionState("x2", "1", "second population, spikes and waves", default=-1.0),
        RegionState("y2", "1", "recovery of the second population", default=0.0),
        RegionState("g", "1", "low-pass filtered x1", default=-0.15),
    )
    inputs = (
        RegionInput("x1", "1", "weighted differences of x1 to other regions"),
        RegionInput("x2", "1", "weighted differences of x2 to other regions"),
    )
    outputs = (Output("lfp", "1", "field potential, x2 - x1"),)
    couples = (("x1", "x1"), ("x2", "x2"))
    coupling = "difference"
    functions = (seventh,)
    noise = (Noise("x2", sigma=0.025), Noise("y2", sigma=0.025))
    integrator = "heun"
    reads = (
        Read("bold", "x1", "the fast population does most of the work"),
        Read("eeg", "lfp", "field potential of the model, as in the paper"),
        Read("meg", "lfp", "field potential of the model, as in the paper"),
        Read("lfp", "lfp", "field potential of the model, as in the paper"),
    )
    equivalents = (("TVB", "Epileptor"),)

    @staticmethod
    def derivatives(
        x1: float,
        y1: float,
        z: float,
        x2: float,
        y2: float,
        g: float,
        in_x1: float,
        in_x2: float,
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
        I_ext2: float,
        tau: float,
        aa: float,
        bb: float,
        K_vf: float,
        K_f: float,
        K_s: float,
        tt_per_ms: float,
    ) -> tuple[float, float, float, float, float, float]:
        """Two populations, their slow variable and a filter."""
        seizure = slope - x2 + 0.6 * (z - 4.0) * (z - 4.0)
        f1 = x1 * (b - a * x1) if x1 < 0.0 else seizure
        limit = -0.1 * seventh(z) if z < 0.0 else 0.0
        waves = aa * (x2 + 0.25) if x2 >= -0.25 else 0.0
        return (
            tt_per_ms * (y1 - z + I_ext + I_stim + K_vf * in_x1 + f1 * x1),
            tt_per_ms * (c - d * x1 * x1 - y1),
            tt_per_ms * r * (s * (x1 - x0) + limit - z + K_s * in_x1),
            tt_per_ms * (x2 - x2 * x2 * x2 - y2 + I_ext2 + bb * g - 0.3 * (z - 3.5) + K_f * in_x2),
            tt_per_ms * (waves - y2) / tau,
            -0.01 * tt_per_ms * (g - 0.1 * x1),
        )

    @staticmethod
    def output(x1: float, x2: float) -> float:
        """The field potential."""
        return x2 - x1
