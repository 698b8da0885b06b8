"""Names that the shell completes."""

from __future__ import annotations


def atlas_names(incomplete: str) -> list[str]:
    """Return the atlases whose names begin so."""
    from dtbsim.atlas import list_atlases

    return [name for name in list_atlases() if name.startswith(incomplete)]


def kind_sorts(incomplete: str) -> list[str]:
    """Return what `dtbsim kinds` can list that begins so."""
    from dtbsim.cli.kinds import SORTS

    return [name for name in SORTS if name.startswith(incomplete)]


def model_names(incomplete: str) -> list[str]:
    """Return the models whose names begin so."""
    from dtbsim.models import list_models, list_region_models

    return [name for name in (*list_models(), *list_region_models()) if name.startswith(incomplete)]


def machine_names(incomplete: str) -> list[str]:
    """Return the machine profiles that begin so."""
    from dtbsim.estimation.profile import profile_names

    return [name for name in profile_names() if name.startswith(incomplete)]


def export_formats(incomplete: str) -> list[str]:
    """Return the formats to export to that begin so."""
    from dtbsim.interchange import EXPORTERS

    return [name for name in EXPORTERS.names() if name.startswith(incomplete)]


def import_formats(incomplete: str) -> list[str]:
    """Return the formats to import from that begin so."""
    from dtbsim.interchange import IMPORTERS

    return [name for name in IMPORTERS.names() if name.startswith(incomplete)]


def chip_names(incomplete: str) -> list[str]:
    """Return the chips that begin so."""
    from dtbsim.chips.registry import list_chips

    return [name for name in list_chips() if name.startswith(incomplete)]


def map_formats(incomplete: str) -> list[str]:
    """Return the files for tools that a mapping can be written as and that begin so."""
    from dtbsim.mapping.export import MAP_EXPORTERS

    return [name for name in MAP_EXPORTERS.names() if name.startswith(incomplete)]
