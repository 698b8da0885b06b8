"""Configuration of synapses that change: short-term plasticity, saturation, spike-timing dependent plasticity."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from dtbsim.config.bounds import Number
from dtbsim.config.by_name import ByName
from dtbsim.config.values import Strict

_KIND = "names the kind"
_TAU_PLUS = "time constant of the trace of the source's spikes"
_TAU_MINUS = "time constant of the trace of the target's spikes"
_MAXIMUM = "largest weight, in the unit of the weight and with its sign"

Window = Annotated[list[Annotated[Number, Field(ge=0)]], Field(min_length=2, max_length=2)]


class TsodyksMarkram(Strict):
    """Short-term depression and facilitation (Tsodyks, Pawelzik, Markram 1998; NEST's `tsodyks2_synapse`).

    A spike transmits weight * x * u: x is the available share of resources, which recovers to 1 with `tau_rec_ms`; u
    the share that a spike uses, which returns to `U` with `tau_fac_ms` (0: it stays `U`). Before its first spike a
    source has x = 1, u = U. The state belongs to the source neuron: all its synapses of the projection share it.
    """

    kind: Literal["tsodyks_markram"] = Field(default="tsodyks_markram", description=_KIND)
    U: Number = Field(gt=0, le=1, description="share of resources that a single spike uses")
    tau_rec_ms: Number = Field(ge=0, description="recovery time constant of the resources")
    tau_fac_ms: Number = Field(default=0.0, ge=0, description="time constant of facilitation; 0: none")


class SaturatingNMDA(Strict):
    """Saturating NMDA gating of the source neuron (Wang 2002, in the form of NEST's `iaf_bw_2001`).

    ds/dt = -s / tau_decay + alpha x (1 - s), where x jumps by 1 at a spike and decays with tau_rise: a spike raises s
    by k0 + (exp(-alpha tau_rise) - 1) s and transmits weight times that. The port must decay with `tau_decay_ms`.
    """

    kind: Literal["saturating_nmda"] = Field(default="saturating_nmda", description=_KIND)
    alpha_per_ms: Number = Field(default=0.5, gt=0, description="rate of opening")
    tau_rise_ms: Number = Field(default=2.0, gt=0, description="rise time constant")
    tau_decay_ms: Number = Field(default=100.0, gt=0, description="decay time constant")

    @model_validator(mode="after")
    def _rises_first(self) -> SaturatingNMDA:
        if not self.tau_rise_ms < self.tau_decay_ms:
            raise ValueError(f"tau_rise_ms ({self.tau_rise_ms:g}) must be below tau_decay_ms ({self.tau_decay_ms:g})")
        return self


class Plastic(Strict):
    """Common to weights that change with the spikes of both ends."""

    frozen_ms: Annotated[list[Window], Field(fail_fast=True)] = Field(
        default=[], description="times [from, until] whose spikes change no weight, while all traces go on"
    )

    @model_validator(mode="after")
    def _ordered(self) -> Plastic:
        for start, stop in self.frozen_ms:
            if not start < stop:
                raise ValueError(f"frozen_ms: {start:g} must be before {stop:g}")
        return self


class STDP(Plastic):
    """Pair-based spike-timing dependent plasticity (Guetig et al. 2003; NEST's `stdp_synapse`).

    With weight w = weight / weight_max, a target's spike at trace k of the source: w += learning_rate (1 - w)^mu_plus
    k; a source's spike at trace k of the target: w -= alpha learning_rate w^mu_minus k; w stays within 0 and 1.
    mu_plus = mu_minus = 0: additive (Song et al. 2000); both 1: multiplicative (Rubin et al. 2001); 0 and 1: van
    Rossum et al. 2000.

    A pair counts by t_post + delay_ms - t_pre, as `delay_ms`, at least one step, is dendritic: above 0 it potentiates,
    below it depresses, at 0 it changes nothing. A source's spike transmits what is left after depression.
    """

    kind: Literal["stdp"] = Field(default="stdp", description=_KIND)
    weight_max: Number = Field(description=_MAXIMUM)
    learning_rate: Number = Field(default=0.01, ge=0, le=1, description="step size (NEST: lambda)")
    alpha: Number = Field(default=1.0, ge=0, description="depression over potentiation")
    mu_plus: Number = Field(default=1.0, ge=0, description="exponent of the weight in potentiation")
    mu_minus: Number = Field(default=1.0, ge=0, description="exponent of the weight in depression")
    tau_plus_ms: Number = Field(default=20.0, gt=0, description=_TAU_PLUS)
    tau_minus_ms: Number = Field(default=20.0, gt=0, description=_TAU_MINUS)


class STDPPowerLaw(Plastic):
    """Pair-based plasticity with a power law (Morrison, Aertsen, Diesmann 2007; NEST's `stdp_pl_synapse_hom`).

    A target's spike at trace k of the source: w += learning_rate w^mu k; a source's at trace k of the target:
    w -= learning_rate alpha w k. The weight w is in its own unit, so that `learning_rate` belongs to that unit.
    """

    kind: Literal["stdp_power_law"] = Field(default="stdp_power_law", description=_KIND)
    learning_rate: Number = Field(default=0.1, ge=0, description="step size (NEST: lambda)")
    alpha: Number = Field(default=1.0, ge=0, description="depression over potentiation")
    mu: Number = Field(default=0.4, ge=0, description="exponent of the weight in potentiation")
    tau_plus_ms: Number = Field(default=20.0, gt=0, description=_TAU_PLUS)
    tau_minus_ms: Number = Field(default=20.0, gt=0, description=_TAU_MINUS)
    weight_max: Number | None = Field(
        default=None, description=f"{_MAXIMUM}; default: 100 times the largest initial weight"
    )


class STDPTriplet(Plastic):
    """Triplet rule (Pfister and Gerstner 2006; NEST's `stdp_triplet_synapse`), A in the unit of the weight.

    A target's spike: w += r1 (A2_plus + A3_plus o2); a source's: w -= o1 (A2_minus + A3_minus r2), with the fast and
    slow traces r1, r2 of the source and o1, o2 of the target just before that spike.
    """

    kind: Literal["stdp_triplet"] = Field(default="stdp_triplet", description=_KIND)
    weight_max: Number = Field(description=_MAXIMUM)
    A2_plus: Number = Field(default=5e-10, ge=0, description="potentiation by pairs")
    A3_plus: Number = Field(default=6.2e-3, ge=0, description="potentiation by triplets")
    A2_minus: Number = Field(default=7e-3, ge=0, description="depression by pairs")
    A3_minus: Number = Field(default=2.3e-4, ge=0, description="depression by triplets")
    tau_plus_ms: Number = Field(default=16.8, gt=0, description=_TAU_PLUS)
    tau_plus_slow_ms: Number = Field(default=101.0, gt=0, description="slow trace of the source's spikes")
    tau_minus_ms: Number = Field(default=33.7, gt=0, description=_TAU_MINUS)
    tau_minus_slow_ms: Number = Field(default=125.0, gt=0, description="slow trace of the target's spikes")


class STDPDopamine(Plastic):
    """Pair-based plasticity that dopamine turns into weights (Izhikevich 2007; NEST's `stdp_dopamine_synapse`).

    Pairs of spikes change an eligibility trace c: a target's spike at trace k of the source c += A_plus k, a source's
    at trace k of the target c -= A_minus k. dc/dt = -c / tau_c, dn/dt = -n / tau_n, n += 1 / tau_n at every spike of
    the population `dopamine`, dw/dt = c (n - baseline); A is in the unit of the weight. So `baseline_per_ms` is the
    total rate of the dopamine population at which weights stay. Weights are bounded at every spike of the source and
    at every multiple of `update_interval_ms`.
    """

    kind: Literal["stdp_dopamine"] = Field(default="stdp_dopamine", description=_KIND)
    dopamine: str = Field(description="population whose spikes release dopamine (NAME, or CIRCUIT.POP of a circuit)")
    weight_max: Number = Field(description=_MAXIMUM)
    weight_min: Number = Field(default=0.0, description="weight of the smallest size, with the same sign")
    A_plus: Number = Field(default=1.0, description="eligibility that a pair source before target adds")
    A_minus: Number = Field(default=1.5, description="eligibility that a pair target before source takes away")
    tau_plus_ms: Number = Field(default=20.0, gt=0, description=_TAU_PLUS)
    tau_minus_ms: Number = Field(default=20.0, gt=0, description=_TAU_MINUS)
    tau_c_ms: Number = Field(default=1000.0, gt=0, description="time constant of the eligibility trace")
    tau_n_ms: Number = Field(default=200.0, gt=0, description="time constant of dopamine (NEST: tau_n)")
    baseline_per_ms: Number = Field(default=0.0, ge=0, description="dopamine that changes nothing (NEST: b)")
    update_interval_ms: Number = Field(
        default=100.0, gt=0, description="weights also change while nobody spikes: at multiples of this time"
    )

    @model_validator(mode="after")
    def _often_enough(self) -> STDPDopamine:
        if self.update_interval_ms > self.tau_c_ms:
            raise ValueError(
                f"update_interval_ms ({self.update_interval_ms:g}) must be at most tau_c_ms ({self.tau_c_ms:g})"
            )
        return self


Synapse = Annotated[
    TsodyksMarkram | SaturatingNMDA | STDP | STDPPowerLaw | STDPTriplet | STDPDopamine,
    Field(discriminator="kind"),
    ByName("saturating_nmda", "stdp_power_law"),
]
