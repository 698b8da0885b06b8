"""The regions of one rank on the CPU, on any number of threads."""

from __future__ import annotations

from functools import partial

import numpy as np
from numpy.typing import NDArray

from dtbsim.backends.regions.group import LaneGroup
from dtbsim.backends.regions.stepper import RegionStepper
from dtbsim.backends.threads import Team
from dtbsim.errors import FaultError
from dtbsim.kernels import barrier as B
from dtbsim.kernels import region_blocks as T
from dtbsim.kernels.region_coupling import ROWS
from dtbsim.mpi import Comm
from dtbsim.spec.region_network import RegionNetwork

F32 = NDArray[np.float32]
ENOUGH = 4096
"""Element-steps of a block from which on threads share its nodes."""


class RegionEngine(RegionStepper):
    """Steps the share of one rank with compiled loops."""

    def __init__(self, network: RegionNetwork, dt_ms: float, comm: Comm, n_threads: int) -> None:
        super().__init__(network, dt_ms, comm)
        share, sampled = self.share, self._sampled
        self._lane_groups = [LaneGroup(network, share, members, dt_ms, sampled) for members in share.groups]
        self.groups = [*self._lane_groups]
        self._team = Team(max(1, n_threads))
        self._barrier = np.zeros(B.WORDS, np.int64)
        self._compiled = False

    def compile(self) -> None:
        """Have all machine code."""
        if self._compiled:
            return
        self._compiled = True
        for group in self._lane_groups:
            group.compile()
            if self.share.split or self.hybrid:
                T.step_block(group.table, 0)
                T.remember_block(group.table, 0)
            else:
                T.step_group(group.table, 0, 0, 1, self._barrier)

    def _fill_histories(self) -> None:
        for group in self._lane_groups:
            group.tell()
            self._exchange(group, 1)
            group.fill_histories()

    def step_block(self, stop: int) -> list[F32]:
        """Step to `stop`, within a block; returns what neurons get, float32[steps, targets] by `to_spikes`."""
        steps = stop - self.reached
        (group,) = self._lane_groups
        group.step_block(steps)
        return [given[:steps].copy() for given in group.given]

    def _remember(self, steps: int) -> None:
        (group,) = self._lane_groups
        self._exchange(group, steps)
        group.remember_block(steps)

    def _advance(self, stop: int) -> None:
        if self.share.split:
            for group in self._lane_groups:
                self._split_steps(group, stop)
        elif self._team.n == 1 or len(self._lane_groups) == 1:
            for group in self._lane_groups:
                self._group_steps(group, stop)
        else:
            self._team.run(partial(self._groups_of, stop))

    def _groups_of(self, stop: int, thread: int) -> None:
        """Every so-manieth group on one of the threads."""
        alone = np.zeros(B.WORDS, np.int64)
        for group in self._lane_groups[thread :: self._team.n]:
            T.step_group(group.table, stop, 0, 1, alone)

    def _group_steps(self, group: LaneGroup, stop: int) -> None:
        n = min(self._team.n, self._network.n_nodes // (2 * ROWS))
        if n < 2 or group.block * group.lanes * self._network.n_nodes < ENOUGH:
            T.step_group(group.table, stop, 0, 1, self._barrier)
            return
        self._team.run(partial(self._part_of, group, stop, n))

    def _part_of(self, group: LaneGroup, stop: int, n: int, thread: int) -> None:
        if thread < n and not T.step_group(group.table, stop, thread, n, self._barrier):
            raise FaultError("another thread ended the run")

    def _split_steps(self, group: LaneGroup, stop: int) -> None:
        while group.table[T.STEP] < stop:
            steps = int(min(group.block, stop - group.table[T.STEP]))
            group.step_block(steps)
            self._exchange(group, steps)
            group.remember_block(steps)

    def close(self) -> None:
        """Stop the threads."""
        self._team.close()
