"""What others ask of a lane group whose arrays are where it is stepped: histories, and nothing to be fetched."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dtbsim.kernels import region_blocks as T

F32 = NDArray[np.float32]


@dataclass(eq=False)
class History:
    """What is kept of one sent variable, by one function."""

    population: int
    variable: str
    function: int
    numbers: F32
    values: F32


class InPlace:
    """A part of `LaneGroup`; groups that are stepped elsewhere do these things in their own way."""

    table: NDArray[np.int64]
    lanes: int
    block: int
    back: int
    columns: int
    sent: list[dict[str, F32]]
    _histories: list[History]
    _means: list[F32]

    def n_sources(self, history: History) -> int:
        """How many nodes a history is of."""
        raise NotImplementedError

    def _spare_columns(self) -> int:
        """Columns of histories beyond those that can be heard: there they go on before they are moved."""
        return 0 if self.back == 0 else max(64, self.block, self.back // 2)

    def history_values(self, history: History) -> F32:
        """float32[nodes + 1, columns, lanes], a view."""
        nodes = self.n_sources(history)
        size = (nodes + 1) * self.columns * self.lanes
        return history.values[:size].reshape(nodes + 1, self.columns, self.lanes)

    @property
    def histories(self) -> list[History]:
        """Histories of sent variables."""
        return self._histories

    @property
    def means(self) -> list[F32]:
        """What has been summed of the means that are not complete, by sample."""
        return self._means

    def kept(self, k: int) -> F32:
        """float32[nodes + 1, back + 1, lanes]: the columns of a history that can be heard, the oldest first."""
        position = int(self.table[T.POSITION])
        return self.history_values(self._histories[k])[:, position - self.back : position + 1]

    def keep(self, k: int, values: F32) -> None:
        """Let these be the first nodes of `kept`."""
        self.kept(k)[: len(values)] = values

    def go_on_from(self, step: int) -> None:
        """The next step is this one; histories are given after it."""
        self.table[T.STEP], self.table[T.POSITION] = step, self.back

    def fetch_states(self) -> None:
        """Bring the states of all blocks here."""

    def fetch(self) -> None:
        """Bring everything here that a state is made of."""

    def store(self) -> None:
        """Take it where it is stepped."""

    def sent_now(self, population: int, variable: str, steps: int) -> F32:
        """float32[steps, local nodes * lanes]: what was sent in the block that was stepped."""
        return self.sent[population][variable][:steps]

    def tell_everywhere(self, steps: int) -> None:
        """What all ranks sent in a block is in `everywhere`."""

    def step_block(self, steps: int) -> None:
        """Sums, nodes and samples of a block."""
        T.step_block(self.table, steps)

    def remember_block(self, steps: int) -> None:
        """What was sent in it, and what neurons gave (`rates`), goes to the histories."""
        T.remember_block(self.table, steps)
