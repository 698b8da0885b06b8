"""Projections: which populations pair up, in-degrees, weights and delays per pair."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from dtbsim.config import network as cfg
from dtbsim.config.own_synapse import OwnSynapse
from dtbsim.config.parts import WEIGHT_KEYS
from dtbsim.config.run import RunConfig
from dtbsim.config.sources import Spreading
from dtbsim.errors import InputError, did_you_mean
from dtbsim.models.circuits import Parts
from dtbsim.models.connections import CONNECTION_RULES, End, Ends, Listing, rule_of
from dtbsim.models.connections.check import listing_of
from dtbsim.spec.changes import Event, WeightChange
from dtbsim.spec.channels import ChannelPlan, counted, input_mix, kept_grid, named_ports, weight_key, weight_table
from dtbsim.spec.degrees import Degrees
from dtbsim.spec.delays import Delays, check_delays, find_delays, tract_delays
from dtbsim.spec.distributions import Table, as_table
from dtbsim.spec.known_arrays import KnownArrays
from dtbsim.spec.listed import listed_table, listed_weight, pairs_of
from dtbsim.spec.network import Population, Projection
from dtbsim.spec.numbers import Numbers
from dtbsim.spec.own_synapses import with_known_synapse
from dtbsim.spec.pair_numbers import PairNumbers
from dtbsim.spec.pools import Pools, Scaling, cumulative_shares, find_pools, find_scaling, unscaled
from dtbsim.spec.populations import Draft
from dtbsim.spec.positions import positions_of
from dtbsim.spec.resolution import Use
from dtbsim.spec.synapses import TYPICAL_FACTOR, compile_synapse
from dtbsim.spec.weight_changes import weights_of


def compile_projections(
    config: RunConfig,
    parts: Parts,
    drafts: dict[str, Draft],
    populations: tuple[Population, ...],
    plan: ChannelPlan,
    numbers: Numbers,
    events: Mapping[str, list[Event]],
) -> tuple[list[Projection], tuple[WeightChange, ...]]:
    """All projections with their pieces, and their changes; notes weights in the channel plan.

    `events` are the changes of each projection in the order of their steps.
    """
    families, places = {name: index for index, name in enumerate(drafts)}, numbers.places
    compiled: list[Projection] = []
    changes: list[WeightChange] = []
    known = KnownArrays()
    for index, (name, item) in enumerate(parts.projections.items()):
        if str(item.source) in places.broken or str(item.target) in places.broken:
            continue
        with places.collecting():
            compiler = _Compiler(config, parts, drafts, families, populations, plan, numbers, name, index)
            compiled.append(known.used_in(compiler.compile(events.get(name, ()))))
            changes += compiler.changes
    return compiled, tuple(sorted(changes, key=lambda change: change.step))


class _Compiler:
    def __init__(
        self,
        config: RunConfig,
        parts: Parts,
        drafts: dict[str, Draft],
        families: dict[str, int],
        populations: tuple[Population, ...],
        plan: ChannelPlan,
        numbers: Numbers,
        name: str,
        index: int,
    ) -> None:
        self.config, self.parts, self.atlas, self.plan = config, parts, numbers.atlas, plan
        self.populations, self.name, self.index, self.base_dir = populations, name, index, numbers.base
        self.places = numbers.places
        self.item = with_known_synapse(config, name, parts.projections[name], numbers)
        self.rule = rule_of(self.item.rule)
        self.path = parts.path("projections", name)
        self.source = self._family(drafts, str(self.item.source), "source")  # `expand` makes pairs of lists
        self.target = self._family(drafts, str(self.item.target), "target")
        self.pairs = PairNumbers(numbers, self.source, self.target, self.path)
        self.modulators: tuple[int, ...] = ()
        for key, named in self.item.synapse.populations() if self.item.synapse else ():
            self.modulators = tuple(self._family(drafts, named, f"synapse.{key}").populations)
        self.families = families
        self.changes: list[WeightChange] = []
        self.dt_ms = config.simulation.dt_ms

    def _family(self, drafts: dict[str, Draft], name: str, key: str) -> Draft:
        if name not in drafts:
            raise self.places.error(
                f"{self.path}.{key}", f"there is no population '{name}'", did_you_mean(name, list(drafts))
            )
        return drafts[name]

    def compile(self, events: Sequence[Event]) -> Projection:
        if self.target.model.is_source:
            raise self.places.error(f"{self.path}.target", f"'{self.item.target}' only emits spikes; it has no input")
        given, pools = self.pairs.synapses(self.rule, self.item.rule, self.item.scope, self._pools())
        listing = self._listing(pools)
        if listing is not None:
            pools = pairs_of(pools, listing.expected, self.source.populations)
        weight, shares = self._weight(listing, pools)
        mix = input_mix(self.target.model, self.item.receptor, weight, self.path, self.places)
        counts = counted(self.target.model, mix)
        if counts:
            weight = self._counted()
        scaling = self._scaling(pools) if listing is None else unscaled(pools)
        if scaling.weight_unit != 1.0 and not counts:
            weight = weight.map(scaling.weight_unit)
        factors = np.ones_like(scaling.weight) if counts else scaling.weight * shares
        delays = self._delays(pools, listing)
        numbers, per_entry, degrees = self._numbers(scaling, given, pools)
        if listing is not None:
            per_entry = pools.weight
        scale = (float(factors[factors > 0].min(initial=1.0)), float(factors.max(initial=0.0)))
        dynamics = None
        if self.item.synapse is not None:
            assert not isinstance(self.item.synapse, OwnSynapse), "of a model that is known by now"
            path = f"{self.path}.synapse"
            dynamics = compile_synapse(self.item.synapse, weight, scale, self.dt_ms, path, self.places)
        finest = scale[0] * (1.0 if dynamics is None or dynamics.plastic else TYPICAL_FACTOR)
        listed = None if listing is None or counts else listing.weight
        by_list = listing is not None and (counts or listed is not None)
        unit = 1.0 if counts else scaling.weight_unit
        if listed and events:
            message = "each of its synapses has a weight of its own, which is listed"
            raise self.places.error(f"changes.{events[0].key}.projection", message, "list them without weights")
        changing = dynamics, scale
        course = weights_of(self.item, weight, unit, mix, self.target.model, events, changing, self.places)
        for part in course:
            where = part.path or (f"{self.path}.rule" if by_list else f"{self.path}.{weight_key(self.item)}")
            scaled = None if scale == (1.0, 1.0) else factors
            grid = kept_grid(self.target.model, mix, part.table, factors, listed, where, self.places)
            largest = 0.0 if dynamics is None else dynamics.weight_max
            use = Use(where, part.table, scaled, largest, grid)
            channel = self.plan.use(self.target, mix, use, (finest, scale[1]))
        weight = course[0].table
        self.changes = [WeightChange(w.step, self.index, w.table, w.factor, w.drawn, w.factors) for w in course[1:]]
        projection = Projection(
            name=self.name,
            index=self.index,
            source_family=self.families[self.source.name],
            target_family=self.families[self.target.name],
            rule=self.rule,
            autapses=getattr(self.item.rule, "autapses", True),
            multapses=bool(getattr(self.item.rule, "multapses", False)),
            channel=channel,
            weight=weight,
            delay=delays.table,
            piece_target=np.array(self.target.populations, dtype=np.int32),
            piece_number=numbers,
            entry_start=pools.start,
            entry_source=pools.source.astype(np.int32),
            entry_number=per_entry,
            entry_cumulative=cumulative_shares(self._shares(pools, given), pools.start),
            weight_factor=factors,
            delay_steps=delays.steps,
            spread=delays.spread,
            degrees=degrees,
            receptors=None if self.item.receptor is None else named_ports(self.item.receptor),
            key_path=self.path,
            scope=self._scope,
            dynamics=dynamics,
            modulators=self.modulators,
            procedural=self._procedural(),
            reference=scaling.reference,
            listing=listing,
            lists_weights=listed is not None,
            weight_unit=unit,
        )
        self._check_available(projection)
        return projection

    # -- pairs ------------------------------------------------------------------------------------------------

    def _pools(self) -> Pools:
        """Source entries of every target population."""
        scope, source, target = self.item.scope, self.source, self.target
        if scope is not None and scope not in self.rule.scopes:
            raise self.places.error(
                f"{self.path}.scope",
                f"'{scope}' is not possible with {self.rule.label}",
                f"allowed: {', '.join(self.rule.scopes)}",
            )
        scope = scope or self.rule.default_scope
        if scope is None:
            if source.in_regions and target.in_regions:
                raise self.places.error(
                    f"{self.path}.scope",
                    f"'{source.name}' and '{target.name}' both live in regions",
                    "say how they pair: scope: same_region, connectome or all",
                )
            scope = "all"
        elif self.item.scope not in (None, "all") and not (source.in_regions and target.in_regions):
            other = source.name if not source.in_regions else target.name
            raise self.places.error(f"{self.path}.scope", f"'{scope}' needs regions, but '{other}' has none")
        self._scope = scope
        pools = find_pools(scope, source, target, self.atlas)
        if not pools.source.size:
            raise self.places.error(self.path, f"'{source.name}' and '{target.name}' share no pair of regions")
        return pools

    def _scaling(self, pools: Pools) -> Scaling:
        item, path = self.item, f"{self.path}.connectome_reference"
        scaling = find_scaling(item, pools, self.target, self.atlas)
        if scaling.reference == 0:
            message = "the connectome has no cycle of connections: its spectral radius is 0"
            raise self.places.error(path, message, "give largest, mean, or a number")
        if item.connectome_reference is not None and scaling.reference is None:
            raise self.places.error(path, "only scope: connectome has a reference", "leave it out")
        counts = self.rule.number_of is not None
        if item.connectome_reference is not None and not counts and item.connectome_scales == "indegree":
            message = f"no number of {item.rule.kind} follows the connectome"
            raise self.places.error(path, message, "leave it out, or give connectome_scales: weight")
        return scaling

    # -- numbers, weights, delays -----------------------------------------------------------------------------

    def _shares(self, pools: Pools, given: NDArray[np.float64] | None) -> NDArray[np.float64]:
        """Relative probability of each entry within its pool: given number, connectome weight, or population size."""
        if given is not None:
            return given
        if self.item.scope == "connectome" and self.item.connectome_scales == "indegree":
            return pools.weight
        return self.source.sizes[pools.source - self.source.populations[0]].astype(np.float64)

    def _numbers(
        self, scaling: Scaling, listed: NDArray[np.float64] | None, pools: Pools
    ) -> tuple[NDArray[np.int64], NDArray[np.float64], Degrees | None]:
        """(in-degree per piece, number per entry, in-degrees of target neurons); `listed` are numbers of entries."""
        rule, given = self.rule, self.item.rule
        pieces, entries, degrees = np.zeros(scaling.pieces.size), np.zeros(scaling.entries.size), None
        if rule.number_of == "target" and listed is not None:
            whole = given.model_copy(update={rule.number_key: np.bincount(pools.piece, listed, pieces.size)})
            pieces = rule.number(whole, np.ones(pieces.size))
        elif rule.number_of == "target" and not isinstance(getattr(given, rule.number_key, 0), int | float):
            degrees = self.pairs.degrees(rule, given, scaling.pieces)
            pieces = degrees.mean.astype(np.float64)
        elif rule.number_of == "target":
            pieces = self._bounded(rule.number(given, scaling.pieces), rule.most, rule.number_name)
        elif rule.number_of == "pair":
            each = given if listed is None else given.model_copy(update={rule.number_key: listed})
            entries = self._bounded(rule.number(each, scaling.entries), rule.most, rule.number_name)
        self._check_fit(pools)
        return pieces.astype(np.int64), entries, degrees

    def _check_fit(self, pools: Pools) -> None:
        """InputError where populations of such sizes cannot be connected."""
        sources = self.source.sizes[pools.source - self.source.populations[0]]
        sizes = np.unique(np.stack([sources, self.target.sizes[pools.piece]], axis=1), axis=0)
        for source, target in sizes.tolist():
            misfit = self.rule.misfit(
                End(self.source.name, source, self.source.regions), End(self.target.name, target, self.target.regions)
            )
            if misfit is not None:
                raise self.places.error(f"{self.path}.rule", misfit)

    def _end(self, draft: Draft) -> End:
        if np.ptp(draft.sizes) > 0:
            raise self.places.error(
                f"{self.path}.rule",
                f"{self.rule.label} numbers neurons through all regions, and '{draft.name}' has several sizes in them",
                "give it one size",
            )
        positions = None
        if self.rule.needs_positions:
            item = self.parts.populations[draft.name].positions
            gid0 = self.populations[draft.populations[0]].gid0
            positions = positions_of(item, draft, gid0, self.config.seed, self.atlas, self.base_dir, self.places)
        return End(draft.name, draft.size, draft.regions, positions)

    def _listing(self, pools: Pools) -> Listing | None:
        """The synapses of a rule that lists them itself."""
        if self.rule.loop is not None:
            return None
        allowed = np.zeros((self.target.regions.size, self.source.regions.size), dtype=bool)
        allowed[pools.piece, pools.source - self.source.populations[0]] = True
        ends = Ends(
            source=self._end(self.source),
            target=self._end(self.target),
            same=self.source is self.target,
            allowed=allowed,
            dt_ms=self.dt_ms,
            base_dir=self.base_dir,
        )
        try:
            return listing_of(self.rule, self.item.rule, ends)
        except InputError as error:
            raise self.places.at(f"{self.path}.rule", error) from None

    def _weight(self, listing: Listing | None, pools: Pools) -> tuple[Table, NDArray[np.float64]]:
        """The (largest) weight, and the share of it that each entry has; of listed weights their bounds and means."""
        span = None if listing is None else listing.weight
        keys = [key for key in WEIGHT_KEYS if getattr(self.item, key) is not None]
        if span is None:
            if not keys:
                raise self.places.error(
                    self.path, "no weight is given, and the rule lists none", f"give one of {', '.join(WEIGHT_KEYS)}"
                )
            table, shares = self.pairs.weights(getattr(self.item, keys[0]), pools, keys[0])
            return weight_table(self.item, self.target.model, self.path, self.places, table), shares
        if keys:
            raise self.places.error(
                f"{self.path}.{keys[0]}", "the rule lists weights, too", "leave one of them out: the key, or the column"
            )
        listed = listed_weight(span, self.target.model, f"{self.path}.rule", self.places)
        return listed, np.ones(pools.source.size)

    def _bounded(self, numbers: NDArray[np.float64], most: float, what: str) -> NDArray[np.float64]:
        """The numbers; InputError where the reference of the connectome is so small that they are too large."""
        largest = float(numbers.max(initial=0.0))
        if largest > most:
            given, path = self.item.connectome_reference, f"{self.path}.connectome_reference"
            message = f"{what} of {largest:.6g}; at most {most:,} can be"
            if isinstance(given, float | int):
                raise self.places.error(path, message, f"give a reference of at least {given * largest / most:.6g}")
            raise self.places.error(path, message, f"lower the number of the rule to {most / largest:.6g} of it")
        return numbers

    def _delays(self, pools: Pools, listing: Listing | None) -> Delays:
        """How synapses get their delays; notes a projection whose delays are rounded."""
        path, given, dt = f"{self.path}.delay_ms", self.item.delay_ms, self.dt_ms
        span = None if listing is None else listing.delay
        longest, means = self.config.simulation.max_delay_ms, None
        if span is not None:
            if given is not None:
                raise self.places.error(path, "the rule lists delays, too", "leave one of them out")
            steps = np.zeros(pools.source.size, dtype=np.int32)
            found = Delays(listed_table(span, dt), steps, rounded=span.rounded)
            check_delays(found, given, span.low * dt, span.high * dt, dt, longest, f"{self.path}.rule", self.places)
        elif given is None:
            raise self.places.error(path, "no delay is given, and the rule lists none", "give a delay in ms")
        else:
            if isinstance(given, cfg.TractDelay):
                means = tract_delays(given, pools.length_mm, dt, path, self.places)
            elif isinstance(given, Spreading):
                means = self.pairs.entries(given, pools, "delay_ms")
            found = find_delays(given, means, pools.source.size, dt, longest, path, self.pairs.numbers)
        if found.rounded:
            self.places.rounded_delays.append(self.name)
        return found

    def _counted(self) -> Table:
        """The weight of synapses whose spikes are counted: one."""
        if self.item.synapse is not None:
            raise self.places.error(
                f"{self.path}.synapse",
                f"'{self.target.name}' repeats spikes whatever their weight, so {self.item.synapse.kind} does nothing",
                "leave out synapse, or give receptor: silent, where spikes are not repeated",
            )
        return as_table(1.0)

    def _procedural(self) -> bool:
        item, path = self.item, f"{self.path}.procedural"
        if item.procedural and not self.rule.procedural:
            able = [name for name, rule in CONNECTION_RULES.usable().items() if rule.procedural]
            raise self.places.error(
                path,
                f"{item.rule.kind} draws by target, so the synapses of one source cannot be drawn alone",
                f"use {', '.join(able[:-1])} or {able[-1]}, or leave procedural out",
            )
        if item.procedural and item.synapse is not None:
            raise self.places.error(
                path,
                f"nothing is stored of procedural synapses that {item.synapse.kind} could change",
                "leave out synapse or procedural",
            )
        return item.procedural

    def _check_available(self, projection: Projection) -> None:
        if not projection.autapses and self.source is self.target and (self.source.sizes == 1).any():
            pieces = np.repeat(np.arange(projection.piece_target.size), np.diff(projection.entry_start))
            own = projection.entry_source == projection.piece_target[pieces]
            if (own & (self.source.sizes[pieces] == 1)).any():
                raise self.places.error(
                    f"{self.path}.rule", f"'{self.source.name}' has one neuron, so no source is left without autapses"
                )
        if self.rule.number_of != "target":
            return
        most = projection.piece_number if projection.degrees is None else projection.degrees.largest
        for piece in range(projection.piece_target.size):
            part = projection.entries(piece)
            entries = projection.entry_source[part]
            own = int(projection.piece_target[piece])
            sizes = np.array(
                [self.populations[int(e)].size - (not projection.autapses and int(e) == own) for e in entries]
            )
            edges = projection.entry_cumulative[part].astype(np.float64) + 1.0
            shares = np.diff(edges, prepend=0.0) / 2.0**32
            problem = self.rule.too_few(self.item.rule, int(most[piece]), sizes, shares)
            if problem is not None:
                raise self.places.error(f"{self.path}.rule", *problem)
