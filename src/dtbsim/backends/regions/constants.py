"""Numbers of the regions of one lane group: parameters and strengths as they are now, and constants made of them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dtbsim.backends.regions.drives import driven_inputs
from dtbsim.backends.regions.functions import TERMS, first_of, noise_numbers, own_of
from dtbsim.backends.regions.shares import Share
from dtbsim.backends.regions.wiring import total_weights
from dtbsim.kernels.region_kernel import region_constants
from dtbsim.kernels.region_variant import NoiseTerm, RegionVariant, Term, region_variant
from dtbsim.spec.region_network import F64, STIMULUS, RegionChange, RegionCoupling, RegionNetwork, RegionPopulation


def lane_values(values: F64, members: tuple[int, ...]) -> F64:
    """float64[1 or lanes, ...]: rows of these members, one where all members have the same."""
    return values if len(values) == 1 else values[list(members)]


def changed(change: RegionChange, now: NDArray[Any], members: tuple[int, ...], nodes: tuple[int, int]) -> NDArray[Any]:
    """What becomes of [nodes first to before last, lanes of these members] by a change."""
    first, last = nodes
    found = now.copy()
    for lane, member in enumerate(members):
        if change.members is not None and member not in change.members:
            continue
        row = member if change.members is None else change.members.index(member)
        values, chosen = (array[row if len(array) > 1 else 0] for array in (change.values, change.chosen))
        inside = np.broadcast_to(chosen if chosen.size == 1 else chosen[first:last], last - first)
        new = np.broadcast_to(values if values.size == 1 else values[first:last], last - first)
        found[inside, lane] = new[inside]
    return found


class GroupConstants:
    """Parameters, strengths and constants of some members, for the nodes of the share of a rank."""

    def __init__(
        self, network: RegionNetwork, share: Share, members: tuple[int, ...], dt_ms: float, wirings: list[Any]
    ) -> None:
        """`wirings` are those of the couplings between regions."""
        self._network, self._share, self._members, self._dt_ms, self._wirings = network, share, members, dt_ms, wirings
        self._parameters: dict[tuple[int, str], F64] = {}
        """Those that were changed, float64[nodes here, lanes], by population and name."""
        self._strengths: dict[str, F64] = {}
        """Those that were changed, float64[targets, lanes], by coupling."""

    # -- the variant of a kernel --------------------------------------------------------------------------------

    def variant_of(self, population: RegionPopulation, sent: tuple[str, ...]) -> RegionVariant:
        """The kernel's variant of a population that sends these variables."""
        incoming = [c for c in self._network.couplings if c.target == population.index]
        incoming += [c.coupling for c in self._network.from_spikes if c.coupling.target == population.index]
        driven = driven_inputs(self._network.drives, population.index)
        terms = (
            *(Term(c.input, TERMS.get(c.function, "sum"), own_of(c)) for c in incoming),  # type: ignore[arg-type]
            *(Term(name) for name in driven if name != STIMULUS),
        )
        seeds = {self._network.members.seeds[member] for member in self._members}
        noise = tuple(NoiseTerm(one.state, one.kind, shared=len(seeds) == 1) for one in population.noise)
        return region_variant(
            population.model, population.integrator, terms=terms, noise=noise,  # type: ignore[arg-type]
            sent=sent, stimulus=STIMULUS in driven, arrays=self._varying(population, terms),
        )  # fmt: skip

    def _varying(self, population: RegionPopulation, terms: tuple[Term, ...]) -> list[str]:
        """Constants that are not the same for all nodes of all members: also of other groups, so that kernels agree."""
        model = population.model
        parameters = {name: values.T for name, values in population.parameters.items()}
        noise = noise_numbers(population.noise, None)
        plain = region_variant(
            model, population.integrator, terms=terms,  # type: ignore[arg-type]
            noise=tuple(NoiseTerm(one.state, one.kind) for one in population.noise), sent=(), arrays=(),
        )  # fmt: skip
        weights = [np.zeros(1)] * sum(term.kind == "difference" for term in terms)
        constants = region_constants(plain, parameters, self._dt_ms, noise, weights)
        found = [name for name, value in constants.items() if np.ptp(np.asarray(value, np.float64)) != 0]
        moving = {*population.controlled, *(row.name for row in model.derived)} if population.controlled else set()
        of_scheme = ("_h_", "_sd_") if population.controlled and population.integrator == "exponential" else ()
        fast = ("_weight_", *of_scheme)
        found += [name for name in constants if name in moving and name not in found]
        return list(dict.fromkeys([*found, *(name for name in constants if name.startswith(fast))]))

    # -- constants ----------------------------------------------------------------------------------------------

    def part(self, population: int, values: F64) -> F64:
        """float64[nodes here, lanes or 1] of float64[members or 1, nodes]."""
        first, last = self._share.nodes[population]
        return lane_values(values, self._members)[:, first:last].T

    def of(self, population: RegionPopulation, variant: RegionVariant) -> dict[str, Any]:
        """The constants of a population as they are now."""
        index = population.index
        first, last = self._share.nodes[index]

        def part(values: F64) -> F64:
            return self.part(index, values)

        parameters = {name: part(values) for name, values in population.parameters.items()}
        parameters |= {name: values for (number, name), values in self._parameters.items() if number == index}
        weights = []
        for coupling, wiring in zip(self._network.couplings, self._wirings, strict=True):
            if coupling.target == index and coupling.function == "difference":
                strength = self.strength(coupling)[first:last].astype(np.float32)
                weights.append(total_weights(wiring, first, last)[:, None] * strength)
        found = region_constants(variant, parameters, self._dt_ms, noise_numbers(population.noise, part), weights)
        return {name: v if name in variant.arrays else first_of(v) for name, v in found.items()}

    def parameter(self, population: RegionPopulation, name: str) -> F64:
        """float64[nodes here, lanes]: a parameter as it is now."""
        first, last = self._share.nodes[population.index]
        known = self._parameters.get((population.index, name))
        if known is not None:
            return known
        given = population.parameters.get(name)
        if given is None:
            given = np.full((1, population.n_nodes), float(population.model.parameter(name).default))
        return np.broadcast_to(self.part(population.index, given), (last - first, len(self._members)))

    def strength(self, coupling: RegionCoupling) -> F64:
        """float64[targets, lanes]: the strength of a coupling as it is now."""
        known = self._strengths.get(coupling.name)
        if known is None:
            given = lane_values(coupling.strength, self._members).T
            known = np.broadcast_to(given, (given.shape[0], len(self._members)))
        return known

    def set_parameter(self, population: RegionPopulation, name: str, values: F64) -> None:
        """Note new values of a parameter, float64[nodes here, lanes]."""
        self._parameters[population.index, name] = values

    def set_strength(self, coupling: RegionCoupling, values: F64) -> None:
        """Note a new strength, float64[targets, lanes]."""
        self._strengths[coupling.name] = values
