"""Networks and results in the formats of other programs: exporters, importers, and what is lost on the way."""

from __future__ import annotations

from dtbsim.interchange.base import Exporter, Importer, Loss, Written
from dtbsim.interchange.registry import EXPORTERS, IMPORTERS
from dtbsim.interchange.results.neo import neo_block

__all__ = ["EXPORTERS", "IMPORTERS", "Exporter", "Importer", "Loss", "Written", "neo_block"]
