"""What a connection rule is: one object that says which neurons are connected, however and wherever they are built.

A rule has a configuration class (`config`) and one of two forms. Rules with a `loop` are drawn by one of the compiled
loops (`kernels.tasks`, `kernels.outdegree` and their CUDA text), synapse by synapse. All others give their synapses as
arrays (`compile` returns a `Listing`): that is all that a rule of another package needs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from dtbsim.config.parts import RuleConfig

I64 = NDArray[np.int64]
F64 = NDArray[np.float64]
Scope = Literal["same_region", "connectome", "all"]


@dataclass(frozen=True, eq=False)
class Expectation:
    """What the expected synapses of entries depend on; an entry is a pair of populations. float64[e] each.

    `number` and `indegree` are what `ConnectionRule.number` gave for the entry or for its target population, `share`
    the probability of the entry among the sources of its target; `targets` and `sources` are sizes, `pairs` the pairs
    of neurons that may be connected.
    """

    number: F64
    indegree: F64
    share: F64
    targets: F64
    sources: F64
    pairs: F64


@dataclass(frozen=True, eq=False)
class Pairs:
    """Pairs of one target population on a lane with source populations, for rules whose synapses can be procedural.

    int64[pairs]: neurons of the source, 1 where the target itself is left out as a source, number per source neuron;
    `size` neurons of the target population, which is drawn in 2**splits parts.
    """

    n_sources: I64
    skip_self: I64
    number: I64
    size: int
    splits: int


@dataclass(frozen=True, eq=False)
class End:
    """A population as the configuration names it, in all of its regions: neurons are numbered through, from 0.

    Neuron i of the k-th region (in the order of the atlas) is number k * `size` + i. `regions` int32[n]: indices of the
    regions in the atlas, or -1 alone.
    """

    name: str
    size: int
    regions: NDArray[np.int32]
    positions: F64 | None = None
    """float64[n_neurons, 2 or 3] in mm, where the population has them."""

    @property
    def n_neurons(self) -> int:
        """Neurons in all regions."""
        return self.size * self.regions.size


@dataclass(frozen=True, eq=False)
class Ends:
    """What a rule is compiled for: both populations, time step, and where relative paths start.

    `allowed` bool[target regions, source regions]: which populations may be connected, by the scope of the projection.
    """

    source: End
    target: End
    same: bool
    """Whether both are one population, so that autapses are possible."""
    allowed: NDArray[np.bool_]
    dt_ms: float
    base_dir: Path


@dataclass(frozen=True)
class Span:
    """Values that a listing gives: the smallest, the largest, mean, and mean size.

    `grid`: of weights that are all integers, or have to be exact, the largest power of two of which they are multiples:
    these are kept exactly, or refused; 0: they may be rounded. `key`: the key of a projection that names the unit of
    the weights (None: that of the target's port). `rounded`: some delays were no whole number of steps.
    """

    low: float
    high: float
    mean: float
    size: float
    grid: float = 0.0
    key: str | None = None
    rounded: bool = False


@dataclass(frozen=True, eq=False)
class Listed:
    """Synapses onto some targets. `source` and `target` int64[n], numbers within the populations (see `End`).

    `weight` float64[n] in the unit of the projection, `delay` int64[n] in steps, at least 1; None: they are those of
    the projection, drawn by the number of the synapse among those of its target, in the order given here.
    """

    source: I64
    target: I64
    weight: F64 | None = None
    delay: I64 | None = None


Words = Callable[[I64, I64, int], NDArray[np.uint32]]
"""`words(target, number, call)`: uint32[4, n], random words of targets (numbers within the population), counted by
`number`; `call` 1 to 2**28 tells several draws apart. A function of the seed, the projection and these alone."""


class Listing(Protocol):
    """The synapses of a projection by target, for any targets: who owns them cannot matter.

    `expected` float64[target regions, source regions]: expected (or exact) number of synapses of each pair.
    `weight`, `delay` (in steps): what is listed; None: not listed.
    """

    @property
    def expected(self) -> F64: ...  # noqa: D102

    @property
    def weight(self) -> Span | None: ...  # noqa: D102

    @property
    def delay(self) -> Span | None: ...  # noqa: D102

    def onto(self, targets: I64, words: Words) -> Listed:
        """Return all synapses onto `targets` (int64[n], ascending)."""
        ...


class ConnectionRule:
    """One rule. Objects have no state: everything of a projection is in its configuration."""

    config: ClassVar[type[RuleConfig]]
    loop: ClassVar[str | None] = None
    """Compiled loop that draws it, in `kernels.tasks.LOOPS`; None: `compile` gives the synapses as arrays."""
    by_source: ClassVar[bool] = False
    """Whether the loop draws source by source, and not target by target."""
    procedural: ClassVar[bool] = False
    """Whether the synapses of one source can be drawn alone, so that none needs to be stored."""
    tasks: ClassVar[Literal["pool", "split", "entry"]] = "entry"
    """What a run of targets is given to draw at once: all sources, its part of a total, or each source population."""
    number_of: ClassVar[Literal["target", "pair"] | None] = None
    """What `number` is counted for: each target neuron, or a pair of populations; None: there is no number."""
    most: ClassVar[float] = 0.0
    number_name: ClassVar[str] = ""
    """The largest number, and its name with an article."""
    number_key: ClassVar[str] = ""
    """Key of the number, which may come from a source of numbers by region or by pair (`dtbsim.config.values`)."""
    number_of_source: ClassVar[bool] = False
    """Whether a number by region is that of the source's region, and not of the target's."""
    scopes: ClassVar[tuple[Scope, ...]] = ("same_region", "connectome", "all")
    needs_positions: ClassVar[bool] = False
    """Whether `End.positions` is wanted: it is None otherwise, and where a population has none."""
    default_scope: ClassVar[Scope | None] = None
    """Where both populations live in regions and the projection does not say."""

    @property
    def kind(self) -> str:
        """The name of the rule."""
        return str(self.config.model_fields["kind"].default)

    @property
    def label(self) -> str:
        """What messages call it."""
        return self.kind

    def form(self, item: Any) -> ConnectionRule:
        """Return the object that connects as the configuration `item` says: this one, or another form of the rule."""
        return self

    def number(self, item: Any, scale: F64) -> F64:
        """Return the number of every target population or pair, `scale` times what the configuration says."""
        return np.zeros_like(scale)

    def misfit(self, source: End, target: End) -> str | None:
        """Return why the populations cannot be connected; None: they can."""
        return None

    def too_few(self, item: Any, number: int, sizes: I64, shares: F64) -> tuple[str, str] | None:
        """Return why a target population cannot have its `number`, and a remedy; None: it can.

        `sizes` int64[e] and `shares` float64[e]: neurons and probability of each of its source populations.
        """
        return None

    def expected(self, of: Expectation) -> F64:
        """Return float64[e]: the expected synapses of every entry."""
        return of.number

    def items(self, targets: I64, number: I64, sources: I64, *, multapses: bool) -> tuple[I64, bool]:
        """Return how many items a GPU does for every task, and whether these are synapses (else targets, a warp each).

        int64[tasks] each: targets, number, neurons of the source population.
        """
        return targets, True

    def largest_indegree(self, of: Pairs) -> int:
        """Return the most synapses that pairs give one target."""
        return int(of.n_sources.size)

    def compile(self, item: Any, ends: Ends) -> Listing:
        """Return the synapses of a projection. InputError, without a place, for what does not fit."""
        raise NotImplementedError(f"{self.kind} is drawn by the loop {self.loop}")
