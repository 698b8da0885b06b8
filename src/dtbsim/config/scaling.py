"""Configuration of homeostatic synaptic scaling."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field, Tag

from dtbsim.config.bounds import Number
from dtbsim.config.controllers import ControllerOptions
from dtbsim.config.parts import KIND
from dtbsim.config.values import PerRegion, kind_of_value


class SynapticScaling(ControllerOptions):
    """Plastic weights scaled as a whole, neuron by neuron, towards a target rate (Turrigiano 2008).

    Every `interval_ms` the weights of a projection onto neuron i are multiplied by 1 + eta clip((target_rate - r_i) /
    target_rate, -clip, clip), as in van Rossum, Bi, Turrigiano 2000. The rate r_i is the exponential average of its
    spike counts with `tau_rate_ms`, which begins at the target. Weights stay within the bounds of their plasticity; a
    projection `kind: stdp` with `learning_rate: 0` is scaled and does not change otherwise.
    """

    projection_key: ClassVar = "projection"
    needs_plastic: ClassVar = True
    by_region: ClassVar = ("target_rate_hz",)

    kind: Literal["synaptic_scaling"] = Field(default="synaptic_scaling", description=KIND)
    projection: str = Field(description="excitatory projection with a kind of STDP")
    target_rate_hz: Annotated[Annotated[Number, Field(gt=0), Tag("number")] | PerRegion, kind_of_value] = Field(
        description="rate at which weights stay"
    )
    interval_ms: Number = Field(gt=0, description="time between two scalings")
    tau_rate_ms: Number = Field(default=10_000.0, gt=0, description="time constant of the average rate")
    eta: Number = Field(gt=0, description="relative change of a weight at a relative error of 1")
    clip: Number = Field(default=1.0, gt=0, description="largest relative error that counts")
