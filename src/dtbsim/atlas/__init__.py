"""Brain atlases: regions, connectome (weights, tract lengths), maps and measured data; see docs/atlas_format.md."""

from dtbsim.atlas.connectome import Edges, Incoming
from dtbsim.atlas.load import (
    DEFAULT,
    atlas_files,
    find_atlas,
    is_bundled,
    list_atlases,
    load_atlas,
    load_local_circuits,
    save_atlas,
)
from dtbsim.atlas.model import Atlas, FcdReference
from dtbsim.atlas.summary import atlas_summary

__all__ = [
    "DEFAULT",
    "Atlas",
    "Edges",
    "FcdReference",
    "Incoming",
    "atlas_files",
    "atlas_summary",
    "find_atlas",
    "is_bundled",
    "list_atlases",
    "load_atlas",
    "load_local_circuits",
    "save_atlas",
]
