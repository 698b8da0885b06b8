"""Trials of the decision circuit in NEST 3.10 (iaf_bw_2001), for the tests without NEST.

Run by `python -m tests.validation.make_nest_decision`, with the extra `reference`.
"""

from __future__ import annotations

from tests.validation.decision import run_nest
from tests.validation.storage import DATA, store

PATH = DATA / "nest_decision.json"
COHERENCE_PERCENT = 51.2
SEEDS = (1, 2, 3, 4)


def main() -> None:
    """Run NEST and write the file."""
    runs = [run_nest(COHERENCE_PERCENT, seed) for seed in SEEDS]
    store(PATH, {"nest": "3.10.0", "coherence_percent": COHERENCE_PERCENT, "seeds": list(SEEDS)}, {"all": runs})


if __name__ == "__main__":
    main()
