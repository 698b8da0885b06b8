"""Mappings in the tools that their files are for: every spike and every packet of SANA-FE, the slices of sPyNNaker.

What SANA-FE did with the files of a small network is stored (tests/parity/make_sanafe_map.py). At night a larger one
is run, and sPyNNaker maps onto a virtual board, each in an environment of its own:

    python -m venv /tmp/sanafe && /tmp/sanafe/bin/pip install sanafe==2.2.9 numpy
    python -m venv /tmp/spynnaker && /tmp/spynnaker/bin/pip install 'sPyNNaker==1!7.4.1'
    DTBSIM_SANAFE_PYTHON=/tmp/sanafe/bin/python DTBSIM_SPYNNAKER_PYTHON=/tmp/spynnaker/bin/python \
        python -m pytest -m nightly tests/parity/test_map_tools.py
"""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.helpers.mapped import LARGE, SMALL, delta_network, small_loihi
from tests.parity.make_sanafe_map import FILES, OUT, in_sanafe

import dtbsim
from dtbsim.mapping.mapping import Mapping
from dtbsim.store.files import sha256_of_file

SANAFE, SPYNNAKER = (os.environ.get(f"DTBSIM_{name}_PYTHON") for name in ("SANAFE", "SPYNNAKER"))


def run_as_chip(made: Mapping) -> set[tuple[int, int]]:
    """Step and gid of every spike of the network that runs as the chip does; those of drives have later gids."""
    run = dtbsim.run(made.path / "network" / "network.yaml", temporary=True).open()
    steps, gids = run.spike_steps()
    own = gids < made.placed.core.size
    return set(zip(steps[own].tolist(), gids[own].tolist(), strict=True))


def packets_of(made: Mapping, spikes: set[tuple[int, int]]) -> int:
    """Messages of spikes, and one for each spike of a drive that arrives after the first step."""
    arrays = made.numbers
    core = made.placed.core
    reached: dict[int, set[int]] = {}
    for name in {key.split("/")[1] for key in arrays if key.startswith("projection/")}:
        source, target = (arrays[f"projection/{name}/{end}_gid"].tolist() for end in ("source", "target"))
        for one, other in zip(source, target, strict=True):
            reached.setdefault(one, set()).add(int(core[other]))
    driven = sum(int((arrays[key] > 0).sum()) for key in arrays if key.startswith("drive/") and key.endswith("/step"))
    return driven + sum(len(reached.get(gid, ())) for _, gid in spikes)


def compare(made: Mapping, found: set[tuple[int, int]], packets: int) -> None:
    own = run_as_chip(made)
    first = min((step for step, _ in own ^ found), default=None)
    assert own == found, f"{len(own)} and {len(found)} spikes; first differing step {first}"
    assert packets_of(made, own) == packets


def test_sanafe_has_the_same_spikes_and_packets(tmp_path: Path) -> None:
    made = dtbsim.map_network(delta_network(**SMALL), to=small_loihi(20), out=tmp_path / "map")
    assert made.placed.n_cores == 8
    written = dtbsim.export_mapping(made, to="sanafe", out=tmp_path / "tool")
    with np.load(OUT) as stored:
        assert [sha256_of_file(written.path / name) for name in FILES] == stored["files"].tolist()
        found = {(int(step), int(gid)) for step, gid in stored["spikes"]}
        compare(made, found, int(stored["packets"]))


@pytest.mark.nightly
@pytest.mark.skipif(SANAFE is None, reason="needs DTBSIM_SANAFE_PYTHON, a Python with sanafe")
def test_sanafe_live(tmp_path: Path) -> None:
    assert SANAFE is not None
    made = dtbsim.map_network(delta_network(**LARGE), to=small_loihi(40), out=tmp_path / "map")
    assert made.sizes["neurons"] == 750
    assert made.sizes["synapses"] > 82_000
    written = dtbsim.export_mapping(made, to="sanafe", out=tmp_path / "tool")
    result = in_sanafe(written.path, SANAFE)
    found = set(zip(result["step"].tolist(), result["gid"].tolist(), strict=True))
    assert len(found) > 5000
    compare(made, found, int(result["packets"]))
    changed = (written.path / "net.yaml").read_text().replace("weight: ", "weight: 3", 1)
    (written.path / "net.yaml").write_text(changed)
    other = in_sanafe(written.path, SANAFE)
    assert set(zip(other["step"].tolist(), other["gid"].tolist(), strict=True)) != found, "one weight does not show"


@pytest.mark.nightly
@pytest.mark.skipif(SPYNNAKER is None, reason="needs DTBSIM_SPYNNAKER_PYTHON, a Python with sPyNNaker")
@pytest.mark.parametrize("chip", ["spinnaker1", "spinnaker2"])
def test_spynnaker_maps_as_here(chip: str, tmp_path: Path) -> None:
    assert SPYNNAKER is not None
    config: dict[str, Any] = delta_network(**LARGE) | {"name": "for_spynnaker"}
    for name in ("E", "I"):
        config["populations"][name]["model"] = "iaf_psc_exp"
        config["populations"][name]["parameters"] = {"tau_m_ms": 15.0}
    for projection in config["projections"].values():
        projection["weight_pA"] = 20.0 if projection["source"] != "I" else -80.0
        del projection["weight_mV"]
    config["drives"]["bg"] = {"kind": "poisson", "target": ["E", "I"], "rate_hz": 700, "weight_pA": 40, "start_ms": 1.0}
    made = dtbsim.map_network(config, to=chip, out=tmp_path / "map", chips=1)
    written = dtbsim.export_mapping(made, to="spynnaker")
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    command = [SPYNNAKER, "run_spynnaker.py", "--virtual", "--ms", "100"]
    done = subprocess.run(command, cwd=written.path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, (done.stdout + done.stderr)[-2000:]
    (reports,) = (written.path / "reports").glob("*/run_1")
    placed = (reports / "placement_by_vertex_using_graph.rpt").read_text()
    slices = dict.fromkeys(("E", "I"), 0)
    for name, first, last in re.findall(r"^  Slice .* on core \S+ \S+ \S+ (\w+)\((\d+):(\d+)\)", placed, re.MULTILINE):
        if name in slices:
            slices[name] += 1
            gids = made.populations[name][int(first) : int(last) + 1]
            assert np.unique(made.placed.core[gids]).size == 1, "a slice is a core here, too"
    assert slices == {"E": -(-600 // 256), "I": 1}
    assert sum(slices.values()) == made.placed.n_cores
    by_chip: dict[str, int] = {}
    usage = (reports / "chip_sdram_usage_by_core.rpt").read_text()
    for x, y, n_bytes in re.findall(r"core \((\d+),(\d+),\d+\) is .* \((\d+) bytes\)", usage):
        by_chip[f"{x},{y}"] = by_chip.get(f"{x},{y}", 0) + int(n_bytes)
    assert 0 < max(by_chip.values()) <= made.chip["memory.bytes_per_chip"]
    entries = [
        int(re.search(r"Router contains (\d+) entries", path.read_text())[1])  # type: ignore[index]
        for path in (reports / "routing_tables_generated").glob("*.rpt")
    ]
    assert 0 < max(entries) <= made.chip["connections.routes"]
