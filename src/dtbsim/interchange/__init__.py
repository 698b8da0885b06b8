"""Networks and results in the formats of other programs: exporters, importers, and what is lost on the way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dtbsim.interchange.base import Exporter, Importer, Loss, Written
from dtbsim.interchange.registry import EXPORTERS, IMPORTERS

if TYPE_CHECKING:
    from dtbsim.interchange.results.neo import neo_block

__all__ = ["EXPORTERS", "IMPORTERS", "Exporter", "Importer", "Loss", "Written", "neo_block"]


def __getattr__(name: str) -> Any:
    if name != "neo_block":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from dtbsim.interchange.results.neo import neo_block  # what reads runs is not needed to name formats

    return neo_block
