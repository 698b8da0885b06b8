"""`regions: {all_but: [...]}`: every region of an atlas except those that are named."""

from __future__ import annotations

from pathlib import Path

import pytest

from dtbsim.config.load import load_located
from dtbsim.errors import InputError
from dtbsim.spec import compile_network

TEXT = """
atlas: aal2
simulation: {{dt_ms: 0.1, duration_ms: 10}}
populations: {{E: {{model: iaf_psc_exp, size: 4, regions: {regions}}}}}
drives: {{d: {{kind: poisson, target: E, rate_hz: 10, weight_pA: 1}}}}
"""


def regions_of(tmp_path: Path, regions: str) -> list[int]:
    """Return the regions of the population."""
    file = tmp_path / "net.yaml"
    file.write_text(TEXT.format(regions=regions))
    located = load_located(file)
    network = compile_network(located.config, file.parent, located.locator)
    return [population.region for population in network.populations]


def test_the_others_are_meant(tmp_path: Path) -> None:
    found = regions_of(tmp_path, "{all_but: [Precentral_L, Insula_R]}")
    assert found == sorted(set(regions_of(tmp_path, "all")) - set(regions_of(tmp_path, "[Precentral_L, Insula_R]")))
    assert len(found) == 78


@pytest.mark.parametrize(
    ("regions", "message"),
    [
        ("{all_but: [Insula_X]}", "no region 'Insula_X'"),
        ("{all_but: []}", "all_but"),
        ("{all_except: [Insula_R]}", "all_except"),
    ],
)
def test_mistakes(tmp_path: Path, regions: str, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        regions_of(tmp_path, regions)
    assert "net.yaml:4" in str(caught.value)
