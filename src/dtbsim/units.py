"""Units as they end the names of keys (`dt_ms`, `weight_pA`), and advice for a key that ends in another one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from dtbsim.errors import did_you_mean


@dataclass(frozen=True)
class Unit:
    """A unit: how names end (`suffix`), its name in the plural, its dimension and its size in that dimension."""

    suffix: str
    plural: str
    dimension: str
    factor: float


UNITS: tuple[Unit, ...] = (
    Unit("us", "microseconds", "time", 1e-6),
    Unit("ms", "milliseconds", "time", 1e-3),
    Unit("s", "seconds", "time", 1.0),
    Unit("min", "minutes", "time", 60.0),
    Unit("hz", "hertz", "frequency", 1.0),
    Unit("khz", "kilohertz", "frequency", 1e3),
    Unit("per_s", "1/s", "rate", 1.0),
    Unit("per_ms", "1/ms", "rate", 1e3),
    Unit("per_hz", "1/Hz", "per frequency", 1.0),
    Unit("pA", "picoamperes", "current", 1e-12),
    Unit("nA", "nanoamperes", "current", 1e-9),
    Unit("uA", "microamperes", "current", 1e-6),
    Unit("mA", "milliamperes", "current", 1e-3),
    Unit("A", "amperes", "current", 1.0),
    Unit("uV", "microvolts", "voltage", 1e-6),
    Unit("mV", "millivolts", "voltage", 1e-3),
    Unit("V", "volts", "voltage", 1.0),
    Unit("pS", "picosiemens", "conductance", 1e-12),
    Unit("nS", "nanosiemens", "conductance", 1e-9),
    Unit("uS", "microsiemens", "conductance", 1e-6),
    Unit("mS", "millisiemens", "conductance", 1e-3),
    Unit("S", "siemens", "conductance", 1.0),
    Unit("pF", "picofarads", "capacitance", 1e-12),
    Unit("nF", "nanofarads", "capacitance", 1e-9),
    Unit("uF", "microfarads", "capacitance", 1e-6),
    Unit("F", "farads", "capacitance", 1.0),
    Unit("MOhm", "megaohms", "resistance", 1e6),
    Unit("GOhm", "gigaohms", "resistance", 1e9),
    Unit("Ohm", "ohms", "resistance", 1.0),
    Unit("um", "micrometres", "length", 1e-6),
    Unit("mm", "millimetres", "length", 1e-3),
    Unit("cm", "centimetres", "length", 1e-2),
    Unit("m", "metres", "length", 1.0),
    Unit("m_per_s", "m/s", "velocity", 1.0),
    Unit("mm_per_ms", "mm/ms", "velocity", 1.0),
    Unit("mm_per_s", "mm/s", "velocity", 1e-3),
    Unit("cm_per_s", "cm/s", "velocity", 1e-2),
    Unit("deg", "degrees", "angle", 1.0),
    Unit("rad", "radians", "angle", 57.29577951308232),
)

_BY_SUFFIX = {unit.suffix: unit for unit in UNITS}
_SPELLINGS = {
    **dict.fromkeys(("sec", "secs", "second", "seconds"), "s"),
    **dict.fromkeys(("msec", "millisecond", "milliseconds"), "ms"),
    **dict.fromkeys(("minute", "minutes"), "min"),
    **dict.fromkeys(("hertz",), "hz"),
}


def split_unit(name: str) -> Iterator[tuple[str, Unit]]:
    """Yield every (stem, unit) that `name` can be read as: the exact suffix alone if there is one, else by spelling."""
    parts = name.split("_")
    splits = [("_".join(parts[:cut]), "_".join(parts[cut:])) for cut in range(1, len(parts))]
    for stem, suffix in splits:  # longest suffix first: velocity_m_per_s is in m/s, not 1/s
        if suffix in _BY_SUFFIX:
            yield stem, _BY_SUFFIX[suffix]
            return
    for stem, suffix in splits:
        spelling = suffix.lower()
        if spelling in _SPELLINGS:
            yield stem, _BY_SUFFIX[_SPELLINGS[spelling]]
        yield from ((stem, unit) for unit in UNITS if unit.suffix.lower() == spelling)


def key_advice(given: str, allowed: Iterable[str], value: object = None) -> str:
    """Return what to write instead of the unknown key `given`: the right unit, or the closest of the `allowed` names.

    `value` is what the key was given; a number is converted to the unit that the right key takes.
    """
    names = sorted(allowed)
    readings = list(split_unit(given))
    units = {name: pair for name in names for pair in split_unit(name)}
    same_stem = [
        (name, unit, mine)
        for name, (stem, unit) in units.items()
        for my_stem, mine in readings
        if stem.lower() == my_stem.lower() and mine.suffix != unit.suffix
    ]
    for name, unit, mine in same_stem:
        if mine.dimension == unit.dimension:
            return f"this key takes {unit.plural}: {name}{_converted(value, mine, unit)}"
    if same_stem:
        return "this key takes " + " or ".join(f"{unit.plural}: {name}" for name, unit, _ in same_stem)
    bare = [(name, unit) for name, (stem, unit) in units.items() if stem.lower() == given.lower()]
    if bare:
        return "the unit belongs in the name: " + ", ".join(f"{name} ({unit.plural})" for name, unit in bare)
    return did_you_mean(given, names)


def _converted(value: object, given: Unit, wanted: Unit) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return ""
    return f" ({value:g} {given.suffix} = {value * given.factor / wanted.factor:.12g} {wanted.suffix})"


def squared(unit: str) -> str:
    """The square of a unit."""
    return f"{unit}²" if unit.isalnum() else f"({unit})²"
