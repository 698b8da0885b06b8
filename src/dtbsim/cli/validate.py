"""`dtbsim validate`: everything that a run checks before it builds, and the sizes that come out of it."""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from dtbsim.cli.needs import installed
from dtbsim.cli.output import pairs, show
from dtbsim.clock import time_of
from dtbsim.errors import EXIT_INPUT, EXIT_OK, InputError
from dtbsim.report.text import count, milliseconds, plural, significant, size_of

if TYPE_CHECKING:
    from dtbsim.cli.estimate import Wanted
    from dtbsim.config import LocatedConfig
    from dtbsim.estimation.result import Estimate
    from dtbsim.spec import Network


_LOG = logging.getLogger(__name__)


def validate(config: Path, overrides: tuple[str, ...], *, code: bool = True, wanted: Wanted | None = None) -> int:
    """Check a configuration, print what network it describes and return the exit code.

    `wanted`: ranks and machine of a run; what it would be refused for is the error that this ends with.

    Files of models that it names are executed, which is said before; without `code` they are only looked at.
    """
    with installed():
        from dtbsim.config import load_located
        from dtbsim.run_folder.repeat import check_repeat

    check_repeat(config)
    located = load_located(config, overrides)
    files = _model_files(located)
    if files and not code:
        return _validate_unexecuted(config, located, files)
    say_what_is_executed(config, located, " (--no-code checks without that)")
    with installed():
        from dtbsim.estimation.estimate import estimate_network
        from dtbsim.estimation.place import Asked
        from dtbsim.simulate.streams import plan_streams
        from dtbsim.spec import compile_network

    located, members = _first_member(config, overrides, located)
    network = compile_network(located.config, located.base_dir, located.locator)
    plan_streams(network, located.locator)
    if wanted is None:
        asked, machine = Asked(1), None
    else:
        asked, machine = Asked(wanted.ranks, wanted.ranks_per_node), wanted.machine
    found = estimate_network(network, asked, machine)
    for notice in (*located.locator.notices, *network.warnings, *(() if wanted is None else found.warnings)):
        _LOG.warning("%s", notice)
    if wanted is None and network.regions is not None:
        for refusal in found.refusals:
            _LOG.warning("a run here would be refused: %s", refusal.error)
    rows = _rows(network, found) if network.n_neurons else _general_rows(network)
    if members:
        rows = [("ensemble", f"{plural(members, 'member')}, a run each; below, the first"), *rows]
    show(pairs(rows, title=f"{config}: valid"))
    if wanted is not None:
        found.check()
    return EXIT_OK


def _first_member(config: Path, overrides: tuple[str, ...], located: LocatedConfig) -> tuple[LocatedConfig, int]:
    """Of an ensemble whose members are runs of their own the first, and their number; keys of all of them are checked.

    Any other configuration is returned as it is, with 0.
    """
    from dtbsim.config import load_located
    from dtbsim.config.overrides import as_mapping
    from dtbsim.sweeps.members import members_apart

    runs = members_apart(located.config, located.base_dir, located.locator)
    if runs is None:
        return located, 0
    base = {**as_mapping(overrides), "ensemble": None}
    loaded = [load_located(config, {**base, **values}) for values in runs]
    return loaded[0], len(loaded)


def say_what_is_executed(config: Path, located: LocatedConfig, more: str = "") -> None:
    """Say which files of models are executed when the network is compiled; with what `more` is to be said of it."""
    for file in dict.fromkeys(reference.rpartition(":")[0] for reference in _model_files(located)):
        text = f"dtbsim: executing {file}, a file of models that {config} names{more}"
        print(text, file=sys.stderr, flush=True)


def _model_files(located: LocatedConfig) -> dict[str, str]:
    """Return the references to models in files, one for each file, with the key path that names it first."""
    from dtbsim.models.own import is_reference

    found: dict[str, str] = {}
    for name, population in located.config.populations.items():
        model = population.model
        if isinstance(model, str) and is_reference(model):
            found.setdefault(model, f"populations.{name}.model")
    for name, projection in located.config.projections.items():
        model = getattr(projection.synapse, "model", None)
        if isinstance(model, str) and is_reference(model):
            found.setdefault(model, f"projections.{name}.synapse.model")
    return found


def _validate_unexecuted(config: Path, located: LocatedConfig, files: dict[str, str]) -> int:
    """Check what can be told without executing the files of models, and say what was not checked."""
    from dtbsim.atlas import load_atlas
    from dtbsim.models.own import check_unexecuted

    for reference, path in files.items():
        try:
            check_unexecuted(reference, located.base_dir)
        except InputError as error:
            place = located.locator.where(path)
            error.where = f"{place}: {error.where}" if error.where else place
            raise
    if located.config.atlas is not None:
        load_atlas(located.config.atlas, base_dir=located.base_dir)
    rows = [
        ("checked", "keys, values, names and references" + (", the atlas" if located.config.atlas is not None else "")),
        ("not executed", ", ".join(files)),
        (
            "not checked",
            "the models in there, and what depends on them: parameters, receptor ports, synapses, sizes, memory",
        ),
    ]
    show(pairs(rows, title=f"{config}: valid as far as it can be told without executing its models"))
    return EXIT_OK


def _rows(network: Network, found: Estimate) -> list[tuple[str, str]]:
    regions = len({population.region for population in network.populations} - {-1})
    synapses = found.network.synapses
    mean = f" expected ({significant(synapses / network.n_neurons)} per neuron)"
    return [
        ("neurons", count(network.n_neurons)),
        ("synapses", count(round(synapses)) + mean),
        ("populations", _populations(network)),
        ("regions", f"{count(regions)} of the atlas {network.atlas_given}" if regions else "none"),
        ("projections", count(len(network.projections))),
        ("weights", _weights(network)),
        ("longest delay", milliseconds(network.max_delay_steps * network.dt_ms)),
        *_general_rows(network),
        (
            "blocks",
            f"{count(found.network.blocks)} of up to {plural(network.block_size, 'neuron')}: as many ranks at most",
        ),
        ("memory", _memory(found)),
    ]


def _general_rows(network: Network) -> list[tuple[str, str]]:
    """Mean-field regions, and the duration."""
    from dtbsim.backends.regions.memory import planned_bytes

    rows: list[tuple[str, str]] = []
    if (regions := network.regions) is not None:
        models = ", ".join(f"{one.name} ({one.model.name}, {count(one.n_nodes)})" for one in regions.populations)
        rows = [
            ("mean-field regions", f"{count(regions.n_nodes)} of the atlas {network.atlas_given}: {models}"),
            ("couplings", count(len(regions.couplings) + len(regions.from_spikes) + len(regions.to_spikes))),
            ("members", count(regions.members.n)),
            ("memory of regions", size_of(planned_bytes(regions, 0, 1))),
        ]
    duration_ms = time_of(network.n_steps, network.dt_ms)
    return [
        *rows,
        ("duration", f"{milliseconds(duration_ms)} in {count(network.n_steps)} steps of {network.dt_ms:g} ms"),
    ]


def _weights(network: Network) -> str:
    """Return how far rounding changes constant weights."""
    worst = max(network.resolutions, key=lambda item: item.change, default=None)
    if worst is None:
        return "none"
    if worst.change == 0:
        return "exact"
    return f"rounded by up to {100 * worst.change:.2g} % ({worst.changed})"


def _populations(network: Network) -> str:
    total, families = len(network.populations), len(network.families)
    return (
        count(total) if total == families else f"{count(total)} ({plural(families, 'family', 'families')} in regions)"
    )


def _memory(found: Estimate) -> str:
    """Return what the ranks of a node need, and whether it has so much."""
    from dtbsim.estimation.place import HERE

    memory, machine = found.memory, found.machine
    needed, free = memory.node_bytes, memory.node_available
    here = "free here" if machine.name == HERE else f"of a node of '{machine.name}'"
    if machine.ranks == 1:
        unbuildable = [refusal.message for refusal in found.refusals if refusal.exit_code == EXIT_INPUT]
        if unbuildable:
            return f"{size_of(needed)}, not in one process: {unbuildable[0]}"
        if needed > free:
            return f"{size_of(needed)} in one process, more than the {size_of(free)} {here}: use more machines"
        return f"{size_of(needed)} in one process ({size_of(free)} {here})"
    each = f"{size_of(memory.peak.largest)} on the fullest of {plural(machine.ranks, 'rank')}"
    return f"{each}, {size_of(needed)} on a node ({size_of(free)} {here})"
