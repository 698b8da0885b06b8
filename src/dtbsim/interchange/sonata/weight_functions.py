"""Weight functions that public SONATA networks name: weights from those of the edges and attributes of both nodes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

F64 = NDArray[np.float64]
Attribute = Callable[[str], F64]
"""`attribute(name)` of each edge's node; raises InputError where it has none."""


def _turned(source: Attribute, target: Attribute) -> F64:
    """Angle between preferred directions, 0 to 180 degrees."""
    apart = np.abs(target("tuning_angle") - source("tuning_angle"))
    return np.abs(np.abs(np.mod(apart, 360.0) - 180.0) - 180.0)


def plain(edge: Attribute, source: Attribute, target: Attribute) -> F64:
    """The weight times the number of synapses."""
    return edge("syn_weight") * edge("nsyns")


def direction_others(edge: Attribute, source: Attribute, target: Attribute) -> F64:
    """Weaker between neurons that prefer other directions (Billeh et al. 2020, doi:10.1016/j.neuron.2020.01.040)."""
    return plain(edge, source, target) * np.exp(-((_turned(source, target) / edge("weight_sigma")) ** 2))


def direction_ee(edge: Attribute, source: Attribute, target: Attribute) -> F64:
    """The same with the phase of receptive fields, whose degrees are 0.07 (x) and 0.04 (z) per micrometre."""
    tuning = target("tuning_angle")
    angle = np.deg2rad(tuning)
    along = (target("x") - source("x")) * 0.07 * np.cos(angle) + (target("z") - source("z")) * 0.04 * np.sin(angle)
    tilt = np.abs(np.abs(np.abs(180.0 - np.mod(np.abs(tuning), 360.0)) - 90.0) - 90.0)
    phase = np.exp(-(along**2) / 2.0) * (5.5 / 4.0 - 11.0 / 1680.0 * tilt)
    return direction_others(edge, source, target) * phase


def gaussian_ll(edge: Attribute, source: Attribute, target: Attribute) -> F64:
    """Weaker between neurons of other orientations (Arkhipov et al. 2018, doi:10.1371/journal.pcbi.1006535)."""
    apart = np.abs(target("tuning_angle") - source("tuning_angle"))
    turned = np.abs(np.abs(np.abs(180.0 - np.mod(apart, 360.0)) - 90.0) - 90.0)
    return plain(edge, source, target) * np.exp(-((turned / edge("weight_sigma")) ** 2))


WEIGHT_FUNCTIONS: Mapping[str, Any] = {
    "default_weight_fnc": plain,
    "set_syn_weight": plain,
    "wmax": plain,
    "DirectionRule_others": direction_others,
    "DirectionRule_EE": direction_ee,
    "gaussianLL": gaussian_ll,
}
