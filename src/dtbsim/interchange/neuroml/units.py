"""Units of dtbsim's models in LEMS: dimensions, symbols, and a system in which they are coherent.

mV, ms and pA make a coherent system with nS = pA / mV and pF = pA ms / mV, and mV, ms and uA/cm2 one with mS/cm2 and
uF/cm2. So a formula in these units is a formula of plain numbers, and its dimensions can be inferred from it.
"""

from __future__ import annotations

from dataclasses import dataclass

Exponents = tuple[int, int, int, int]
"""Of mV, ms, pA and cm2."""
NONE: Exponents = (0, 0, 0, 0)


@dataclass(frozen=True)
class Unit:
    """A unit: exponents, the symbol in LEMS, and the name of its dimension there."""

    exponents: Exponents
    symbol: str
    dimension: str


UNITS = {
    "1": Unit(NONE, "", "none"),
    "mV": Unit((1, 0, 0, 0), "mV", "voltage"),
    "ms": Unit((0, 1, 0, 0), "ms", "time"),
    "pA": Unit((0, 0, 1, 0), "pA", "current"),
    "nS": Unit((-1, 0, 1, 0), "nS", "conductance"),
    "pF": Unit((-1, 1, 1, 0), "pF", "capacitance"),
    "rad": Unit(NONE, "", "none"),
    "nS/mV": Unit((-2, 0, 1, 0), "nS_per_mV", "conductance_per_voltage"),
    "1/ms": Unit((0, -1, 0, 0), "per_ms", "per_time"),
    "1/mV": Unit((-1, 0, 0, 0), "per_mV", "per_voltage"),
    "mV/ms": Unit((1, -1, 0, 0), "mV_per_ms", "voltage_per_time"),
    "pA/ms": Unit((0, -1, 1, 0), "pA_per_ms", "current_per_time"),
    "uA/cm2": Unit((0, 0, 1, -1), "uA_per_cm2", "currentDensity"),
    "mS/cm2": Unit((-1, 0, 1, -1), "mS_per_cm2", "conductanceDensity"),
    "uF/cm2": Unit((-1, 1, 1, -1), "uF_per_cm2", "specificCapacitance"),
}
_NAMES = {unit.exponents: unit for unit in UNITS.values()} | {
    (-1, -1, 1, 0): Unit((-1, -1, 1, 0), "nS_per_ms", "conductance_per_time"),
    (1, -2, 0, 0): Unit((1, -2, 0, 0), "mV_per_ms2", "voltage_per_time2"),
}
OWN = {
    "voltage_per_time": 'm="1" l="2" t="-4" i="-1"',
    "voltage_per_time2": 'm="1" l="2" t="-5" i="-1"',
    "current_per_time": 'i="1" t="-1"',
    "conductance_per_time": 'm="-1" l="-2" t="2" i="2"',
}
"""Dimensions that the core types of NeuroML lack."""
OWN_UNITS = {
    "mV_per_ms": ("voltage_per_time", 0),
    "pA_per_ms": ("current_per_time", -9),
    "nS_per_ms": ("conductance_per_time", -6),
}
"""Symbols that they lack: dimension, power of ten."""


def unit_of(text: str) -> Unit:
    """Return a unit of a table of a model."""
    return UNITS[text]


def unit_with(exponents: Exponents) -> Unit:
    """Return the unit with these exponents; KeyError where no model needs it."""
    return _NAMES[exponents]
