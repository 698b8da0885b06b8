"""Atlases from what laboratories have: matrices, archives, graphs, folders of people (docs/own_data.md)."""

from __future__ import annotations

from dtbsim.atlas.importing.importer import Imported, import_atlas

__all__ = ["Imported", "import_atlas"]
