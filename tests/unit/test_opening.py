"""Opening backends is collective: a rank that cannot is the error of all, and none waits for it."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from tests.helpers.networks import network_of

from dtbsim.backends import cpu_plan
from dtbsim.backends.cpu import CpuBackend
from dtbsim.backends.cpu_plan import CpuExchange, CpuPlan
from dtbsim.build.blocks import cut_blocks, find_ranks
from dtbsim.errors import DtbsimError
from dtbsim.exchange.plan import plan_exchange
from dtbsim.mpi.fake import FakeComm, run_ranks

TEXT = """
simulation: {dt_ms: 0.5, duration_ms: 10, block_size: 16}
populations: {A: {model: iaf_psc_exp, size: 64}}
projections: {P: {source: A, target: A, rule: {kind: fixed_indegree, indegree: 5}, weight_pA: 9, delay_ms: 1}}
"""


@pytest.mark.parametrize("exchange", ["packets", "shared_memory"])
def test_a_rank_without_memory_ends_all(exchange: CpuExchange, monkeypatch: pytest.MonkeyPatch) -> None:
    network = network_of(TEXT)
    table = cut_blocks(network)
    ranks = find_ranks(network, table, 2)

    def opened(comm: FakeComm) -> str:
        plan = CpuPlan(network, comm.rank, comm.size, 1, exchange, ranks, table)
        built = plan.build()
        try:
            backend = plan.open(built, plan_exchange(network, built.blocks, comm.size), comm)
        except DtbsimError as error:
            return error.message
        backend.close()
        return "open"

    assert run_ranks(2, opened, timeout_s=60) == ["open", "open"]

    def made(*arguments: Any) -> CpuBackend:
        if threading.current_thread().name == "rank 1":
            raise MemoryError("no room")
        return CpuBackend(*arguments)

    monkeypatch.setattr(cpu_plan, "CpuBackend", made)
    assert run_ranks(2, opened, timeout_s=60) == ["[rank 1] out of memory before the first step: no room"] * 2
