"""Names of recorded variables, and their units."""

from __future__ import annotations

from dtbsim.errors import InputError
from dtbsim.models.region_registry import REGION_MODELS, get_region_model
from dtbsim.models.registry import MODELS, get_model
from dtbsim.units import split_unit

_OTHERWISE = {"hz": "Hz", "khz": "kHz", "per_s": "1/s", "per_ms": "1/ms", "m_per_s": "m/s", "deg": "degree"}


def unit_of(variable: str, model: str) -> str:
    """The unit of a state: what its model says, or else its name; "unknown" where neither does."""
    names = model.split(", ")
    for name in names:
        table = _table(name)
        for row in table:
            if row[0] == variable:
                return row[1]
    for stem, unit in split_unit(variable):
        if variable == f"{stem}_{unit.suffix}":
            return _OTHERWISE.get(unit.suffix, unit.suffix)
    return "unknown"


def _table(model: str) -> list[tuple[str, str]]:
    """States and outputs of a model with their units; of one that is not known here, nothing."""
    try:
        if model in REGION_MODELS.names():
            region = get_region_model(model)
            rows = [(state.name, state.unit) for state in region.states]
            return rows + [(output.name, output.unit) for output in region.outputs]
        if model in MODELS.names():
            return [(row.name, row.unit) for row in get_model(model).states]
    except InputError:
        pass  # of a package that is not whole: its names say the unit, or nothing does
    return []
