"""The architecture file of SANA-FE for a chip, with the energy that its description has.

`buffer_position: dendrite` with `buffer_inside_unit: true` is what makes delays work: with the buffer before the soma,
SANA-FE 2.2.9 delivers nothing through dendrites with delays, and says nothing.
"""

from __future__ import annotations

import math

from dtbsim.chips.chip import Chip

_TEXT = """\
architecture:
  name: {name}
  attributes:
    topology: mesh
    width: {width}
    height: {height}
    link_buffer_size: 16
    sync_model: fixed
    latency_sync: 0.0
  tile:
    - name: tile[0..{last_tile}]
      attributes:
        energy_north_hop: {hop_y}
        latency_north_hop: 0.0
        energy_east_hop: {hop_x}
        latency_east_hop: 0.0
        energy_south_hop: {hop_y}
        latency_south_hop: 0.0
        energy_west_hop: {hop_x}
        latency_west_hop: 0.0
      core:
        - name: core[0..{last_core}]
          attributes:
            buffer_position: dendrite
            buffer_inside_unit: true
            max_neurons_supported: {neurons}
          axon_in:
            - name: axons_in
              attributes: {{energy_message_in: 0.0, latency_message_in: 0.0}}
          synapse:
            - name: synapses
              attributes: {{model: current_based, energy_process_spike: {synapse}, latency_process_spike: 0.0}}
          dendrite:
            - name: dendrites
              attributes: {{model: accumulator_with_delay, energy_update: 0.0, latency_update: 0.0}}
          soma:
            - name: neurons
              attributes:
                model: leaky_integrate_fire
                energy_access_neuron: {access}
                latency_access_neuron: 0.0
                energy_update_neuron: {update}
                latency_update_neuron: 0.0
                energy_spike_out: {spike}
                latency_spike_out: 0.0
{sources}          axon_out:
            - name: axons_out
              attributes: {{energy_message_out: {message}, latency_message_out: 0.0}}
"""
_SOURCES = """\
            - name: sources[0..{last}]
              attributes:
                model: input
                energy_access_neuron: 0.0
                latency_access_neuron: 0.0
                energy_update_neuron: 0.0
                latency_update_neuron: 0.0
                energy_spike_out: 0.0
                latency_spike_out: 0.0
"""


def architecture(chip: Chip, n_chips: int, n_inputs: int) -> str:
    """Return the text of the file: chips beside each other on one mesh; energy that is not known is 0.

    `n_inputs`: sources of listed spikes that a core has.
    """
    per_tile = chip.whole("size.cores_per_tile") or 1
    tiles = math.ceil(round(chip["size.cores"]) / per_tile) * n_chips
    width, height = chip.whole("size.mesh_width"), chip.whole("size.mesh_height")
    if width is None or height is None:
        width, height = tiles, 1
    else:
        width *= n_chips
    pico = {
        key: (chip.get(f"energy.{key}") or 0.0) * 1e-12 for key in ("hop_x", "hop_y", "synapse", "spike", "message")
    }
    return _TEXT.format(
        name=chip.name,
        width=width,
        height=height,
        last_tile=tiles - 1,
        last_core=per_tile - 1,
        neurons=round(chip["size.neurons_per_core"]) + n_inputs,
        access=(chip.get("energy.neuron_access") or 0.0) * 1e-12,
        update=(chip.get("energy.neuron_update") or 0.0) * 1e-12,
        sources=_SOURCES.format(last=n_inputs - 1) if n_inputs else "",
        **pico,
    )
