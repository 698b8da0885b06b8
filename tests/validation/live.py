"""Run comparisons live, with NEST, and write the page of the documentation from their results.

    python -m tests.validation.live                  # everything (half an hour on a free core), then the page
    python -m tests.validation.live brunel facts     # these alone
    python -m tests.validation.live --keep-nest      # without making the data of the tests anew
    python -m tests.validation.live --page           # only the page, from stored results

Results are kept in tests/validation/results with date, commit and versions, so that the page can be written without
running anything. Needs the extra `reference`. Brian2 has an environment of its own: `make validate` makes it and its
data, `make_brian_neurons.py` says how.
"""

from __future__ import annotations

import argparse
import importlib
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.validation.storage import store

RESULTS = Path(__file__).parent / "results"
PARTS = ("brunel", "microcircuit", "decision", "facts", "neurons", "regions")
WITH_NEST = ("brunel", "microcircuit", "decision")
"""Parts whose tests have stored runs of NEST."""


def origin() -> dict[str, Any]:
    """Date and commit; `modified` where the sources differ from it."""
    import dtbsim

    def git(*arguments: str) -> str:
        done = subprocess.run(["git", *arguments], cwd=RESULTS.parent, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    return {
        "date": datetime.now(UTC).date().isoformat(),
        "commit": git("rev-parse", "--short=10", "HEAD"),
        "modified": bool(git("status", "--porcelain", "--", ":/src")),
        "dtbsim": dtbsim.__version__,
    }


def main() -> None:
    """Run the named parts and write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", choices=[[], *PARTS], metavar="PART", help=f"of {', '.join(PARTS)}")
    parser.add_argument("--page", action="store_true", help="only write the page")
    parser.add_argument("--keep-nest", action="store_true", help="keep the stored runs of NEST, which tests use, too")
    options = parser.parse_args()
    for part in () if options.page else options.parts or PARTS:
        if part in WITH_NEST and not options.keep_nest:
            importlib.import_module(f"tests.validation.make_nest_{part}").main()
        begun = origin()
        more, runs = importlib.import_module(f"tests.validation.live_{part}").measure()
        store(RESULTS / f"{part}.json", begun | more, runs)
    from tests.validation.page import write_page

    write_page()


if __name__ == "__main__":
    main()
