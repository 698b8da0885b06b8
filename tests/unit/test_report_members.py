"""What a report shows of an ensemble."""

from __future__ import annotations

import numpy as np

from dtbsim.report.data_members import Members
from dtbsim.report.members import members_section


def test_members_stand_over_the_number_in_which_they_differ() -> None:
    strengths = np.array([0.1, 0.1, 0.2, 0.2, 0.3, 0.3])
    values = {"fc_correlation": np.array([0.1, 0.3, 0.5, 0.7, np.nan, 0.2])}
    coordinates = {"seed": np.array([1, 2] * 3), "couplings.far.strength": strengths}
    section = members_section(Members(6, coordinates, values))
    assert section is not None
    (panel,) = section.panels
    assert "Best at 0.2: 0.600" in panel.text
    line, points = panel.figure.data
    np.testing.assert_allclose(line.x, [0.1, 0.2, 0.3])
    np.testing.assert_allclose(line.y, [0.2, 0.6, 0.2])
    np.testing.assert_array_equal(points.x, strengths)
    assert "couplings.far.strength 0.3" in points.text[5]


def test_members_that_differ_in_names_or_nothing() -> None:
    values = {"mean_abs_fc": np.array([0.1, 0.3])}
    named = members_section(Members(2, {"atlas": np.array(["<b>", "dk68"])}, values))
    assert named is not None
    assert "<em>atlas</em>" in named.lead
    assert list(named.panels[0].figure.data[1].x) == ["<b>", "dk68"]
    same = members_section(Members(2, {}, values))
    assert same is not None
    assert "differ in nothing" in same.lead
    assert members_section(None) is None
