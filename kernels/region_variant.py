"""What the text of a region kernel depends on: model, scheme, couplings, noise, what is sent, which constants vary."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from dtbsim.errors import InputError, did_you_mean
from dtbsim.models.language.checked_region import check_own_value, checked_derivatives
from dtbsim.models.region_model import RegionModel
from dtbsim.models.region_tables import Integrator, NoiseKind

TermKind = Literal["sum", "difference", "kuramoto"]


@dataclass(frozen=True)
class Term:
    """A sum that arrives at an input, and what is made of it in each step with the region's own value x_i.

    sum: s. difference: s - f x_i, where s is the sum of w_ij x_j and f that of w_ij. kuramoto: c s - d k for two sums
    s and k of sines and cosines of the sources' phases, where c and d are cosine and sine of the own phase. `own` names
    the state or output that is x_i, as it is before the step.
    """

    input: str
    kind: TermKind = "sum"
    own: str = ""

    @property
    def n_slots(self) -> int:
        """How many arrays of sums it takes."""
        return 2 if self.kind == "kuramoto" else 1


@dataclass(frozen=True)
class NoiseTerm:
    """Noise on a state or an input, whose size and time are constants of the kernel."""

    target: str
    kind: NoiseKind
    shared: bool = False
    """Whether all members of an ensemble get the same numbers."""


@dataclass(frozen=True)
class RegionVariant:
    """Everything that the text of a region kernel depends on.

    `arrays` names the constants that differ between elements; `stimulus`: whether drives reach the regions; `sent`:
    states and outputs that are written after every step.
    """

    model: RegionModel
    integrator: Integrator
    terms: tuple[Term, ...]
    noise: tuple[NoiseTerm, ...]
    sent: tuple[str, ...]
    stimulus: bool
    arrays: tuple[str, ...]

    @cached_property
    def slots(self) -> tuple[int, ...]:
        """First slot of each term among the arrays of sums."""
        found, at = [], 0
        for term in self.terms:
            found.append(at)
            at += term.n_slots
        return tuple(found)

    @property
    def n_slots(self) -> int:
        """Number of arrays of sums."""
        return sum(term.n_slots for term in self.terms)

    @cached_property
    def processes(self) -> tuple[str, ...]:
        """Targets of Ornstein-Uhlenbeck noise; their processes are kept after the states."""
        return tuple(term.target for term in self.noise if term.kind == "ornstein_uhlenbeck")

    @cached_property
    def rows(self) -> tuple[str, ...]:
        """Names of the rows of the array of states: the model's states, then processes of noise, `noise_<target>`."""
        return (*(row.name for row in self.model.states), *(f"noise_{target}" for target in self.processes))

    @cached_property
    def constants(self) -> tuple[str, ...]:
        """Names of all constants: the model's, those of the scheme (`_h_...`), of the noise, of differences."""
        names = list(self.model.constant_names)
        if self.integrator == "exponential":
            names += [f"_h_{row.name}" for row in self.model.states]
        else:
            names.append("_h")
        for term in self.noise:
            names.append(f"_sd_{term.target}")
            if term.kind == "ornstein_uhlenbeck":
                names += [f"_decay_{term.target}", f"_kick_{term.target}"]
        names += [f"_weight_{slot}" for term, slot in zip(self.terms, self.slots, strict=True)
                  if term.kind == "difference"]  # fmt: skip
        return tuple(names)

    @property
    def scalars(self) -> tuple[str, ...]:
        """Constants that are the same for all elements, in their order."""
        return tuple(name for name in self.constants if name not in self.arrays)


def region_variant(
    model: RegionModel,
    integrator: Integrator | None = None,
    *,
    terms: Sequence[Term] = (),
    noise: Sequence[NoiseTerm] = (),
    sent: Sequence[str] = (),
    stimulus: bool = False,
    arrays: Sequence[str] = (),
) -> RegionVariant:
    """Return a checked variant; InputError for what the model lacks or does not allow."""
    scheme = integrator or model.integrator
    if scheme not in model.integrators:
        raise InputError(
            f"model '{model.name}' has no integrator '{scheme}'", remedy=f"use one of {', '.join(model.integrators)}"
        )
    for term in terms:
        model.input(term.input)
        if term.kind != "sum":
            check_own_value(model, term.own)
    states = {row.name for row in model.states}
    for entry in noise:
        if entry.target not in model.targets:
            raise InputError(
                f"model '{model.name}' has no state or input '{entry.target}' for noise",
                remedy=did_you_mean(entry.target, model.targets),
            )
        if entry.kind == "multiplicative" and entry.target not in states:
            raise InputError(f"noise on the input '{entry.target}' cannot be multiplicative", remedy="use a state")
    if len({entry.target for entry in noise}) < len(noise):
        raise InputError(f"model '{model.name}' is given two noises for one target")
    for name in sent:
        model.variable(name)
    if stimulus and not model.uses_stimulus:
        raise InputError(f"model '{model.name}' takes no input current")
    variant = RegionVariant(model, scheme, tuple(terms), tuple(noise), tuple(dict.fromkeys(sent)), stimulus, ())
    kept = tuple(name for name in variant.constants if name in set(arrays))
    unknown = set(arrays) - set(kept)
    if unknown:
        raise InputError(f"a kernel of model '{model.name}' has no constant '{sorted(unknown)[0]}'")
    checked_derivatives(model)
    return RegionVariant(model, scheme, variant.terms, variant.noise, variant.sent, stimulus, kept)
