"""What is given as a configuration from Python: a file, a mapping or configuration objects."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dtbsim.arguments import path as path_argument
from dtbsim.arguments import refuse
from dtbsim.config import Locator, RunConfig, load_located
from dtbsim.config.load import load_located_data

if TYPE_CHECKING:
    from dtbsim.config import LocatedConfig, Overrides
    from dtbsim.mpi import Comm

Source = RunConfig | Mapping[str, Any] | str | os.PathLike[str]


def resolved_on_nodes(ranks: Comm, source: Source, overrides: Overrides) -> tuple[RunConfig, Path, Locator]:
    """As `resolve`; of a file, which rank 0 alone reads, ranks that do not compile the network get an outline."""
    if ranks.size == 1 or not isinstance(source, str | os.PathLike):
        return resolve(source, overrides)
    from dtbsim.simulate.given import given_on_nodes

    located = given_on_nodes(ranks, lambda: _located(source, overrides))
    return located.config, located.base_dir, located.locator


def resolve(source: Source, overrides: Overrides = ()) -> tuple[RunConfig, Path, Locator]:
    """The configuration that `source` means, the folder its relative paths start from, and where its values stand."""
    if isinstance(source, RunConfig | Mapping):
        made = load_located_data(source, overrides)
        return made.config, Path(), made.locator
    if not isinstance(source, str | os.PathLike):
        raise refuse(source, "source", "a RunConfig, a mapping, or the path of a configuration file")
    located = _located(source, overrides)
    return located.config, located.base_dir, located.locator


def _located(source: str | os.PathLike[str], overrides: Overrides) -> LocatedConfig:
    from dtbsim.run_folder.repeat import check_repeat

    path = path_argument(source, "source")
    check_repeat(path)
    return load_located(path, overrides)
