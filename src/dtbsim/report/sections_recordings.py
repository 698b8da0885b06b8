"""The part of the report about what was recorded on request: states, weights, correlation histograms."""

from __future__ import annotations

from dtbsim.report import figures_recordings as draw
from dtbsim.report.data import Correlogram, RecordedStates, RecordedWeights, ReportData
from dtbsim.report.parts import Panel, Section
from dtbsim.report.text import count, milliseconds, plural, safe, significant


def recordings_section(data: ReportData) -> Section | None:
    """Return a panel for each entry of record.states, record.weights and record.correlations."""
    panels = [_states(states) for states in data.states]
    for weights in data.weights:
        panels += _weights(weights)
    panels += [_correlogram(pair) for pair in data.correlations]
    return Section("recordings", "Recordings", "", panels) if panels else None


def _states(data: RecordedStates) -> Panel:
    names = " and ".join(", ".join(trace.variable for trace in data.traces).rsplit(", ", 1))
    shown = len(data.neurons)
    which = f"{shown} of {data.recorded:,} recorded neurons" if shown < data.recorded else plural(shown, "neuron")
    start_s = max(0.0, float(data.time_s[0]) - 1e-3 * data.interval_ms)
    text = (
        f"{safe(names)} of {which}, a sample every {milliseconds(data.interval_ms)}, from "
        f"{significant(start_s, 4)} to {significant(float(data.time_s[-1]), 4)} s."
    )
    if data.spikes_s is not None:
        text += " Ticks mark spikes."
    if any(trace.mean is not None for trace in data.traces):
        text += " Grey: the mean over all recorded neurons."
    alt = f"{names} of {data.population} against time"
    return Panel(f"States of {data.population}", text, draw.states(data), alt)


def _weights(data: RecordedWeights) -> list[Panel]:
    which = plural(data.synapses, "synapse")
    course = (
        f"Median and the range of 80 % of {which}, at {plural(len(data.time_s), 'moment')}. Delays are dendritic, at "
        "least one step: a spike of the target meets those of the source as if it came "
        f"{_delays(data.delays_ms)} later."
    )
    split = f"Share of {which} by weight, at the first and at the last moment recorded."
    return [
        Panel(
            f"Weights of {data.projection}",
            course,
            draw.weight_course(data),
            f"Weights of {data.projection} against time",
            wide=False,
        ),
        Panel(
            f"Distribution of weights, {data.projection}",
            split,
            draw.weight_distribution(data),
            f"Distribution of the weights of {data.projection}, first and last",
            wide=False,
        ),
    ]


def _delays(delays_ms: tuple[float, float]) -> str:
    shortest, longest = delays_ms
    same = shortest == longest
    return milliseconds(longest) if same else f"{significant(shortest)} to {milliseconds(longest)}"


def _correlogram(data: Correlogram) -> Panel:
    same = data.first == data.second
    text = (
        f"Covariance of the numbers of spikes in bins of {milliseconds(data.bin_ms)}, over {count(data.bins)} bins: 0 "
        "is what independent spikes would give. "
    )
    if same:
        text += "Lag 0 is left out, where every spike meets itself."
        title = f"Autocorrelation of {data.first}"
    else:
        text += f"At positive lags {safe(data.second)} fires after {safe(data.first)}."
        title = f"Correlation of {data.first} and {data.second}"
    return Panel(title, text, draw.correlogram(data), f"{title} by lag", wide=False)
