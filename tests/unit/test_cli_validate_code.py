"""`dtbsim validate` of a configuration that names files of models: it says that it executes them, or does not."""

from __future__ import annotations

from pathlib import Path

import pytest
from cli_samples import Cli, is_one_error_line
from tests.helpers.own_model import CONFIG, LEAKY

from dtbsim.errors import EXIT_INPUT, EXIT_OK

TRAP = f"""\
from pathlib import Path
Path(__file__).with_name("executed").touch()
{LEAKY}
"""


@pytest.fixture
def cli(capfd: pytest.CaptureFixture[str]) -> Cli:
    return Cli(capfd)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    (tmp_path / "my_models.py").write_text(TRAP)
    path = tmp_path / "net.yaml"
    path.write_text(CONFIG)
    return path


def executed(config: Path) -> bool:
    return config.with_name("executed").exists()


def test_what_is_executed_is_said_before(cli: Cli, config: Path) -> None:
    code, out, err = cli("validate", config)
    assert code == EXIT_OK
    assert out.startswith(f"{config}: valid\n")
    assert executed(config)
    assert err == (
        f"dtbsim: executing my_models.py, a file of models that {config} names (--no-code checks without that)\n"
    )
    config.with_name("my_models.py").write_text("raise SystemExit(3)")
    code, out, err = cli("validate", config)
    assert (code, out) == (EXIT_INPUT, "")
    assert err.splitlines()[0].startswith("dtbsim: executing my_models.py")


def test_without_code_nothing_is_executed_and_what_was_not_checked_is_said(cli: Cli, config: Path) -> None:
    code, out, err = cli("validate", config, "--no-code")
    assert (code, err) == (EXIT_OK, "")
    assert not executed(config)
    assert out.splitlines()[0] == f"{config}: valid as far as it can be told without executing its models"
    assert "  not executed  my_models.py:Leaky\n" in out
    assert "  not checked   the models in there" in out
    assert "neurons" not in out


def test_a_configuration_without_files_of_models_is_checked_whole(cli: Cli, config: Path) -> None:
    config.write_text("simulation: {dt_ms: 1, duration_ms: 2}\npopulations: {E: {model: qif, size: 1}}")
    code, out, err = cli("validate", config, "--no-code")
    assert (code, err) == (EXIT_OK, "")
    assert out.splitlines()[0] == f"{config}: valid"
    assert "  neurons " in out


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "there is no file"),
        ("def f(:\n", "my_models.py:1: not valid Python"),
        ("x = 1\n", "there is no 'Leaky' in this file"),
        ("\0", "not valid Python"),
        ("(" * 5000, "not valid Python"),
    ],
)
def test_without_code_a_file_that_cannot_be_right_is_an_error(
    cli: Cli, config: Path, text: str | None, said: str
) -> None:
    file = config.with_name("my_models.py")
    file.unlink()
    if text is not None:
        file.write_text(text)
    code, out, err = cli("validate", config, "--no-code")
    assert (code, out) == (EXIT_INPUT, "")
    assert is_one_error_line(err)
    assert f"{config}:5: populations.E.model" in err
    assert said in err


@pytest.mark.parametrize(
    "text",
    [
        "class Leaky: ...",
        "from elsewhere import Leaky",
        "from elsewhere import *",
        "from elsewhere import Other as Leaky",
        "if True:\n    class Leaky: ...",
        "A, Leaky = 1, 2",
        "def make(): ...\nLeaky = make()",
    ],
)
def test_without_code_every_way_to_define_a_name_passes(cli: Cli, config: Path, text: str) -> None:
    config.with_name("my_models.py").write_text(text)
    assert cli("validate", config, "--no-code").code == EXIT_OK


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("target: E", "target: X", "no population 'X'"),
        ("duration_ms: 100", "duration_ms: -1", "duration_ms"),
        ("seed: 3", "seed: 3\natlas: nowhere.npz", "there is no atlas"),
    ],
)
def test_without_code_other_mistakes_are_found(cli: Cli, config: Path, old: str, new: str, said: str) -> None:
    config.write_text(CONFIG.replace(old, new))
    code, _, err = cli("validate", config, "--no-code")
    assert code == EXIT_INPUT
    assert is_one_error_line(err)
    assert said in err
    assert not executed(config)
