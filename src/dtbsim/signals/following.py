"""Signals that are made of another one while the run goes on: what all of them have in common.

They follow an entry of `signals`, or the rates or BOLD of a run, sample by sample, on rank 0, and see its samples as
they are stored. Everything is float64, and every sample is worked on by itself or in blocks that begin at fixed
samples, so the results do not depend on how a run is cut into chunks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from dtbsim.clock import steps_of
from dtbsim.config.bounds import Number
from dtbsim.config.signals import SIGNALS, SignalOptions
from dtbsim.errors import InputError, did_you_mean
from dtbsim.signals.source import F64, Grid
from dtbsim.signals.stream import Plan, Site, Stream

if TYPE_CHECKING:
    from dtbsim.record.chunk import Chunk
    from dtbsim.spec.network import Network

RECORDED = {"rates": "record.rate_bin_ms", "bold": "bold"}
"""What can be followed that is no entry of `signals`, with the key that asks for it."""


class FollowingOptions(SignalOptions):
    """Base of what a signal takes that follows another one."""

    follows: ClassVar[tuple[str, ...]] = ("start_ms",)
    on_grid: ClassVar[tuple[str, ...]] = ("start_ms",)

    of: str = Field(description="what it follows: a name below `signals`, `bold` or `rates`")
    start_ms: Number = Field(
        default=0.0, ge=0, description="begin after this time; where it is not given: `simulation.settling_ms`"
    )


def followed_by(network: Network, name: str, of: str) -> Plan:
    """The plan of what the entry `name` follows; InputError where there is no such series."""
    where = f"signals.{name}.of"
    asked = {entry.name: entry for entry in network.signals}
    passed, at = [name], of
    while at in asked and hasattr(asked[at].options, "of"):
        if at in passed:
            raise InputError(
                f"{' follows '.join([*passed, at])}", where=where, remedy="let one of them follow another signal"
            )
        passed.append(at)
        at = asked[at].options.of
    if of in asked:
        plan: Plan = SIGNALS.find(asked[of].kind).plan(of, asked[of].options, network)
    elif of in RECORDED:
        plans = SIGNALS.find(of).plans(network)
        if not plans:
            raise InputError(f"{of} are not recorded" if of == "rates" else "there is no BOLD", where=where,
                             remedy=f"set {RECORDED[of]}")  # fmt: skip
        (plan,) = plans
    else:
        raise InputError(f"no signal '{of}'", where=where, remedy=did_you_mean(of, [*asked, *RECORDED]))
    if plan.grid is None:
        raise InputError(
            f"'{of}' is no series of samples that can be followed",
            where=where,
            remedy="name one of eeg, meg, lfp, source, band or kuramoto_order, or bold or rates",
        )
    return plan


class FollowingPlan(Plan):
    """Follows `base`, from its first sample after `start` on."""

    def __init__(self, name: str, kind: str, item: Any, network: Network) -> None:
        self.name, self.kind, self.dt_ms = name, kind, network.dt_ms
        self.base = followed_by(network, name, item.of)
        assert self.base.grid is not None
        self.followed: Grid = self.base.grid
        self.depth = self.base.depth + 1
        self.board_name = name
        self.of = item.of
        self.start = steps_of(item.start_ms, network.dt_ms)
        self.first = self.followed.after(self.start)
        """The step of its first sample."""

    def need(self, samples: int, what: str, key: str = "start_ms") -> None:
        """InputError unless there are so many samples from the first on."""
        found = self.followed.samples_from(self.first)
        if found < samples:
            span_ms = samples * self.followed.interval_ms
            raise InputError(
                f"{what} needs {samples} sample(s) of '{self.of}' ({span_ms:g} ms); "
                f"there are {found} after {self.first_after_ms:g} ms",
                where=f"signals.{self.name}.{key}",
                remedy="make the run longer, or start_ms or this smaller",
            )

    @property
    def first_after_ms(self) -> float:
        """The time after which the first sample comes."""
        return (self.first - self.followed.interval) * self.dt_ms

    def open(self, site: Site) -> Stream:
        """On rank 0, where the samples are."""
        return self.follow(site) if site.comm.is_root else Stream()

    def follow(self, site: Site) -> FollowingStream:
        """The stream on rank 0. May raise StorageError."""
        raise NotImplementedError


class FollowingStream(Stream):
    """Takes the samples of what it follows; lives on rank 0."""

    def __init__(self, plan: FollowingPlan, site: Site) -> None:
        self._followed, self._first, self._interval = plan.base.board_name, plan.first, plan.followed.interval
        self.board, self.board_name = site.board, plan.board_name

    def take(self, chunk: Chunk) -> None:
        """Go on by the samples of a chunk."""
        step, rows = self._board_rows()
        self.add(step, rows)

    def _board_rows(self) -> tuple[int, F64]:
        return self.board.rows(self._followed)

    def after_start(self, step: int, rows: F64) -> F64:
        """Those of `rows`, the first of which is of `step`, that are not before the plan's first sample."""
        before = max(0, -(-(self._first - step) // self._interval))
        return rows[before:]

    def add(self, step: int, rows: F64) -> None:
        """Go on by samples float64[k, channels]; the first of them, if any, was taken after step `step`."""
        raise NotImplementedError

    def state(self) -> dict[str, NDArray[Any]]:
        """To be said by every kind."""
        raise NotImplementedError

    def restore(self, state: Any) -> None:
        """Go on from there."""
        raise NotImplementedError


def triangle(n: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows and columns of the pairs of n channels, each once, in the order in which they are stored."""
    first, second = np.triu_indices(n, 1)
    return first, second
