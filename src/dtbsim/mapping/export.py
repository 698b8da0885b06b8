"""Which files for tools a mapping can be written as, by name; other packages add some by entry points.

[project.entry-points."dtbsim.map_exporters"]
my_tool = "my_package.tool:MyExporter"
"""

from __future__ import annotations

import os
from pathlib import Path

from dtbsim.arguments import flag, text
from dtbsim.arguments import path as path_argument
from dtbsim.interchange.base import Written
from dtbsim.mapping.folder import open_mapping
from dtbsim.mapping.mapping import Mapping
from dtbsim.registry import Later, Registry


class MapExporter:
    """Writes a mapping for a tool; an instance per entry of the registry."""

    summary: str
    """One line: what is written."""
    suffix: str = ""
    """End of the file; a folder where it is empty."""

    def write(self, made: Mapping, target: Path, *, lossy: bool) -> Written:
        """Write a mapping to `target`, whole or not at all; InputError where spikes would differ and not `lossy`."""
        raise NotImplementedError


def _checked(name: str, value: object) -> MapExporter:
    made = value() if isinstance(value, type) else value
    if not isinstance(made, MapExporter):
        raise TypeError("an exporter of mappings is a subclass of dtbsim.mapping.export.MapExporter")
    return made


MAP_EXPORTERS: Registry[MapExporter] = Registry(
    "dtbsim.map_exporters",
    "format to write mappings in",
    {
        "sanafe": Later("dtbsim.mapping.tools.sanafe:SANAFE"),
        "spynnaker": Later("dtbsim.mapping.tools.spynnaker:SPYNNAKER"),
        "npz": Later("dtbsim.mapping.tools.npz:NPZ"),
    },
    _checked,
)


def export_mapping(
    mapping: str | os.PathLike[str] | Mapping,
    *,
    to: str,
    out: str | os.PathLike[str] | None = None,
    lossy: bool = False,
) -> Written:
    """Write a mapping for a tool.

        dtbsim.export_mapping("net_on_loihi", to="sanafe", out="for_sanafe")

    Args:
        mapping: the folder of a mapping, or what `map_network` returned.
        to: sanafe, spynnaker or npz, or one that another package adds.
        out: the file or folder (default: of this name in the folder of the mapping).
        lossy: write it although spikes would differ.

    Raises:
        InputError: no such format, something that the tool cannot hold, a file or folder that is there already.
    """
    exporter = MAP_EXPORTERS.find(text(to, "to"), "--export")
    made = mapping if isinstance(mapping, Mapping) else open_mapping(mapping)
    target = made.path / f"{to}{exporter.suffix}" if out is None else path_argument(out, "out")
    return exporter.write(made, target, lossy=flag(lossy, "lossy"))
