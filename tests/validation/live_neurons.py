"""Single neurons under constant currents, beside the stored runs of Brian2, which has an environment of its own.

Run by `python -m tests.validation.live neurons`.
"""

from __future__ import annotations

from typing import Any

from tests.validation.make_brian_neurons import CASES
from tests.validation.neurons import run_dtbsim


def measure() -> tuple[dict[str, Any], dict[str, list[Any]]]:
    """How it was made, and potentials and spikes by case."""
    runs = {}
    for name in CASES:
        run = run_dtbsim(name)
        runs[name] = [{key: [round(float(value), 4) for value in values] for key, values in run.items()}]
    return {}, runs
