"""A sweep on the workers of `python -m mpi4py.futures`, and a run within one: prints the hashes as JSON."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from mpi4py.futures import MPIPoolExecutor

import dtbsim


def hash_of(config: str) -> tuple[int, str | None]:
    """What a worker calls, as if there were no other ranks."""
    result = dtbsim.run(config, temporary=True)
    return result.summary["ranks"], result.spike_hash


def main() -> None:
    config, out = sys.argv[1:]
    with MPIPoolExecutor() as executor:
        called = executor.submit(hash_of, config).result()
        table = dtbsim.sweep(config, {"seed": [1, 2, -1]}, out=out, executor=executor, progress=False)
    master = dtbsim.run(config, temporary=True)
    print(
        json.dumps(
            {
                "called": called,
                "master": [master.summary["ranks"], master.spike_hash],
                "sweep": list(table.spike_hash[:2]),
                "errors": list(table.error),
                "folders": sorted(path.name for path in Path(out).iterdir()),
            }
        )
    )


if __name__ == "__main__":
    main()
