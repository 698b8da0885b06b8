"""The network of Brunel (2000) in NEST 3.10: statistics of several seeds per regime, for the tests without NEST.

Run by `python -m tests.validation.make_nest_brunel`, with the extra `reference`.
"""

from __future__ import annotations

from tests.validation.brunel import REGIMES, run_nest
from tests.validation.storage import DATA, store

PATH = DATA / "nest_brunel.json"
SCALE, DURATION_MS = 0.2, 2200.0
SEEDS = (1, 2, 3, 4, 5, 6)


def main() -> None:
    """Run NEST and write the file."""
    runs = {regime: [run_nest(regime, SCALE, DURATION_MS, seed) for seed in SEEDS] for regime in REGIMES}
    store(PATH, {"nest": "3.10.0", "scale": SCALE, "duration_ms": DURATION_MS, "seeds": list(SEEDS)}, runs)


if __name__ == "__main__":
    main()
