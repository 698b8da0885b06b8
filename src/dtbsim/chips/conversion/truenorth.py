"""Networks of TrueNorth's own neurons: its leak is a number in every tick, which no exponential decay is."""

from __future__ import annotations

import numpy as np

from dtbsim.chips.conversion.given import Events, Given, Refusals
from dtbsim.chips.conversion.parts import Parts, Reached, check_delays, place_weights, source_population
from dtbsim.chips.conversion.result import ChipPopulation
from dtbsim.chips.conversion.weights import Format

MODEL = "truenorth"
LARGEST_WEIGHT = 255
KINDS = 4
"""Weights that a neuron has, one for each type of axon."""


def to_truenorth(given: Given, wrong: Refusals) -> Parts:
    """Convert a network of `truenorth` neurons."""
    parts = Parts()
    for cells in given.cells:
        if cells.model.is_source:
            parts.populations[cells.name] = source_population(cells)
        elif cells.model.name != MODEL:
            wrong.add(
                f"{cells.key_path}.model", f"population '{cells.name}' is of model '{cells.model.name}'; the chip's "
                "leak is a number in every tick, and no exponential decay", f"use {MODEL}",
            )  # fmt: skip
        else:
            if (cells.current != 0).any():
                wrong.add(cells.key_path, "a current into neurons of the chip", "give it as leak")
            initial = {name: value for name, value in cells.initial.items() if value.any()}
            parts.populations[cells.name] = ChipPopulation(cells.name, MODEL, cells.gids, dict(cells.p), initial)
    reached = []
    for item in given.items:
        wrong.limit(
            item.key_path, "a weight", item.weight, -LARGEST_WEIGHT, LARGEST_WEIGHT, "9 bits: Cassidy et al. 2013"
        )
        if isinstance(item, Events):
            steps = item.step
        else:
            steps = item.delay_steps
            check_delays(given, item, steps, 1, 15, wrong)
        every = np.ones(item.weight.size, np.bool_)
        reached.append(Reached(item, "syn", item.weight, steps, (("syn", every),)))
    _check_kinds(given, wrong)
    wrong.tell()
    most = 2 ** (given.weight_bits - 1) - 1
    place_weights(given, reached, Format(most, 0, 0 if most == LARGEST_WEIGHT else 8), parts)
    return parts


def _check_kinds(given: Given, wrong: Refusals) -> None:
    """A neuron has four different weights."""
    for index, cells in enumerate(given.cells):
        if cells.model.name != MODEL:
            continue
        pairs = [
            np.column_stack([item.gid if isinstance(item, Events) else item.target_gid, item.weight.astype(np.int64)])
            for item in given.inputs_of(index)
        ]
        if not pairs:
            continue
        counts = np.bincount(np.unique(np.concatenate(pairs), axis=0)[:, 0], minlength=1)
        most = int(counts.max())
        if most > KINDS:
            wrong.add(
                cells.key_path, f"a neuron of population '{cells.name}' has {most} different weights; the chip has "
                f"{KINDS}, one for each type of axon", "use fewer sizes of weights",
            )  # fmt: skip
