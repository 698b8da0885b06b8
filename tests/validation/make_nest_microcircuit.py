"""The microcircuit at a tenth of its size in NEST 3.10: statistics of several seeds, for the tests without NEST.

Run by `python -m tests.validation.make_nest_microcircuit`, with the extra `reference`.
"""

from __future__ import annotations

from tests.validation.microcircuit import run_nest
from tests.validation.storage import DATA, store

PATH = DATA / "nest_microcircuit.json"
SCALE, DURATION_MS = 0.1, 5500.0
SEEDS = (1, 2, 3, 4)


def main() -> None:
    """Run NEST and write the file."""
    runs = [run_nest(SCALE, DURATION_MS, seed) for seed in SEEDS]
    store(PATH, {"nest": "3.10.0", "scale": SCALE, "duration_ms": DURATION_MS, "seeds": list(SEEDS)}, {"all": runs})


if __name__ == "__main__":
    main()
