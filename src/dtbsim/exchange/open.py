"""The exchange of a rank on CPUs, as its plan has chosen it."""

from __future__ import annotations

import logging
from typing import Literal

from dtbsim.build.rank import RankNetwork
from dtbsim.exchange.board import SharedBoard
from dtbsim.exchange.interface import Exchange, InsideExchange
from dtbsim.exchange.leaders import LeaderTransport
from dtbsim.exchange.neighbours import FIRST_WORDS, neighbour_exchange
from dtbsim.exchange.plan import ExchangePlan
from dtbsim.exchange.transport import DirectTransport
from dtbsim.mpi import Comm

_LOG = logging.getLogger(__name__)
CpuExchange = Literal["none", "shared_memory", "packets", "two_level"]


def open_exchange(
    way: CpuExchange, comm: Comm, built: RankNetwork, plan: ExchangePlan, words: int = FIRST_WORDS
) -> Exchange:
    """The exchange of a rank that has been built; collective. `words`: the room that messages have at first.

    Raises MissingDependencyError where ranks of a node cannot share memory and are to.
    """
    if way == "none":
        return InsideExchange()
    exchange: Exchange
    if way == "shared_memory":
        exchange = SharedBoard(comm, plan, built.network.n_neurons // comm.size)
    else:
        transport = LeaderTransport(comm) if way == "two_level" else DirectTransport(comm)
        exchange = neighbour_exchange(comm, built, plan, words, transport)
    _LOG.info("exchange by %s every %d step(s)", way, exchange.window)
    return exchange
