"""SONATA networks of others, imported, against the same in BMTK PointNet on NEST: every spike at the same step.

Needs a Python with bmtk 1.2.0 and nest-simulator 3.10.0 (see test_sonata_nest.py). The examples of the Allen Institute
(BSD; the folder `examples` of the repository of bmtk) are not bundled: name the folder to compare with them.

    DTBSIM_BMTK_PYTHON=/tmp/bmtk/bin/python DTBSIM_BMTK_EXAMPLES=/tmp/bmtk/examples \\
        python -m pytest -m nightly -s tests/parity/test_sonata_import_nest.py
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import h5py
import numpy as np
import pytest
from tests.helpers.spike_sets import Spikes, first_difference, spikes_of

import dtbsim

PYTHON = os.environ.get("DTBSIM_BMTK_PYTHON")
EXAMPLES = os.environ.get("DTBSIM_BMTK_EXAMPLES")
pytestmark = [
    pytest.mark.nightly,
    pytest.mark.skipif(PYTHON is None, reason="needs DTBSIM_BMTK_PYTHON, a Python with bmtk and NEST"),
]


def elsewhere(script: str, argument: Path) -> None:
    assert PYTHON is not None
    command = [PYTHON, str(Path(__file__).with_name(script)), str(argument)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]


def spikes_in(path: Path, population: str, n_steps: int) -> Spikes:
    """NEST's time of a spike is the end of its step."""
    with h5py.File(path) as file:
        times, nodes = (file[f"spikes/{population}/{name}"][()] for name in ("timestamps", "node_ids"))
    steps = np.rint(times / 0.1).astype(int) - 1
    return {(step, node) for step, node in zip(steps.tolist(), nodes.tolist(), strict=True) if step < n_steps}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network of bmtk.builder, with the spikes that NEST gave."""
    folder = tmp_path_factory.mktemp("bmtk") / "net"
    elsewhere("build_bmtk.py", folder)
    return folder


def test_a_network_of_bmtk_builder_gives_the_spikes_of_nest(built: Path, tmp_path: Path) -> None:
    made = dtbsim.import_network(built, form="sonata", out=tmp_path / "model.yaml")
    assert (made.losses, made.notes) == ((), ())
    own, nest = spikes_of(tmp_path / "model.yaml", 250), spikes_in(built / "output" / "spikes.h5", "cortex", 6000)
    assert len(nest) > 20_000
    assert own == nest, first_difference(own, nest)


def test_one_altered_weight_of_it_shows(built: Path, tmp_path: Path) -> None:
    """One of 52,784, of the neuron that spikes most; nothing differs before its first spike arrives."""
    dtbsim.import_network(built, form="sonata", out=tmp_path / "model.yaml")
    nest = spikes_in(built / "output" / "spikes.h5", "cortex", 6000)
    busiest = max(range(200), key=lambda neuron: sum(node == neuron for _, node in nest))
    path = tmp_path / "model" / "cortex_to_cortex_exc_exc_ex.npz"
    with np.load(path) as given:
        columns = dict(given)
    columns["weight"][np.flatnonzero(columns["source"] == busiest)[0]] *= 8.0
    np.savez(path, **columns)
    own = spikes_of(tmp_path / "model.yaml", 250)
    print(first_difference(own, nest))
    assert own != nest
    assert min(step for step, _ in own ^ nest) > min(step for step, node in nest if node == busiest) + 20


@pytest.mark.skipif(EXAMPLES is None, reason="needs DTBSIM_BMTK_EXAMPLES, the folder `examples` of bmtk")
@pytest.mark.parametrize(
    ("name", "population", "n", "equal_until", "others"),
    [
        ("point_120cells", "cortex", 120, 30_000, 0),
        ("point_450cells", "internal", 450, 30_000, 1),  # one spike of 1,858 comes a step earlier
        ("point_450glifs", "v1", 450, 5_000, 0),  # then the numbers of 32 and 64 bits part: it is chaotic
    ],
)
def test_networks_of_the_allen_institute(
    name: str, population: str, n: int, equal_until: int, others: int, tmp_path: Path
) -> None:
    """With steps of 0.1 ms instead of 0.001 ms; up to the end, or the step that is given."""
    assert EXAMPLES is not None
    for part in (name, "point_components"):
        shutil.copytree(Path(EXAMPLES) / part, tmp_path / part)
    config = tmp_path / name / "config.simulation.json"
    values = json.loads(config.read_text())
    values["run"]["dt"] = 0.1
    config.write_text(json.dumps({**values, "reports": {}}))
    elsewhere("run_bmtk.py", config)
    dtbsim.import_network(config, form="sonata", out=tmp_path / "model.yaml")
    n_steps = round(values["run"]["tstop"] * 10)
    own = spikes_of(tmp_path / "model.yaml", n)
    nest = spikes_in(tmp_path / name / "output" / "spikes.h5", population, n_steps)
    print(f"{name}: {first_difference(own, nest)}, {len(own & nest)} equal")
    assert len(nest) > 300
    early = {pair for pair in own - nest if pair[0] < equal_until}
    assert len(early) <= others, first_difference(own, nest)
