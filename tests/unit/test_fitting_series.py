"""A time series as the objective of a fit: how well an ensemble with these parameters forecasts the next volume."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests.helpers import followed as F

import dtbsim
from dtbsim.assimilation.following import following_error
from dtbsim.assimilation.settings import Settings
from dtbsim.config.load import load_config_data
from dtbsim.data import Series
from dtbsim.errors import InputError

OPTIONS = "series(members=8, settle_s=8, match_s=8, noise=0.3, model_units=1)"


def test_the_planted_value_forecasts_best_and_rows_are_those_of_the_ensemble(tmp_path: Path) -> None:
    planted = F.brain(w_plus={"regions": F.PLANTED})
    bold = F.planted_bold()[:40]
    found = dtbsim.fit(
        F.brain(w_plus=1.4), bold, {F.KEY: (1.0, 1.6)}, tr_s=F.TR_S, objective=OPTIONS, method="grid", evaluations=4,
        repeats=1, workers=1, progress=False, set={"simulation.duration_ms": 24000}, out=tmp_path / "fit",
    )  # fmt: skip
    rows = found.table[found.table.stage == "search"].sort_values(F.KEY)
    assert rows.error.isna().all()
    loss = rows.series.to_numpy()
    assert int(np.argmin(loss)) in (1, 2), loss  # the planted mean is 1.28, between the two in the middle
    assert loss.max() > 1.5 * loss.min()
    settings = Settings(members=8, settle_s=8.0, match_s=8.0, noise=0.3, units="model")
    config = load_config_data({**F.brain(w_plus=1.0)})
    alone = following_error(config, Path(), Series(bold, None, F.TR_S, "bold"), settings)
    assert alone == rows.series.iloc[0]
    best = following_error(load_config_data(planted), Path(), Series(bold, None, F.TR_S, "bold"), settings)
    assert best <= loss.min() * 1.02


@pytest.mark.parametrize(
    ("objective", "to", "said"),
    [
        ("series", "atlas", "has no series"),
        ("series(colour=3)", "bold", "there is no option 'colour' (options: members, noise"),
    ],
)
def test_what_cannot_be_compared(objective: str, to: str, said: str) -> None:
    data = F.planted_bold()[:40] if to == "bold" else to
    with pytest.raises(InputError) as caught:
        dtbsim.fit(F.brain(), data, {F.KEY: (1.0, 1.6)}, tr_s=F.TR_S, objective=objective, method="grid",
                   evaluations=2, workers=1, progress=False, set={"simulation.duration_ms": 24000})  # fmt: skip
    assert said in str(caught.value)
