"""What a description of a chip can say: sections, keys, units and what each means."""

from __future__ import annotations

from typing import NamedTuple


class Field(NamedTuple):
    """A number of a chip: its unit, what it means, and the smallest value allowed."""

    unit: str
    meaning: str
    least: float = 0.0
    whole: bool = True


SECTIONS: dict[str, dict[str, Field]] = {
    "size": {
        "cores": Field("cores", "cores of a chip that neurons can be on", 1),
        "neurons_per_core": Field("neurons", "neurons that a core holds at most", 1),
        "neurons_per_chip": Field("neurons", "neurons that a chip holds at most", 1),
        "mesh_width": Field("tiles", "columns of the mesh that messages travel on", 1),
        "mesh_height": Field("tiles", "rows of the mesh", 1),
        "cores_per_tile": Field("cores", "cores that share a router", 1),
        "populations_per_core": Field("populations", "populations of which neurons can share a core", 1),
        "chips_per_board": Field("chips", "chips of the largest board that is sold or lent as one", 1),
    },
    "memory": {
        "synapses_per_core": Field("synapses", "synapses that a core holds at most", 1),
        "synapses_per_chip": Field("synapses", "synapses that a chip holds at most", 1),
        "bytes_per_core": Field("bytes", "memory of a core for synapses", 1),
        "bytes_per_chip": Field("bytes", "memory of a chip that its cores share for synapses", 1),
        "bits_per_synapse": Field("bits", "memory of a synapse", 1),
    },
    "connections": {
        "fan_in": Field("synapses", "synapses onto a neuron at most", 1),
        "axons_in": Field("axons", "source neurons that a core hears at most", 1),
        "axons_out": Field("axons", "pairs of a neuron and a core that hears it, of a core, at most", 1),
        "targets": Field("cores", "cores that a neuron sends to at most", 1),
        "routes": Field("entries", "entries of the routing table of a chip", 1),
        "delay_min": Field("steps", "shortest delay", 0),
        "delay_max": Field("steps", "longest delay", 0),
    },
    "numbers": {
        "weight_bits": Field("bits", "bits of a weight, with its sign where it has one", 1),
        "weight_bits_max": Field("bits", "the most bits that weights can be given", 1),
        "weight_exponent_min": Field("exponent", "smallest power of two of weights that share it", -64),
        "weight_exponent_max": Field("exponent", "largest power of two of weights that share it", -64),
        "weight_values": Field("values", "different weights that a neuron can have", 1),
        "decay_bits": Field("bits", "fraction of the decays", 1),
        "threshold_max": Field("units", "largest threshold, in units of the chip", 1),
        "bias_max": Field("units", "largest bias, in units of the chip", 1),
        "state_bits": Field("bits", "size of a state", 1),
        "refractory_min": Field("steps", "shortest refractory time", 0),
        "refractory_max": Field("steps", "longest refractory time", 0),
        "speed": Field("times", "how much faster than biology it must run; 0 where it need not", 0, False),
    },
    "energy": {
        "synapse": Field("pJ", "a spike that arrives at a synapse", 0, False),
        "neuron_access": Field("pJ", "reading the state of a neuron in a step", 0, False),
        "neuron_update": Field("pJ", "updating a neuron in a step", 0, False),
        "spike": Field("pJ", "a spike that a neuron makes", 0, False),
        "message": Field("pJ", "a message from a core to a core", 0, False),
        "hop_x": Field("pJ", "a message over a link of the mesh, along a row", 0, False),
        "hop_y": Field("pJ", "a message over a link of the mesh, along a column", 0, False),
        "chip_idle": Field("mW", "a chip that does nothing", 0, False),
        "core_active": Field("mW", "a core that is used, on top", 0, False),
    },
}
"""Every number that a description may have, by section and key."""


def field_of(path: str) -> Field:
    """Return the field at `size.cores`. Raises KeyError."""
    section, key = path.split(".")
    return SECTIONS[section][key]


def all_paths() -> list[str]:
    """Return the paths of all numbers, in order."""
    return [f"{section}.{key}" for section, keys in SECTIONS.items() for key in keys]
