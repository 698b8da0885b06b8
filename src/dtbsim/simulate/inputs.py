"""Spikes that were given as arrays, kept in the run folder, so that its configuration can be run again."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from dtbsim.config import RunConfig
from dtbsim.config.dump import MOST_LISTED, listed_spikes
from dtbsim.store.files import storage_errors

FOLDER = "inputs"


def config_with_files(config: RunConfig, folder: Path) -> RunConfig:
    """The configuration with files of spikes in place of the arrays that are too long to be written out.

    The files are `folder`/inputs/KEY.PATH.npz; the configuration names them relative to `folder`, where it belongs.
    Raises StorageError when the disk does not take them.
    """
    long = {path: spikes for path, spikes in listed_spikes(config) if len(spikes.neuron) > MOST_LISTED}
    if not long:
        return config
    populations, drives = dict(config.populations), dict(config.drives)
    with storage_errors(folder / FOLDER):
        (folder / FOLDER).mkdir(exist_ok=True)
    for (kind, name, _), spikes in long.items():
        file = f"{FOLDER}/{kind}.{name}.npz"
        with storage_errors(folder / file):
            np.savez(folder / file, neuron=np.array(spikes.neuron, np.int64), time_ms=np.array(spikes.time_ms))
        if kind == "populations":
            populations[name] = populations[name].model_copy(update={"spikes": None, "spikes_file": file})
        else:
            drives[name] = drives[name].model_copy(update={"spikes": None, "file": file})
    return config.model_copy(update={"populations": populations, "drives": drives})
