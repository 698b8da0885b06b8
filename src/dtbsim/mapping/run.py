"""`dtbsim map MAP --run`: the network run as the chip would, beside the network unrounded and other seeds."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dtbsim.arguments import path as path_argument
from dtbsim.arguments import refuse
from dtbsim.errors import InputError
from dtbsim.mapping.compare import Comparison, compare
from dtbsim.mapping.folder import CONFIG, NETWORK, REPORT, open_mapping
from dtbsim.mapping.mapping import Mapping
from dtbsim.mapping.page import write_page
from dtbsim.store.files import write_checked

if TYPE_CHECKING:
    from dtbsim.store.run import Run

CHIP_RUN, REFERENCE_RUN, RESULT = "run", "reference", "quantisation.json"
SEEDS = 2


def run_mapping(
    mapping: str | os.PathLike[str] | Mapping,
    *,
    against: str | os.PathLike[str] | None = None,
    seeds: int = SEEDS,
    set: Sequence[str] = (),
) -> Comparison:
    """Run a mapped network as the chip would, and compare; writes the report of the mapping anew.

        found = dtbsim.run_mapping("net_on_loihi")
        found.spike_change_percent, found.warnings

    The run of the chip stays in MAP/run, that of the network unrounded in MAP/reference; those of other seeds are not
    kept.

    Args:
        mapping: the folder, or what `map_network` returned.
        against: a run of the unrounded network (default: one is made).
        seeds: how many other seeds the network is run with.
        set: overrides of all these runs, such as `simulation.threads=2`.

    Raises:
        InputError: the arithmetic of the chip is not known; a run of another network.
    """
    made = mapping if isinstance(mapping, Mapping) else open_mapping(mapping)
    if isinstance(seeds, bool) or not isinstance(seeds, int) or seeds < 0:
        raise refuse(seeds, "seeds", "a whole number from 0")
    network = made.path / NETWORK / "network.yaml"
    if not network.is_file():
        raise InputError(
            f"the arithmetic of {made.chip.name} is not known, so it cannot be run", where=str(made.path),
            remedy="map to a chip with a model: `dtbsim chips list`",
        )  # fmt: skip
    from dtbsim.api import run
    from dtbsim.store import open_run

    overrides = [*set]
    given = None if against is None else open_run(path_argument(against, "against"))
    chip = run(network, out=made.path / CHIP_RUN, overwrite=True, set=overrides).open()
    reference = given or _unrounded(made, overrides, None)
    others = [_unrounded(made, overrides, int(reference.config["seed"]) + 1 + k) for k in range(seeds)]
    on_chip = {name: gids for name, gids in made.populations.items() if (made.placed.core[gids] >= 0).all()}
    start_ms = float((reference.config.get("simulation") or {}).get("settling_ms") or 0.0)
    found = compare(reference, chip, others, _with_neurons(on_chip), n_neurons=made.placed.core.size, start_ms=start_ms)
    write_checked(made.path / RESULT, found.summary())
    write_page(made, made.path / REPORT, found)
    return found


def _with_neurons(populations: dict[str, Any]) -> dict[str, Any]:
    return {name: gids for name, gids in populations.items() if np.size(gids)}


def _unrounded(made: Mapping, overrides: list[str], seed: int | None) -> Run:
    """A run of the network itself; with another seed it is not kept."""
    from dtbsim.api import run
    from dtbsim.mapping.rates import UNRECORDED

    changes: list[str] = [f"{key}={_text(value)}" for key, value in UNRECORDED.items()]
    changes += ["record.spikes={}", *overrides]
    config: Path = made.path / CONFIG
    if seed is None:
        return run(config, out=made.path / REFERENCE_RUN, overwrite=True, set=changes).open()
    return run(config, set=[*changes, f"seed={seed}"], temporary=True).open()


def _text(value: Any) -> str:
    return "null" if value is None else str(value)
