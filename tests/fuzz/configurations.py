"""Fuzzed configurations, as texts and as data."""

from __future__ import annotations

import os
from pathlib import Path
from random import Random

from tests.fuzz.fuzzed import Fuzzed
from tests.fuzz.pieces import changed_data, changed_text, value
from tests.helpers.rich_run import CONFIG as RICH
from tests.helpers.rich_run import write_rich_config
from tests.helpers.small_atlas import save_small_atlas
from tests.unit.config_samples import BASE

import dtbsim
from dtbsim.config.yaml_text import parse_yaml

ROOT = Path(__file__).parents[2]
SMALL_ENOUGH_TO_RUN = 2_000_000
"""Neurons times steps."""


class Configurations(Fuzzed):
    """YAML texts and data, validated; small networks that are valid are run, too."""

    runs = False

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        write_rich_config(folder / "given")
        save_small_atlas(folder / "given", name="aal2")
        examples = [path.read_text(encoding="utf-8") for path in sorted((ROOT / "examples").glob("*.yaml"))]
        self.texts = [BASE, RICH, RICH, *examples]

    def case(self, rng: Random) -> None:
        text, data = rng.choice(self.texts), {}
        file = self.folder / "given" / "net.yaml"
        if not self.runs and rng.random() < 0.4:
            for name in ("my_models.py", "examples/my_models.py"):
                text = text.replace(name, "my_models.py")
            file.write_bytes(changed_text(text, rng).encode("utf-8", "surrogatepass"))
            network = dtbsim.validate(file)
        else:
            data = parse_yaml(text, "net.yaml")[0]
            for _ in range(1 if self.runs else rng.choice((1, 1, 2, 4))):
                data = changed_data(data, rng)
            overrides = {
                rng.choice(("seed", "simulation.dt_ms", "populations.E.size", "bold.tr_ms", "x.y")): value(rng)
            }
            os.chdir(self.folder / "given")
            network = dtbsim.validate(data, set=overrides if not self.runs and rng.random() < 0.3 else ())
        repr(network)
        if self.runs and network.n_neurons * network.n_steps <= SMALL_ENOUGH_TO_RUN:
            dtbsim.run(data, temporary=True, report=rng.random() < 0.05).open().spikes()


class ConfigurationsRun(Configurations):
    """One value of a small network changed, and run where that is valid."""

    runs = True

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.texts = [RICH]
