"""Neuron of IBM's TrueNorth with its deterministic modes, in whole numbers."""

from __future__ import annotations

from dtbsim.models.base import Constants, NeuronModel, Values
from dtbsim.models.tables import Derived, Parameter, Receptor, State

_LARGEST = 2**18 - 1


class TrueNorth(NeuronModel):
    """The neuron of Cassidy et al. 2013 without its random numbers."""

    name = "truenorth"
    summary = "Integrate-and-fire neuron of the TrueNorth chip, in whole numbers (deterministic modes)"
    citation = (
        "Cassidy et al. 2013 (doi:10.1109/IJCNN.2013.6707077); limits of v, and that a leak does not cross 0, as in "
        "NeMo (Plagge et al. 2016, doi:10.1145/2901378.2901392)"
    )
    integration = (
        "one tick of the chip a step, whatever dt_ms is: the weights of the spikes of the tick are added to v, "
        "then the leak, then v is compared. With leak_reversal the leak has the sign of v, does nothing at 0 and "
        "stops there. Where v >= threshold the neuron spikes and v becomes reset (reset_mode 0), v - threshold "
        "(1) or stays (2); else where v < -negative_threshold, v becomes -negative_threshold with "
        "negative_saturates, and without it -reset (0), v + negative_threshold (1) or stays (2). v stays within "
        "393216. Weights are whole numbers; a neuron of the chip has four of them, from -255 to 255, one for each "
        "type of axon. A delay of d steps is one of d ticks, of which the chip has 1 to 15. Left out are the "
        "stochastic modes: synapses, leak and threshold that random numbers decide"
    )
    equations = (
        "v = v + sum_k w_k\n"
        "v = v + leak (leak_reversal: + sgn(v) leak)\n"
        "v >= threshold:  spike and reset;  v < -negative_threshold:  negative reset"
    )
    parameters = (
        Parameter("leak", "1", 0.0, "what is added in every tick", low=-255, high=255, whole=True),
        Parameter("leak_reversal", "1", 0.0, "1: the leak has the sign of v", low=0, high=1, whole=True),
        Parameter("threshold", "1", 100.0, "threshold (alpha)", low=0, high=_LARGEST, whole=True),
        Parameter(
            "negative_threshold", "1", 0.0, "size of the negative threshold (beta)", low=0, high=_LARGEST, whole=True
        ),
        Parameter("reset", "1", 0.0, "v after a spike in reset_mode 0", low=-_LARGEST, high=_LARGEST, whole=True),
        Parameter("reset_mode", "1", 0.0, "0: to reset, 1: by threshold, 2: none", low=0, high=2, whole=True),
        Parameter("negative_saturates", "1", 1.0, "1: v stops at the negative threshold", low=0, high=1, whole=True),
    )
    states = (State("v", "1", "potential"),)
    derived = (
        Derived("with_sign", "1", "leak_reversal"),
        Derived("to_reset", "1", "whether reset_mode is 0"),
        Derived("by_threshold", "1", "whether it is 1"),
    )
    receptors = (Receptor("syn", "1", "jump of v; whole numbers of either sign", channel=0, takes="whole"),)

    def derive(self, p: Values, dt_ms: float) -> Constants:
        """Modes as numbers."""
        return {
            "with_sign": p["leak_reversal"] * 1.0,
            "to_reset": (p["reset_mode"] == 0) * 1.0,
            "by_threshold": (p["reset_mode"] == 1) * 1.0,
        }

    @staticmethod
    def update(
        v: float,
        in_syn: float,
        leak: float,
        with_sign: float,
        threshold: float,
        negative_threshold: float,
        reset: float,
        to_reset: float,
        by_threshold: float,
        negative_saturates: float,
    ) -> tuple[float, bool]:
        """Input, leak, threshold and negative threshold."""
        before = min(max(v + in_syn, -393216.0), 393216.0)
        sign = 1.0 if before > 0.0 else (-1.0 if before < 0.0 else 0.0)
        after = before + (leak if with_sign == 0.0 else sign * leak)
        crossed = with_sign != 0.0 and after * sign < 0.0
        v = 0.0 if crossed else min(max(after, -393216.0), 393216.0)
        spiked = v >= threshold
        reached = reset if to_reset != 0.0 else (v - threshold if by_threshold != 0.0 else v)
        low = -reset if to_reset != 0.0 else (v + negative_threshold if by_threshold != 0.0 else v)
        low = -negative_threshold if negative_saturates != 0.0 else low
        v = reached if spiked else (low if v < -negative_threshold else v)
        return v, spiked
