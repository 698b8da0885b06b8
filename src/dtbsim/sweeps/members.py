"""Members of an ensemble as runs of their own: what `ensemble` means for a network with neurons."""

from __future__ import annotations

from pathlib import Path

from dtbsim.config import Locator, RunConfig
from dtbsim.config.grid import Values, runs_of
from dtbsim.errors import InputError
from dtbsim.models.region_own import is_region_model


def members_as_runs(config: RunConfig, locator: Locator) -> list[Values]:
    """What is set for each member of a configuration's ensemble, its own seed included.

    Raises InputError where there is no ensemble, or where two of its members are the same.
    """
    ensemble = config.ensemble
    if ensemble is None:
        raise InputError(
            "there are no values to try, and the configuration has no `ensemble`", where="grid",
            remedy='give grid={"key.path": values}, a list with the overrides of each run, or vary',
        )  # fmt: skip
    where, given = ("ensemble.grid", ensemble.grid) if ensemble.grid is not None else (
        "ensemble.members", ensemble.members)  # fmt: skip
    try:
        runs = runs_of(given, repeated=ensemble.seeds == "own")
    except InputError as error:
        raise InputError(error.message, where=locator.where(where), remedy=error.remedy) from None
    own = ensemble.seeds == "own"
    return [values | ({"seed": config.seed + k} if own else {}) for k, values in enumerate(runs)]


def members_apart(config: RunConfig, base_dir: Path, locator: Locator) -> list[Values] | None:
    """The same of a network with neurons, whose members cannot be simulated side by side; None for any other."""
    models = [population.model for population in config.populations.values()]
    if config.ensemble is None or (not config.circuits and all(is_region_model(m, base_dir) for m in models)):
        return None
    return members_as_runs(config, locator)
