"""Compile what the build needs, or load it from the kernel cache, before its time is taken."""

from __future__ import annotations

import numpy as np

from dtbsim.build.blocks import assign_ranks, cut_blocks
from dtbsim.build.candidates import find_candidates
from dtbsim.build.kinds import find_kinds
from dtbsim.build.lanes import lay_out
from dtbsim.build.synapses import LaneBuilder
from dtbsim.config.network import Population, Projection
from dtbsim.config.run import RunConfig, Simulation
from dtbsim.kernels import layout as L
from dtbsim.models.connections import CONNECTION_RULES
from dtbsim.models.connections.fixed_indegree import FixedIndegree
from dtbsim.models.connections.fixed_outdegree import FixedOutdegree
from dtbsim.models.connections.fixed_total_number import FixedTotalNumber
from dtbsim.spec import compile_network
from dtbsim.spec.network import Network


def warm_up_build(network: Network | None = None) -> None:
    """Build the synapses of two neurons: the compiled loops of every larger build are the same.

    Loops of some rules alone are compiled where `network` has them (None: all).
    """
    rules = CONNECTION_RULES.usable().values() if network is None else [p.rule for p in network.projections]
    split, by_source = any(rule.tasks == "split" for rule in rules), any(rule.by_source for rule in rules)
    rule = FixedTotalNumber(total=2) if split else FixedIndegree(indegree=1)
    pair = Projection(source="a", target="a", rule=rule, weight_pA=1.0, delay_ms=1.0)
    projections = {"aa": pair}
    if by_source:
        projections["by_source"] = pair.model_copy(update={"rule": FixedOutdegree(outdegree=1)})
    config = RunConfig(
        simulation=Simulation(dt_ms=1.0, duration_ms=1.0),
        populations={"a": Population(model="iaf_psc_exp", size=2)},
        projections=projections,
    )
    two = compile_network(config)
    table = cut_blocks(two)
    blocks = assign_ranks(two, table, 1)
    lanes, _ = lay_out(two, find_kinds(two), blocks, table, 0, 1)
    candidates = find_candidates(two, blocks, 0)
    rows = LaneBuilder(two, lanes[0], candidates, L.KIND_PACKED, two.projections).build()
    rows.add_magnitudes(np.zeros(lanes[0].n_slots, dtype=np.int64))
