"""Populations that emit spikes without input: listed ones, or Poisson trains."""

from __future__ import annotations

import numpy as np

from dtbsim.errors import InputError
from dtbsim.models.base import NeuronModel, Values
from dtbsim.models.tables import Parameter

MAX_MEAN = 100.0
"""Largest mean number of spikes per step: its 2^-32 tail stays below the most that a neuron can have."""


class SpikeSource(NeuronModel):
    """Emits the spikes of a list; it has no states, receives nothing and needs no update."""

    name = "spike_source"
    summary = "Emits the spike times it is given"
    integration = (
        "none: a spike at time t is emitted at the step that ends at t, as often as it is listed (up to 254 times)"
    )
    current_unit = ""
    is_source = True
    emits = "listed"
    counts_spikes = True


class PoissonSource(NeuronModel):
    """Emits spikes at random; it has no states, receives nothing and needs no update."""

    name = "poisson_source"
    summary = "Emits a Poisson spike train of its own, with a rate per neuron"
    integration = (
        "the number of spikes of a neuron in a step is a Poisson number with the mean rate_hz dt (at most 100), "
        "independent of all other steps and neurons; probabilities are exact to 2^-32. For a source that is on in "
        "windows, or whose rate changes, give a parrot_neuron a Poisson drive, or a drive `as_source: true`"
    )
    current_unit = ""
    is_source = True
    emits = "poisson"
    counts_spikes = True
    parameters = (Parameter("rate_hz", "Hz", 0.0, "rate of the Poisson process", low=0.0),)

    def check_together(self, p: Values, dt_ms: float) -> None:
        """The mean per step is bounded."""
        mean = float(np.max(p["rate_hz"])) * dt_ms * 1e-3
        if mean > MAX_MEAN:
            raise InputError(
                f"rate_hz {float(np.max(p['rate_hz'])):g} makes {mean:g} spikes per step; allowed: up to {MAX_MEAN:g}",
                remedy="use a shorter dt_ms, or more neurons with a lower rate",
            )
