"""`dtbsim validate`: everything that a run checks before it builds, and the sizes that come out of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from dtbsim.cli.needs import installed
from dtbsim.cli.output import pairs, show
from dtbsim.errors import EXIT_OK
from dtbsim.report.text import count, milliseconds, plural, significant, size_of

if TYPE_CHECKING:
    from dtbsim.build.rank import RankPlan
    from dtbsim.spec import Network


def validate(config: Path, overrides: tuple[str, ...]) -> int:
    """Check a configuration, print what network it describes and return the exit code."""
    with installed():
        from dtbsim.backends.threads import usable_cores
        from dtbsim.build.rank import plan_rank
        from dtbsim.config import load_located
        from dtbsim.spec import compile_network

    located = load_located(config, overrides)
    network = compile_network(located.config, located.base_dir, located.locator)
    threads = located.config.simulation.threads or usable_cores()
    plan = plan_rank(network, 0, 1, threads)
    show(pairs(_rows(network, plan), title=f"{config}: valid"))
    return EXIT_OK


def _rows(network: Network, plan: RankPlan) -> list[tuple[str, str]]:
    regions = len({population.region for population in network.populations} - {-1})
    synapses = plan.memory.n_synapses
    mean = f" expected ({significant(synapses / network.n_neurons)} per neuron)"
    simulated = network.config.simulation
    return [
        ("neurons", count(network.n_neurons)),
        ("synapses", count(round(synapses)) + mean),
        ("populations", _populations(network)),
        ("regions", f"{count(regions)} of the atlas {network.config.atlas}" if regions else "none"),
        ("projections", count(len(network.projections))),
        ("longest delay", milliseconds(network.max_delay_steps * network.dt_ms)),
        (
            "duration",
            f"{milliseconds(simulated.duration_ms)} in {count(network.n_steps)} steps of {network.dt_ms:g} ms",
        ),
        ("blocks", f"{count(len(plan.table))} of up to {plural(network.block_size, 'neuron')}: as many ranks at most"),
        ("memory", _memory(plan)),
    ]


def _populations(network: Network) -> str:
    total, families = len(network.populations), len(network.families)
    return (
        count(total) if total == families else f"{count(total)} ({plural(families, 'family', 'families')} in regions)"
    )


def _memory(plan: RankPlan) -> str:
    """Return the plan for one process, and whether this machine has so much."""
    from dtbsim.build.memory import available_bytes

    needed, free = plan.memory.peak, available_bytes()
    if needed > free:
        return f"{size_of(needed)} in one process, more than the {size_of(free)} free here: use more machines"
    return f"{size_of(needed)} in one process ({size_of(free)} free here)"
