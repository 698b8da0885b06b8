"""PyNN's standard synapses, those that dtbsim has."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pyNN.standardmodels import build_translations, synapses

from dtbsim.errors import InputError
from dtbsim.pynn.simulator import state

_SYNAPSE = (("weight", "weight"), ("delay", "delay"))


class _Synapse:
    """What the backend asks of a synapse type."""

    shared: tuple[str, ...] = ()
    """Parameters that the synapses of a projection of dtbsim share."""

    def _get_minimum_delay(self) -> float:
        return state.dt if state.smallest_delay == "auto" else float(state.smallest_delay)

    def configured(self, one: Mapping[str, float], scale: float) -> dict[str, Any] | None:
        """The entry `synapse` of a projection; `one` has the shared parameters, `scale` is that of weights."""
        return None


class StaticSynapse(_Synapse, synapses.StaticSynapse):
    """A synapse of one weight."""

    translations = build_translations(*_SYNAPSE)


class TsodyksMarkramSynapse(_Synapse, synapses.TsodyksMarkramSynapse):
    """Short-term plasticity, `tsodyks_markram`."""

    translations = build_translations(*_SYNAPSE, ("U", "U"), ("tau_rec", "tau_rec"), ("tau_facil", "tau_facil"))
    shared = ("U", "tau_rec", "tau_facil")

    def configured(self, one: Mapping[str, float], scale: float) -> dict[str, Any]:
        """Depression and facilitation."""
        return {
            "kind": "tsodyks_markram",
            "U": one["U"],
            "tau_rec_ms": one["tau_rec"],
            "tau_fac_ms": one["tau_facil"],
        }


class STDPMechanism(_Synapse, synapses.STDPMechanism):
    """Pair-based plasticity, `stdp`."""

    base_translations = build_translations(*_SYNAPSE, ("dendritic_delay_fraction", "dendritic_delay_fraction"))
    shared = ("tau_plus", "tau_minus", "A_plus", "A_minus", "w_max", "w_min", "mu_plus", "mu_minus")

    def __init__(self, *args: Any, **parameters: Any) -> None:
        """As PyNN has it. Raises InputError for delays that are not dendritic."""
        super().__init__(*args, **parameters)
        if float(self.dendritic_delay_fraction) != 1.0:
            raise InputError(
                f"it is {self.dendritic_delay_fraction}; delays of plastic synapses are dendritic here",
                where="dendritic_delay_fraction", remedy="give 1.0",
            )  # fmt: skip

    def configured(self, one: Mapping[str, float], scale: float) -> dict[str, Any]:
        """Pairs of spikes; the weight is counted from 0 to w_max."""
        if one["w_min"] != 0.0:
            raise InputError(f"w_min is {one['w_min']:g}; weights go down to 0", where="w_min", remedy="give 0")
        if one["A_plus"] == 0.0 and one["A_minus"] != 0.0:
            raise InputError(
                "depression without potentiation cannot be said (A_plus is 0, A_minus is not)", where="A_plus",
                remedy="give A_plus a very small value",
            )  # fmt: skip
        return {
            "kind": "stdp",
            "weight_max": one["w_max"] * scale,
            "learning_rate": one["A_plus"],
            "alpha": one["A_minus"] / one["A_plus"] if one["A_plus"] else 1.0,
            "mu_plus": one["mu_plus"],
            "mu_minus": one["mu_minus"],
            "tau_plus_ms": one["tau_plus"],
            "tau_minus_ms": one["tau_minus"],
        }


_BOUNDS = (("w_max", "w_max"), ("w_min", "w_min"))


class AdditiveWeightDependence(synapses.AdditiveWeightDependence):
    """Changes do not depend on the weight."""

    translations = build_translations(*_BOUNDS)
    extra_parameters = {"mu_plus": 0.0, "mu_minus": 0.0}  # noqa: RUF012


class MultiplicativeWeightDependence(synapses.MultiplicativeWeightDependence):
    """Changes are proportional to what is left of the weight, up or down."""

    translations = build_translations(*_BOUNDS)
    extra_parameters = {"mu_plus": 1.0, "mu_minus": 1.0}  # noqa: RUF012


class AdditivePotentiationMultiplicativeDepression(synapses.AdditivePotentiationMultiplicativeDepression):
    """Only depression depends on the weight."""

    translations = build_translations(*_BOUNDS)
    extra_parameters = {"mu_plus": 0.0, "mu_minus": 1.0}  # noqa: RUF012


class GutigWeightDependence(synapses.GutigWeightDependence):
    """Changes go with powers of what is left of the weight."""

    translations = build_translations(*_BOUNDS, ("mu_plus", "mu_plus"), ("mu_minus", "mu_minus"))


class SpikePairRule(synapses.SpikePairRule):
    """All pairs of spikes count, with exponential traces."""

    translations = build_translations(
        ("tau_plus", "tau_plus"), ("tau_minus", "tau_minus"), ("A_plus", "A_plus"), ("A_minus", "A_minus")
    )
