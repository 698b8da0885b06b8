"""A small network of oscillators that tests of sweeps and fits simulate: twelve regions, a minute of BOLD."""

from __future__ import annotations

from pathlib import Path
from typing import Any

KEY = "couplings.c.strength"
A = "populations.x.parameters.a"
REGIONS = "[Precentral_L, Precentral_R, Frontal_Sup_2_L, Frontal_Sup_2_R, Insula_L, Insula_R, Calcarine_L, Calcarine_R]"
TEXT = f"""\
name: small
seed: 3
atlas: aal2
simulation: {{dt_ms: 5, duration_ms: 44000, settling_ms: 4000, threads: 1}}
populations:
  x:
    model: hopf
    regions: {REGIONS}
    parameters: {{a: -0.02, omega: 0.000314159}}
    noise: {{x: {{sigma: 0.02}}, y: {{sigma: 0.02}}}}
couplings: {{c: {{source: x, target: x, strength: 0.05}}}}
bold: {{population: x, tr_ms: 500}}
"""


class InThisProcess:
    """An executor without processes, whose tasks have nothing but `done` and `result`; `batches` are their sizes."""

    def __init__(self) -> None:
        self.batches: list[int] = []

    def submit(self, function: Any, batch: Any) -> Any:
        self.batches.append(len(batch.items))
        result = function(batch)
        return type("Task", (), {"done": lambda _: True, "result": lambda _: result})()


def write_small(folder: Path, text: str = TEXT) -> Path:
    """The configuration as a file."""
    path = folder / "small.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def without_seconds(table: Any) -> Any:
    """What must be the same wherever and in whatever order it was computed."""
    return table.drop(columns="seconds")
