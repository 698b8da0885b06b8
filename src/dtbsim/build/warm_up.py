"""Compile what the build needs, or load it from the kernel cache, before its time is taken."""

from __future__ import annotations

import numpy as np

from dtbsim.build.blocks import assign_ranks, cut_blocks
from dtbsim.build.kinds import find_kinds
from dtbsim.build.lanes import lay_out
from dtbsim.build.synapses import LaneBuilder, find_candidates
from dtbsim.config.network import FixedOutdegree, FixedTotalNumber, Population, Projection
from dtbsim.config.run import RunConfig, Simulation
from dtbsim.kernels import layout as L
from dtbsim.spec import compile_network


def warm_up_build() -> None:
    """Build the synapses of two neurons: the compiled loops of every larger build are the same."""
    pair = Projection(
        source="a",
        target="a",
        rule=FixedTotalNumber(kind="fixed_total_number", total=2),
        weight_pA=1.0,
        delay_ms=1.0,
    )
    by_source = pair.model_copy(update={"rule": FixedOutdegree(kind="fixed_outdegree", outdegree=1)})
    config = RunConfig(
        simulation=Simulation(dt_ms=1.0, duration_ms=1.0),
        populations={"a": Population(model="iaf_psc_exp", size=2)},
        projections={"aa": pair, "by_source": by_source},
    )
    network = compile_network(config)
    table = cut_blocks(network)
    blocks = assign_ranks(network, table, 1)
    lanes, _ = lay_out(network, find_kinds(network), blocks, table, 0, 1)
    candidates = find_candidates(network, blocks, 0)
    rows = LaneBuilder(network, lanes[0], candidates, L.KIND_PACKED, network.projections).build()
    rows.add_magnitudes(np.zeros(lanes[0].n_slots, dtype=np.int64))
