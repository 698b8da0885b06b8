"""The page docs/validation.md and its pictures, from stored results. Written by `python -m tests.validation.live`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.validation import page_brunel, page_decision, page_facts, page_microcircuit, page_neurons, page_regions
from tests.validation.page_parts import HEAD, Row
from tests.validation.storage import stored

ROOT = Path(__file__).parents[2]
RESULTS = Path(__file__).parent / "results"
PAGE = ROOT / "docs" / "validation.md"
PICTURES = ROOT / "docs" / "images" / "validation"
PARTS: dict[str, Any] = {
    "brunel": page_brunel,
    "microcircuit": page_microcircuit,
    "decision": page_decision,
    "facts": page_facts,
    "regions": page_regions,
    "neurons": page_neurons,
}

INTRODUCTION = """\
# Validation

<!-- Written by `make validate` (python -m tests.validation.live); do not edit. -->

Does dtbsim give what others give? Single neurons and synapses are held against NEST spike by spike and against closed
forms; networks, where no two simulators draw the same random numbers, by the distributions of what they do.

- **Distance** of two runs is that of Kolmogorov and Smirnov: the largest difference of the shares of neurons (pairs,
  power) up to a value. Two seeds of one simulator have a distance, too, as they are two networks. A quantity agrees
  when dtbsim is no farther from NEST, on average over all pairs of runs, than two seeds of NEST at most are from each
  other.
- **Tests** repeat everything in small: shorter, fewer trials, a fifth or a tenth of the neurons, against stored runs
  of NEST in `tests/validation/data`, which `make_nest_*.py` beside the tests have made. They also try mistakes (a delay
  that is one step too short, a reset half a millivolt too high) that must show.
- `make validate` runs everything live, with NEST, and writes this page. `make validate PARTS=facts` runs one part.

## Results
"""


def rows() -> list[Row]:
    """All rows of the table, part by part."""
    return [row for name, part in PARTS.items() for row in part.rows(result(name))]


def result(part: str) -> Any:
    """The stored result of a part."""
    path = RESULTS / f"{part}.json"
    if not path.exists():
        raise SystemExit(f"{path} is missing: run python -m tests.validation.live {part}")
    return stored(path)


def page() -> str:
    """The text of the page."""
    table = "\n".join([HEAD, *(row.markdown() for row in rows())])
    parts = "\n\n".join(part.text(result(name)) for name, part in PARTS.items())
    return f"{INTRODUCTION}\n{table}\n\n{parts}\n"


def pictures() -> dict[str, str]:
    """The texts of all pictures, by name."""
    return {name: text for part, module in PARTS.items() for name, text in module.pictures(result(part)).items()}


def write_page() -> None:
    """Write page and pictures."""
    PAGE.write_text(page(), encoding="utf-8")
    PICTURES.mkdir(parents=True, exist_ok=True)
    for name, text in pictures().items():
        (PICTURES / f"{name}.svg").write_text(text, encoding="utf-8")
