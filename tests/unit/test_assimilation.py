"""Assimilation of BOLD: planted parameters, scores, folder, bits, going on after a kill, and what is refused."""

from __future__ import annotations

import json

import numpy as np
import pytest
from tests.helpers import followed as F
from tests.helpers.jobs import run_job
from tests.unit.cli_samples import Cli

import dtbsim
from dtbsim.assimilation import conduct
from dtbsim.cli.assimilate import _lines
from dtbsim.data import Series
from dtbsim.errors import InputError
from dtbsim.mpi import run_ranks

TRUTH = np.array([F.PLANTED[name] for name in F.REGIONS])


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """An assimilation with its folder."""
    out = tmp_path_factory.mktemp("followed") / "out"
    return out, F.follow(out, report=True)


def test_finds_planted_parameters(found):
    estimate = F.estimate(found[1])
    assert np.abs(estimate - TRUTH).max() < 0.06
    assert np.corrcoef(estimate, TRUTH)[0, 1] > 0.95
    spread = found[1].arrays["parameters_sd"]
    assert spread[59].mean() < 0.5 * spread[0].mean()


def test_scores_stand_beside_what_needs_no_model(found):
    summary = found[1].summary
    assert (summary["followed_volumes"], summary["held_out_volumes"]) == (60, 20)
    assert set(summary["skill"]) == {"assimilation", "persistence", "linear", "mean"}
    assert {len(scores["rmse"]) for scores in summary["skill"].values()} == {10}
    one = {name: scores["rmse"][0] for name, scores in summary["one_step"].items()}
    assert one["assimilation"] < one["mean"]
    z = found[1].arrays["measured"]
    assert one["persistence"] == pytest.approx(np.sqrt(np.mean((z[60:] - z[59:-1]) ** 2)))
    assert set(summary["fc"]) == {"free_run", "linear", "followed_part", "structure"}
    assert found[1].arrays["free"].shape == (20, 16, 4)


def test_folder_holds_results_and_a_configuration_that_runs(found):
    out, result = found
    assert json.loads((out / "summary.json").read_text())["parameters"] == result.parameters
    with np.load(out / "assimilation.npz") as arrays:
        assert np.array_equal(arrays["parameters"], result.arrays["parameters"])
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "Precentral_L" in page
    assert "w_plus" in page
    network = dtbsim.validate(out / "config.yaml")
    np.testing.assert_allclose(network.regions.populations[0].parameters["w_plus"][0], F.estimate(result))
    assert sorted(path.name for path in out.iterdir()) == [
        "assimilation.json", "assimilation.npz", "config.yaml", "report.html", "summary.json",
    ]  # fmt: skip


def test_threads_change_nothing(found, tmp_path):
    config = F.brain()
    config["simulation"]["threads"] = 2
    assert F.same(F.follow(tmp_path / "two", config=config), found[1])


def test_goes_on_after_a_kill(found, tmp_path, monkeypatch):
    monkeypatch.setattr(conduct, "EVERY_S", -1.0)
    out, calls = tmp_path / "killed", []

    def shown(self, done, total, what):
        calls.append(what)
        if calls.count("following") == 25:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(conduct._Shown, "__call__", shown)
        with pytest.raises(KeyboardInterrupt):
            F.follow(out)
    assert (out / "checkpoint.npz").is_file()
    with pytest.raises(InputError, match="--resume"):
        F.follow(out)
    with pytest.raises(InputError, match="another assimilation"):
        F.follow(out, resume=True, noise=0.5)
    assert F.same(F.follow(out, resume=True), found[1])
    assert not (out / "checkpoint.npz").exists()
    with pytest.raises(InputError, match="complete"):
        F.follow(out, resume=True)


@pytest.mark.parametrize(
    "options",
    [
        pytest.param({"scheme": "own", "variant": "square_root"}, marks=pytest.mark.nightly),
        {"scheme": "diffusion", "own_weight": 0.8},
        pytest.param({"scheme": "local", "radius_mm": 15.0}, marks=pytest.mark.nightly),
        pytest.param({"scheme": "local", "variant": "square_root", "radius_mm": 15.0}, marks=pytest.mark.nightly),
        pytest.param({"scheme": "global", "variant": "square_root"}, marks=pytest.mark.nightly),
    ],
    ids=lambda options: "-".join(str(value) for value in options.values()),
)
def test_every_scheme_finds_them(options, tmp_path):
    found = F.follow(tmp_path / "out", hold_out_s=0, **options)
    assert np.abs(F.estimate(found) - TRUTH).max() < 0.09
    assert "Nothing was held out" in found.summary["warnings"][0]
    assert "skill" not in found.summary


def test_a_strength_and_a_shared_parameter(tmp_path):
    """A coupling in every region, and an input current that all regions share."""
    key = "populations.cortex.parameters.I_0_nA"
    config = F.brain(w_plus={"regions": F.PLANTED})
    found = F.follow(
        tmp_path / "out", config=config, free={"couplings.long.strength": (0.0, 0.6)}, free_global={key: (0.35, 0.41)},
        hold_out_s=0,
    )  # fmt: skip
    assert found.parameters[key] == pytest.approx(0.382, abs=0.006)
    assert set(found.parameters["couplings.long.strength"]) == set(F.REGIONS)
    network = dtbsim.validate(tmp_path / "out" / "config.yaml")
    assert network.regions.couplings[0].strength.shape[1] == 4


# -- what is refused ----------------------------------------------------------------------------------------------


def broken(**changes):
    config = F.brain()
    for key, value in changes.items():
        config[key] = value
    return config


BOLD = np.random.default_rng(1).normal(size=(80, 4))


def with_nan():
    bold = BOLD.copy()
    bold[3, 2] = np.nan
    return bold


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"free": []}, "no parameter is free"),
        ({"free": ["populations.cortex.parameters.w_pluss=1:2"]}, "did you mean 'w_plus'"),
        ({"free": ["populations.cortx.parameters.w_plus=1:2"]}, "populations.cortex.parameters.w_plus"),
        ({"free": ["couplings.lon.strength=1:2"]}, "did you mean 'long'"),
        ({"free": ["simulation.dt_ms=1:2"]}, "cannot be free"),
        ({"free": [f"{F.KEY}=2:1"]}, "give 1:2"),
        ({"free_global": F.FREE}, "free twice"),
        ({"to": BOLD[:25]}, "too short"),
        ({"to": BOLD, "hold_out_s": 60.0}, "too short"),
        ({"to": BOLD, "hold_out_s": 2.0}, "too few to be held out"),
        ({"to": with_nan()}, "volume 3 of region 2 is nan"),
        ({"to": BOLD * [1, 1, 0, 1]}, "Frontal_Sup_2_L does not change"),
        ({"to": BOLD[:, :3]}, "3"),
        ({"to": Series(BOLD, ("a", "b", "c", "d"), 0.8, "x.csv")}, "x.csv"),
        ({"to": Series(BOLD, None, None, "x.csv"), "tr_s": None}, "x.csv: nothing says .*--tr"),
        ({"tr_s": 0.7205}, "not a whole number of steps"),
        ({"tr_s": 800.0}, "in seconds"),
        ({"members": 2}, "4 or more"),
        ({"scheme": "best"}, "own, diffusion, local, global"),
        ({"scheme": "diffusion", "variant": "square_root"}, "stochastic, with scheme diffusion"),
        ({"nose": 0.2}, "no option 'nose'"),
        ({"pooling": 2.0}, "from 0 to 1"),
        ({"resume": True}, "nothing to go on with"),
        ({"config": broken(bold=None)}, "bold: {population: NAME}"),
        ({"config": broken(ensemble={"members": [{"seed": 1}]})}, "leave it out"),
        ({"config": broken(changes={"a": {"population": "cortex", "t_ms": 5, "set": {"w_plus": 1.3}}})}, "changes"),
        (
            {
                "config": broken(
                    controllers={"c": {"kind": "feedback_inhibition", "population": "cortex", "interval_ms": 50}}
                )
            },
            "controllers.c",
        ),
    ],
)
def test_what_cannot_be_is_one_line_and_leaves_nothing(given, words, tmp_path):
    with pytest.raises(InputError, match=words) as caught:
        F.follow(tmp_path / "out", **given)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_a_foreign_folder_is_left_alone(tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(InputError, match="something else"):
        F.follow(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


# -- the command --------------------------------------------------------------------------------------------------


@pytest.fixture
def files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "brain.yaml").write_text(json.dumps(F.brain()))
    rows = [",".join(F.REGIONS[::-1]), *(",".join(map(repr, row[::-1])) for row in F.planted_bold().tolist())]
    (tmp_path / "bold.csv").write_text("\n".join(rows))
    return tmp_path


def test_the_command(files, capfd):
    """Regions in another order by their labels; the scores are printed, and a mistake is one line."""
    cli = Cli(capfd)
    given = ["assimilate", "brain.yaml", "--to", "bold.csv", "--tr", "0.8"]
    options = ["--members", "8", "--units", "model", "--hold-out", "8", "--no-report", "--quiet"]
    done = cli(*given, "--free", F.FREE[0], "--out", "found", *options)
    assert (done.code, done.out, done.err) == (0, "found\n", "")
    summary = json.loads((files / "found" / "summary.json").read_text())
    assert list(summary["parameters"][F.KEY]) == list(F.REGIONS)
    assert np.corrcoef(list(summary["parameters"][F.KEY].values()), TRUTH)[0, 1] > 0.8
    done = cli(*given, "--out", "new")
    assert done.code == 2
    assert done.err.count("\n") == 1
    assert "--free" in done.err
    assert not (files / "new").exists()
    shown = _lines(summary)
    assert any("linear" in line for line in shown)


# -- ranks --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ranks", [2, pytest.param(3, marks=pytest.mark.nightly)])
def test_ranks_change_nothing(ranks, found, tmp_path):
    """Two ranks of two lane groups share members, three share regions."""
    F.planted_bold()
    results = run_ranks(ranks, lambda comm: F.follow(tmp_path / "out", comm=comm, members=20, hold_out_s=8.0))
    alone = F.follow(tmp_path / "alone", members=20, hold_out_s=8.0)
    assert all(F.same(result, alone) for result in results)


@pytest.mark.nightly
def test_the_command_on_two_ranks(files):
    given = ["-m", "dtbsim", "assimilate", "brain.yaml", "--to", "bold.csv", "--tr", "0.8", "--free", F.FREE[0]]
    outs = []
    for ranks in (1, 2):
        done = run_job([*given, "--members", "20", "--out", f"on{ranks}"], ranks=ranks, cwd=files)
        assert done.code == 0, done.err
        with np.load(files / f"on{ranks}" / "assimilation.npz") as arrays:
            outs.append(dict(arrays))
    assert all(np.array_equal(outs[0][name], outs[1][name]) for name in outs[0])
