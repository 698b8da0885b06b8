"""A variant of every region model with noise of all kinds that it allows, its couplings, and a constant per member."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from dtbsim.backends.drive_tables import normal_table
from dtbsim.kernels.region_kernel import RegionBlock, region_constants, region_kernel, varying
from dtbsim.kernels.region_variant import NoiseTerm, RegionVariant, Term, region_variant
from dtbsim.models.region_registry import get_region_model, list_region_models

MODELS = list_region_models()
DT_MS = 0.1
_STEPS_MS = {"coombes_byrne": 0.005}
ROWS = 20
_KINDS = (("ornstein_uhlenbeck", True), ("additive", False), ("multiplicative", False))


def dt_of(name: str) -> float:
    """A step in ms that suits the model."""
    return _STEPS_MS.get(name, DT_MS)


def terms_of(name: str) -> tuple[Term, ...]:
    """The model's own couplings."""
    model = get_region_model(name)
    kind: Any = model.coupling if model.coupling in ("difference", "kuramoto") else "sum"
    return tuple(Term(into, kind, "" if kind == "sum" else variable) for variable, into in model.couples)


def noise_of(name: str) -> tuple[NoiseTerm, ...]:
    """Different kinds on the first targets."""
    model = get_region_model(name)
    states = {row.name for row in model.states}
    found = []
    for target, (kind, shared) in zip(model.targets, _KINDS, strict=False):
        chosen: Any = kind if target in states or kind != "multiplicative" else "additive"
        found.append(NoiseTerm(target, chosen, shared))
    return tuple(found)


def parameters_of(name: str, members: Any) -> dict[str, Any]:
    """The first parameter a little different in each member."""
    row = get_region_model(name).parameters[0]
    return {row.name: (row.default or 0.01) * (1.0 + 0.01 * np.asarray(members, np.float64))[None]}


@cache
def variant_of(name: str, integrator: str | None = None) -> RegionVariant:
    """The variant."""
    model, scheme = get_region_model(name), integrator
    given: dict[str, Any] = {"terms": terms_of(name), "noise": noise_of(name), "sent": model.variables}
    given |= {"stimulus": model.uses_stimulus}
    plain = region_variant(model, scheme, **given)  # type: ignore[arg-type]
    return region_variant(model, scheme, **given, arrays=varying(constants_of(plain, range(4))))  # type: ignore[arg-type]


def constants_of(variant: RegionVariant, members: Any) -> dict[str, Any]:
    """Constants of the variant for these members."""
    noise = {term.target: (0.01, 5.0) for term in variant.noise}
    weights = [0.3] * sum(term.kind == "difference" for term in variant.terms)
    return region_constants(
        variant, parameters_of(variant.model.name, members), dt_of(variant.model.name), noise, weights
    )


class Case:
    """Regions of a model with random states, sums and drives that depend on region and member alone."""

    def __init__(self, variant: RegionVariant, nodes: Any, members: Any, most_nodes: int = 16) -> None:
        self.nodes, self.members = list(nodes), list(members)
        shape = (len(self.nodes), len(self.members))
        self.block = RegionBlock(
            region_kernel(variant), *shape, constants_of(variant, self.members),
            normal=normal_table(), seed=12, nodes=self.nodes, seeds=[12 + member for member in self.members],
        )  # fmt: skip
        draw = np.random.default_rng(3)

        def values(rows: int) -> Any:
            return draw.random((rows, most_nodes, 8))[:, self.nodes][:, :, self.members].reshape(rows, -1)

        for row in variant.model.states:
            default = float(row.default) if not isinstance(row.default, str) else 1.0
            self.block.state(row.name)[:] = (default * (1.0 + 0.1 * values(1)) + 0.001).reshape(shape)
        self.sums = [(0.01 * values(ROWS)).astype(np.float32) for _ in range(variant.n_slots)]
        self.sent = [np.zeros((ROWS, shape[0] * shape[1]), np.float32) for _ in variant.sent]
        self.drives = (0.001 * values(ROWS)).astype(np.float32)
        self.block.use(self.sums, self.sent, self.drives)

    def result(self) -> Any:
        """States [row, region, member] and what was sent [variable, row, region, member]."""
        shape = (len(self.nodes), len(self.members))
        states = self.block.states.reshape(-1, *shape)
        return states, np.array(self.sent).reshape(len(self.sent), ROWS, *shape)
