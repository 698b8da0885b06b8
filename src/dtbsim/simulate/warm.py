"""`dtbsim warm`: put into the kernel cache what runs of a network need, before there is one; nothing is built or run.

A login node with internet and time does it once, and jobs on nodes that share its cache folder only load. What is
compiled here is what `Compiler` would compile in the course of a run; small functions that take less than a second in
all are left to the run.
"""

from __future__ import annotations

from collections.abc import Callable

from dtbsim.build.kinds import find_kinds
from dtbsim.build.memory import acc_bits_for
from dtbsim.build.neurons import kernel_of
from dtbsim.kernels.ahead import Helpers
from dtbsim.kernels.first_run import first_run_announced
from dtbsim.kernels.garbage import rare_collections
from dtbsim.kernels.parts import PARTS, missing
from dtbsim.kernels.rule_kernel import rule_address
from dtbsim.simulate.compiling import expected_parts
from dtbsim.simulate.warm_up import warm_up_build
from dtbsim.spec import Network


def warm_up(networks: list[Network], tell: Callable[[str], None]) -> int:
    """Compile everything for steps of these networks on CPUs, on one rank or several; without any, for all features.

    Returns how many parts of a step were not in the cache before. `tell` is called once where it takes long.
    """
    parts = set(PARTS)
    if networks:
        parts = set().union(*(expected_parts(network, True, True) for network in networks))
    lacking = missing(parts)
    with first_run_announced(tell), rare_collections():
        helpers = Helpers(lacking) if lacking else None
        try:
            for network in networks or [None]:
                warm_up_build(network)
            for network in networks:
                _warm_up_models(network)
            if helpers is not None:
                helpers.finish()
            for name in missing(parts):  # of helpers that died
                PARTS[name].compile()
        finally:
            if helpers is not None:
                helpers.close()
    return len(lacking)


def _warm_up_models(network: Network) -> None:
    bits = acc_bits_for(network)
    for kind in find_kinds(network):
        if not kind.model.is_source:
            assert kernel_of(kind, bits).address
    for projection in network.projections:
        if projection.dynamics is not None:
            for entry in ("deliver", "catch_up") if projection.dynamics.plastic else ("advance",):
                rule_address(projection.dynamics.model, entry)
