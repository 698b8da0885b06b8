"""What several synapse models share: traces of pairs of spikes, their time constants, powers of a weight."""

from __future__ import annotations

from typing import Any

from dtbsim.models.language.elementary import exp, log
from dtbsim.models.synapses.tables import SynapseParameter, Trace

PLUS = Trace("pre", "source", "tau_plus_ms", read_by="target")
MINUS = Trace("post", "target", "tau_minus_ms", read_by="source")


def time_constant(name: str, default_ms: float, description: str) -> SynapseParameter:
    """A time constant above 0."""
    return SynapseParameter(name, "ms", default_ms, description, low=0, open_low=True)


TAU_PLUS = time_constant("tau_plus_ms", 20.0, "time constant of the trace of the source's spikes")
TAU_MINUS = time_constant("tau_minus_ms", 20.0, "time constant of the trace of the target's spikes")


def power(x: Any, y: Any) -> Any:
    """x ** y for 0 <= x, 0 <= y: exact for y = 0 and 1, else exp(y log x). Without branches, to vectorise."""
    positive = x > 0.0
    raised = exp(y * log(x if positive else 1.0))
    raised = raised if positive else 0.0
    raised = x if y == 1.0 else raised
    return 1.0 if y == 0.0 else raised
