"""What the ranks of a node are given of a configuration: the first all of it, the others what is not of its network.

A configuration takes some 5 kB for each projection. Only who compiles the network needs it.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

from dtbsim.config import LocatedConfig, Locator, RunConfig
from dtbsim.mpi import Comm, on_root

_OF_THE_NETWORK = ("circuits", "populations", "projections", "drives", "controllers", "changes", "signals")


class Outline(RunConfig):
    """A configuration without its network, for ranks that get the network from another."""

    @classmethod
    def of(cls, config: RunConfig) -> Outline:
        """The outline of a configuration."""
        values: dict[str, Any] = {name: getattr(config, name) for name in RunConfig.model_fields}
        return cls.model_construct(**(values | {name: {} for name in _OF_THE_NETWORK}))


def given_on_nodes(comm: Comm, load: Callable[[], LocatedConfig]) -> LocatedConfig:
    """Run `load()` on rank 0 and return what it gives on the first rank of every node, an outline on the others."""
    if comm.size == 1:
        return load()
    whole, outline = on_root(comm, lambda: _texts(load()))
    located: LocatedConfig = pickle.loads(whole if comm.node_rank == 0 else outline)
    return located


def outline_of(located: LocatedConfig) -> LocatedConfig:
    """The outline of a configuration, which knows its file but not where its values stand in it."""
    return LocatedConfig(Outline.of(located.config), Locator(), located.source_path)


def _texts(located: LocatedConfig) -> tuple[bytes, bytes]:
    return pickle.dumps(located, protocol=5), pickle.dumps(outline_of(located), protocol=5)


def whole_config(
    comm: Comm, config: RunConfig, base_dir: Path | None, locator: Locator | None
) -> tuple[RunConfig, Path | None, Locator | None]:
    """Return the configuration, and what belongs to it, where a rank has an outline; collective."""
    if not any(comm.allgather(isinstance(config, Outline))):
        return config, base_dir, locator
    given: tuple[RunConfig, Path | None, Locator | None] = comm.bcast((config, base_dir, locator))
    return given
