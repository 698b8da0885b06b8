"""A chip small enough that limits are reached by networks of a test."""

from __future__ import annotations

from typing import Any

from dtbsim.chips import Chip, parse_chip
from dtbsim.config.yaml_write import to_yaml


def toy_chip(model: str | None = None, **numbers: float) -> Chip:
    """A mesh of 4 x 4 cores of 64 neurons; `numbers` by key, dots as two underscores: `connections__fan_in=10`."""
    values: dict[str, float] = {
        "size.cores": 16, "size.neurons_per_core": 64, "size.mesh_width": 4, "size.mesh_height": 4,
        "size.cores_per_tile": 1,
    }  # fmt: skip
    values |= {name.replace("__", "."): value for name, value in numbers.items()}
    data: dict[str, Any] = {"chip": 1, "name": "toy", "title": "Toy", "description": "A small chip", "model": model}
    for path, value in values.items():
        section, key = path.split(".")
        data.setdefault(section, {})[key] = {"value": value, "source": f"table of {key}", "read": "2026-11-30"}
    return parse_chip(to_yaml(data), "toy.yaml")
