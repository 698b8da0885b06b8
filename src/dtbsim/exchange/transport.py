"""By which ways messages get to other ranks: straight, over node leaders, or nowhere in a dry run."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from dtbsim.exchange.mailbox import Carrier, DirectMailbox, Mailbox

I64 = NDArray[np.int64]
DIRECT = 0


class Transport(Protocol):
    """Makes mailboxes. Messages that go different ways are in different ones."""

    def ways(self, ranks: I64) -> I64:
        """Return the number of the way to each of these ranks, int64[n]: the same as theirs to this one."""

    def mailbox(self, way: int, to: list[int], sources: list[int], words: int) -> Mailbox:
        """Return a new mailbox for ranks of one way, with room for `words` of each at first.

        All ranks call it in the same order, also with no ranks; each rank of `to` has this one among its `sources`.
        """


class DirectTransport:
    """Every message straight to its rank."""

    def __init__(self, carrier: Carrier) -> None:
        self._carrier = carrier

    def ways(self, ranks: I64) -> I64:
        """One way."""
        return np.full(ranks.size, DIRECT, np.int64)

    def mailbox(self, way: int, to: list[int], sources: list[int], words: int) -> Mailbox:
        """A direct one."""
        return DirectMailbox(self._carrier, to, sources, words)
