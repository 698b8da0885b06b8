"""`dtbsim warm`: compile before jobs are submitted."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from dtbsim.cli.needs import installed
from dtbsim.cli.output import write
from dtbsim.errors import EXIT_OK


def warm(configs: list[Path], overrides: tuple[str, ...]) -> int:
    """Compile what runs of the configurations need (without any: of all built-in features) and say where it is kept."""
    with installed():
        from dtbsim.config import load_located
        from dtbsim.kernels.kernel_cache import cache_dir
        from dtbsim.simulate.warm import warm_up
        from dtbsim.spec import compile_network

    begin_s = time.perf_counter()
    located = [load_located(config, overrides) for config in configs]
    networks = [compile_network(one.config, one.base_dir, one.locator) for one in located]
    compiled = warm_up(networks, lambda line: print(f"dtbsim: {line}", file=sys.stderr, flush=True))
    seconds = time.perf_counter() - begin_s
    said = f"{compiled} of its parts compiled in {seconds:.1f} s" if compiled else "nothing was lacking"
    write(f"{cache_dir()}: {said}\n")
    return EXIT_OK
