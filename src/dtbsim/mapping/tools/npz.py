"""`dtbsim map MAP --export npz`: all numbers of a mapping as one archive of arrays, for tools without a format."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from dtbsim.interchange.base import Written
from dtbsim.interchange.folder import new_file
from dtbsim.mapping.export import MapExporter
from dtbsim.mapping.folder import arrays_of
from dtbsim.mapping.mapping import Mapping


class NpzExporter(MapExporter):
    """Arrays of numpy by name: where neurons are, their registers, synapses with their mantissas and exponents."""

    summary = "all arrays of the mapping in one .npz"
    suffix = ".npz"

    def write(self, made: Mapping, target: Path, *, lossy: bool) -> Written:
        """Write one file. Nothing is lost, so `lossy` changes nothing."""
        arrays = dict(arrays_of(made))
        with new_file(target) as path, path.open("wb") as file:
            np.savez(file, **arrays)
        return Written(target, {"arrays": len(arrays)})


NPZ = NpzExporter()
