"""Published networks in NEST 3.10: what is measured in several seeds of each, for the tests without NEST.

Run by `python -m tests.validation.make_nest_published`, with the extra `reference`.
"""

from __future__ import annotations

from tests.validation.published_models import NETWORKS, run_nest
from tests.validation.storage import DATA, store

PATH = DATA / "nest_published.json"
SEEDS = tuple(range(1, 9))


def main() -> None:
    """Run NEST and write the file."""
    runs = {
        name: [{key: round(value, 4) for key, value in run_nest(name, seed).items()} for seed in SEEDS]
        for name in NETWORKS
    }
    store(PATH, {"nest": "3.10.0", "seeds": list(SEEDS)}, runs)


if __name__ == "__main__":
    main()
