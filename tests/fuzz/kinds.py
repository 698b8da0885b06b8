"""What is fuzzed, by name: each class makes one input from a generator and hands it to what reads such inputs."""

from __future__ import annotations

from tests.fuzz.arguments import Arguments
from tests.fuzz.configurations import Configurations, ConfigurationsRun
from tests.fuzz.foreign_files import AtlasArchives, AtlasFolders, AtlasHdf5, SpikeFiles
from tests.fuzz.fuzzed import Fuzzed
from tests.fuzz.run_folders import RunFolders

KINDS: dict[str, type[Fuzzed]] = {
    "configurations": Configurations,
    "configurations_run": ConfigurationsRun,
    "atlas_archives": AtlasArchives,
    "atlas_hdf5": AtlasHdf5,
    "atlas_folders": AtlasFolders,
    "spike_files": SpikeFiles,
    "run_folders": RunFolders,
    "arguments": Arguments,
}
