"""A circuit: two excitatory populations that inhibit each other through a third one."""

from typing import ClassVar, Literal

from pydantic import Field

import dtbsim
from dtbsim.models.circuits import Circuit, CircuitConfig, Parts


class RivalsConfig(CircuitConfig):
    """Populations `NAME.A`, `NAME.B` and `NAME.I`, with Poisson input to all of them."""

    POPULATIONS: ClassVar = ("A", "B", "I")
    delay_keys: ClassVar = ("delay_ms",)

    kind: Literal["rivals"] = Field(default="rivals", description="names the kind")
    size: int = Field(default=50, ge=2, description="neurons of each population")
    weight_pA: float = Field(default=80.0, ge=0, description="weight within A and B, and onto I")
    inhibition: float = Field(default=5.0, ge=0, description="weight of I, in units of the others")
    rate_hz: float = Field(default=9000.0, ge=0, description="rate of the input")
    delay_ms: float = Field(default=1.5, gt=0, description="of all synapses")


class Rivals(Circuit):
    """`circuits: {NAME: rivals}`."""

    config = RivalsConfig

    def expand(self, name, item, dt_ms):
        """Return the parts of a circuit."""
        parts = Parts()
        inhibition = -item.inhibition * item.weight_pA
        for own in item.POPULATIONS:
            parts.populations[own] = dtbsim.Population(model="iaf_psc_exp", size=item.size)
            targets = ("A", "B", "I") if own == "I" else (own, "I")
            parts.projections[own] = dtbsim.Projection(
                source=f"{name}.{own}",
                target=[f"{name}.{target}" for target in targets],
                rule=dtbsim.FixedIndegree(indegree=item.size // 2),
                weight_pA=inhibition if own == "I" else item.weight_pA,
                delay_ms=item.delay_ms,
            )
            parts.drives[own] = dtbsim.PoissonDrive(
                target=f"{name}.{own}", receptor="ex", rate_hz=item.rate_hz, weight_pA=40
            )
        return parts
