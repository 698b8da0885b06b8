"""Numbers of a projection that differ between pairs of regions: synapses, weights, delays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dtbsim.config.sources import Matrix, Spreading, spreads
from dtbsim.errors import InputError
from dtbsim.models.connections import ConnectionRule
from dtbsim.spec.degrees import Degrees
from dtbsim.spec.distributions import Table, as_table
from dtbsim.spec.numbers import Numbers, extremes
from dtbsim.spec.pools import Pools
from dtbsim.spec.populations import Draft

F64 = NDArray[np.float64]


@dataclass(frozen=True)
class PairNumbers:
    """Reads the numbers of one projection, at `path`, for the entries of its pools."""

    numbers: Numbers
    source: Draft
    target: Draft
    path: str

    def entries(self, value: Any, pools: Pools, key: str, *, of_source: bool = False) -> F64:
        """float64[e]: the number of every entry: of its pair, or of the region of its target (or source)."""
        path = f"{self.path}.{key}"
        column = pools.source - self.source.populations[0]
        if isinstance(value, Matrix):
            return self.numbers.matrix(value, self.target.regions, self.source.regions, path)[pools.piece, column]
        end, position = (self.source, column) if of_source else (self.target, pools.piece)
        return self.numbers.by_region(value, end.regions, path)[position]

    def error(self, key: str, message: str, remedy: str | None = None) -> InputError:
        """An InputError at a key of the projection."""
        return self.numbers.places.error(f"{self.path}.{key}", message, remedy)

    # -- synapses ---------------------------------------------------------------------------------------------

    def synapses(self, rule: ConnectionRule, item: Any, scope: str | None, pools: Pools) -> tuple[F64 | None, Pools]:
        """Numbers of a rule that differ between pairs, float64[e], and the pools without pairs that have none.

        None: its number is the same for all entries of a pool, or is not listed by region.
        """
        value = getattr(item, rule.number_key, None) if rule.number_key else None
        if not isinstance(value, Spreading) or (rule.number_of == "target" and not isinstance(value, Matrix)):
            return None, pools
        key = f"rule.{rule.number_key}"
        if spreads(value):
            raise self.error(key, "numbers of pairs of regions have no spread", "leave it out")
        if isinstance(value, Matrix) and scope == "connectome":
            raise self.error(key, "scope: connectome takes its numbers from the atlas", "give scope: all")
        given = self.entries(value, pools, key, of_source=rule.number_of_source)
        if given.size and not 0 <= given.min() <= given.max() <= rule.most:
            wrong = float(given.min() if given.min() < 0 else given.max())
            raise self.error(key, f"{rule.number_name} of {wrong:.6g}", f"allowed: 0 to {rule.most:,}")
        some = given > 0
        return given[some], pools.kept(some)

    def degrees(self, rule: ConnectionRule, item: Any, scale: F64) -> Degrees:
        """Numbers of target neurons that are drawn, listed, or differ between regions, times `scale` float64[p]."""
        target, key = self.target, f"rule.{rule.number_key}"
        value = getattr(item, rule.number_key)
        number = self.numbers.quantity(value, target.regions, target.sizes, f"{self.path}.{key}")
        low, high = extremes(number)
        if low < -0.5 or high * scale.max(initial=0.0) > rule.most:
            wrong = low if low < 0 else high * float(scale.max())
            remedy = "bound it: `low: 0`" if low < 0 else f"allowed: up to {rule.most:,}"
            raise self.error(key, f"{rule.number_name} of {wrong:.6g}", remedy)
        return Degrees(number, scale)

    # -- weights ----------------------------------------------------------------------------------------------

    def weights(self, value: Any, pools: Pools, key: str) -> tuple[Table | None, F64]:
        """Table of the largest weights, and the share of them that every entry has, float64[e] from 0 to 1.

        None, 1 where weights do not differ between pairs.
        """
        if not isinstance(value, Spreading):
            return None, np.ones(pools.source.size)
        means = self.entries(value, pools, key)
        if means.size and means.min() < 0 < means.max():
            raise self.error(
                key, f"weights from {means.min():g} to {means.max():g} have both signs", "use two projections"
            )
        largest = float(means[int(np.argmax(np.abs(means)))]) if means.size else 0.0
        if value.spread is not None:
            raise self.error(f"{key}.spread", "weights spread by a factor", "give relative_spread")
        table, _ = self.numbers.spread(value, f"{self.path}.{key}")
        shares = means / largest if largest else np.ones(means.size)
        return as_table(largest) if table is None else table.map(largest), shares
