"""The three examples in a form that takes a second, for tests that compare spikes."""

from __future__ import annotations

from pathlib import Path

EXAMPLES = Path(__file__).parents[2] / "examples"

SHORT = {
    "microcircuit": [
        "simulation.duration_ms=80",
        "circuits.column.scale=0.02",
        "analysis.statistics_start_ms=0",
        "record.states=[{population: column.L4E, variables: [V_m_mV], neurons: 40, interval_ms: 0.7}]",
    ],
    "resting_state": [
        "simulation.duration_ms=3000",
        "circuits.cortex.size_E=20",
        "circuits.cortex.size_I=5",
        "projections.long_range.rule.indegree=40",
        "controllers.tonic.average_from_ms=1000",
        "controllers.tonic.average_until_ms=2000",
        "record.spikes={start_ms: 0}",
        "record.states=[{population: cortex.E, variables: [V_m_mV], neurons: [3, 19], interval_ms: 20}]",
        "bold.discard_ms=720",
        "analysis.statistics_start_ms=0",
    ],
    "izhikevich": [
        "simulation.duration_ms=600",
        "analysis.statistics_start_ms=0",
        "record.states=[{population: FS, variables: [V_m_mV, u], neurons: 7, interval_ms: 3}]",
    ],
}
"""Overrides by name of the example."""
