"""What a step is compiled from, by name: the window and its stages."""

from __future__ import annotations

from typing import Protocol

from dtbsim.kernels import stages
from dtbsim.kernels.window import Window


class Part(Protocol):
    """Something that is compiled by itself and kept in the kernel cache."""

    @property
    def ready(self) -> bool:
        """Whether it has been compiled here, or the kernel cache has its machine code."""

    def compile(self) -> None:
        """Compile it, or load it from the kernel cache."""


WINDOW = "window"
PARTS: dict[str, Part] = {
    WINDOW: Window(),
    "procedural_schedule": stages.procedural_schedule,
    "varied": stages.varied,
    "dynamic_deliver": stages.dynamic_deliver,
    "poisson": stages.poisson,
    "noise": stages.noise,
    "exchange_spikes": stages.exchange_spikes,
    "dynamic_schedule": stages.dynamic_schedule,
    "dynamic_remember": stages.dynamic_remember,
    "random": stages.random,
    "sparse_schedule": stages.sparse_schedule,
    "procedural_deliver": stages.procedural_deliver,
}
"""Those first that take longest to compile."""


def missing(names: set[str]) -> list[str]:
    """Return those of these parts that are still to be compiled, those first that take longest."""
    return [name for name, part in PARTS.items() if name in names and not part.ready]
