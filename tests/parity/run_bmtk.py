"""Run a SONATA simulation with BMTK PointNet and NEST, in its folder: python run_bmtk.py CONFIG (no dtbsim needed)."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from bmtk.simulator import pointnet


def main(path: Path) -> None:
    """Spikes go where the configuration says."""
    os.chdir(path.parent)  # BMTK takes "." of a configuration as the current folder
    configuration = pointnet.Config.from_json(path.name)
    configuration.build_env(force=True)
    network = pointnet.PointNetwork.from_config(configuration)
    pointnet.PointSimulator.from_config(configuration, network).run()


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
