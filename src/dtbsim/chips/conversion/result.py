"""A network in the numbers of a chip: parameters, weights and delays as its registers hold them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dtbsim.interchange.base import Loss

I64 = NDArray[np.int64]
F64 = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class ChipPopulation:
    """Neurons of a population of the configuration, in all of its regions.

    Attributes:
        name: as in the configuration.
        model: the chip's neuron model (`loihi_lif`, ...), or `spike_source` for listed spikes from outside.
        gids: int64[n], ascending: numbers of its neurons in the network that was converted.
        parameters: parameters of the model, float64[n] each, as the registers hold them: whole numbers, or (SpiNNaker)
            whole multiples of 2^-15.
        initial: states at the beginning, float64[n] each, whole numbers.
        wanted: the same parameters before rounding, float64[n], for those that were rounded.
        unit_mV: float64[n]: the potential of one unit of the chip's v, in mV; empty where it has none.
        spikes: int64[s, 2] (step, neuron): those that a `spike_source` lists, else None.
    """

    name: str
    model: str
    gids: I64
    parameters: Mapping[str, F64]
    initial: Mapping[str, F64] = field(default_factory=dict)
    wanted: Mapping[str, F64] = field(default_factory=dict)
    unit_mV: F64 = field(default_factory=lambda: np.zeros(0))
    spikes: I64 | None = None

    @property
    def size(self) -> int:
        """Number of neurons."""
        return int(self.gids.size)


@dataclass(frozen=True, eq=False)
class ChipProjection:
    """Synapses of a projection; entry k of each array is of synapse k, in the order of target, source and delay.

    Attributes:
        name: as in the configuration.
        source, target: names of the populations.
        receptor: the port of the chip's model that they feed.
        source_gid, target_gid: int64[m], as in the network that was converted.
        mantissa: int32[m], signed: what the synapse memory holds.
        exponent: int8[m]: that of its core and receptor; the weight is mantissa * 2**exponent in the chip's unit.
        delay_steps: int32[m]: as the chip counts them (Loihi: from 0).
        wanted: float64[m]: the weight before rounding, in the chip's unit.
    """

    name: str
    source: str
    target: str
    receptor: str
    source_gid: I64
    target_gid: I64
    mantissa: NDArray[np.int32]
    exponent: NDArray[np.int8]
    delay_steps: NDArray[np.int32]
    wanted: F64

    @property
    def size(self) -> int:
        """Number of synapses."""
        return int(self.mantissa.size)

    @property
    def weight(self) -> I64:
        """int64[m]: weights in the chip's unit."""
        scaled = np.ldexp(self.mantissa.astype(np.float64), self.exponent.astype(np.int64))
        return scaled.astype(np.int64)


@dataclass(frozen=True, eq=False)
class ChipDrive:
    """Listed spikes from outside; entry k of each array is of spike k, in the order of time and neuron.

    Attributes:
        name: as in the configuration.
        target: name of the population.
        receptor: the port that they feed.
        step: int64[s], the chip's step in which it acts.
        gid: int64[s], the neuron that it reaches.
        weight: float64[s], whole numbers in the chip's unit.
        wanted: float64[s]: before rounding.
        mantissa, exponent: int32[s], int8[s]: as of `ChipProjection`.
    """

    name: str
    target: str
    receptor: str
    step: I64
    gid: I64
    weight: F64
    wanted: F64
    mantissa: NDArray[np.int32]
    exponent: NDArray[np.int8]


@dataclass(frozen=True, eq=False)
class Conversion:
    """A network in the numbers of a chip.

    Attributes:
        chip: name of the chip.
        model: its neuron model.
        dt_ms: what a step of the chip stands for.
        n_steps: steps of the run.
        populations, projections, drives: by name, in the order of the configuration.
        exponents: by (core, receptor), where `weight` is mantissa * 2**exponent; core 0 for all where none were given.
            On Loihi, where all synapses feed one port, receptors are `ex` and `in` by the sign of the weight.
        weight_bits: bits of a mantissa, with its sign where it has one.
        run_shift: what delays of the ordinary engine, which count from 1, have more than the chip's.
        losses: what the chip does otherwise.
        notes: what the user should know.
    """

    chip: str
    model: str
    dt_ms: float
    n_steps: int
    populations: Mapping[str, ChipPopulation]
    projections: Mapping[str, ChipProjection]
    drives: Mapping[str, ChipDrive]
    exponents: Mapping[tuple[int, str], int]
    weight_bits: int
    run_shift: int = 0
    losses: tuple[Loss, ...] = ()
    notes: tuple[str, ...] = ()

    def write(self, folder: str | os.PathLike[str]) -> Path:
        """Write the configuration that runs as the chip does to a new folder; return its path, `folder`/network.yaml.

        Populations keep their names and gids; synapses are explicit projections, and numbers of every neuron lie in
        files beside the configuration.

        Raises:
            InputError: the folder is there and not empty; nothing was written.
        """
        from dtbsim.chips.conversion.write import write_network

        return write_network(self, folder)
