"""Networks exported to NIR in Norse and snnTorch, now: every spike at the same step (see make_nir_spikes.py).

DTBSIM_NIR_PYTHON=/tmp/nir/bin/python python -m pytest -m nightly tests/parity/test_nir_readers.py
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from tests.helpers.nir_cases import CASES
from tests.helpers.spike_sets import first_difference, spikes_of
from tests.parity.make_nir_spikes import run_elsewhere

pytestmark = [
    pytest.mark.nightly,
    pytest.mark.skipif(
        "DTBSIM_NIR_PYTHON" not in os.environ, reason="needs DTBSIM_NIR_PYTHON, a Python with nir, norse and snntorch"
    ),
]


@pytest.mark.parametrize("name", CASES)
def test_every_spike_is_that_of_the_reader(name: str, tmp_path: Path) -> None:
    found = run_elsewhere(name, tmp_path)
    theirs = set(zip(found["step"].tolist(), found["neuron"].tolist(), strict=True))
    own = spikes_of(CASES[name][1], 100)
    assert len(own) > 800
    assert own == theirs, first_difference(own, theirs)
