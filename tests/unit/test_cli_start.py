"""Help, version, wrong usage: what the command line says before it does anything."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest
from cli_samples import Cli, is_one_error_line

from dtbsim.cli import complete
from dtbsim.cli.entry import EXIT_BROKEN_PIPE, is_first_rank
from dtbsim.errors import EXIT_CODES, EXIT_INPUT, EXIT_OK, EXIT_STORAGE
from dtbsim.runtime import faults

COMMANDS = (
    ("run",),
    ("validate",),
    ("estimate",),
    ("calibrate",),
    ("tune",),
    ("info",),
    ("hash",),
    ("report",),
    ("export",),
    ("atlas", "list"),
    ("atlas", "show"),
    ("models", "list"),
    ("models", "show"),
    ("submit",),
    ("status",),
    ("cancel",),
    ("doctor",),
    ("schema",),
)
HEAVY = (
    "numpy",
    "numba",
    "zarr",
    "pandas",
    "xarray",
    "plotly",
    "scipy",
    "pydantic",
    "mpi4py",
    "h5py",
    "psutil",
    "rich",
)
MOST_MODULES, MOST_FILES = 400, 350
"""That `--help` may load and open, where some 270 and 190 are typical: what takes time at the start."""
PYTHON = [sys.executable, "-m", "dtbsim"]


@pytest.fixture
def cli(capfd: pytest.CaptureFixture[str]) -> Cli:
    return Cli(capfd)


def shell(command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=60)


COUNTED = """\
import sys
opened = []
sys.addaudithook(lambda event, details: opened.append(details[0]) if event == "open" else None)
from dtbsim.cli import main
code = main(sys.argv[1:])
print("counted", code, len(sys.modules), len(opened))
"""


@pytest.mark.parametrize("arguments", [("--help",), ("run", "--help"), ("--version",), ("models", "--help")])
def test_help_answers_at_once(arguments: tuple[str, ...]) -> None:
    """It loads and opens little, and starts nothing (benchmarks/starting.py has the times)."""
    done = subprocess.run([sys.executable, "-c", COUNTED, *arguments], capture_output=True, text=True)
    code, modules, opened = map(int, done.stdout.rpartition("counted")[2].split())
    assert code == EXIT_OK, done.stderr
    assert modules < MOST_MODULES
    assert opened < MOST_FILES


def test_help_loads_nothing_heavy() -> None:
    program = (
        "import sys; from dtbsim.cli import main; main(sys.argv[1:]); "
        f"print('loaded:', *[name for name in {HEAVY!r} if name in sys.modules])"
    )
    for arguments in (["--help"], ["run", "--help"], ["--version"], ["models", "--help"]):
        done = subprocess.run([sys.executable, "-c", program, *arguments], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        assert "loaded:" in done.stdout
        loaded = set(done.stdout.rpartition("loaded:")[2].split())
        # typer itself reads the values of a command with pydantic, the help of `dtbsim` without
        assert loaded <= ({"pydantic"} if arguments != ["--help"] else set()), arguments


def test_help_names_every_command_and_exit_code(cli: Cli) -> None:
    code, out, err = cli("--help")
    assert (code, err) == (EXIT_OK, "")
    for command in {names[0] for names in COMMANDS}:
        assert re.search(rf"^  {command} +[A-Z]", out, re.MULTILINE), command
    for number, meaning in EXIT_CODES.items():
        assert re.search(rf"^ +{number}  {re.escape(meaning)}$", out, re.MULTILINE), number
    assert "..." not in out.split("Commands:")[1], "a summary was cut short"


@pytest.mark.parametrize("names", COMMANDS, ids=" ".join)
def test_every_command_has_help(cli: Cli, names: tuple[str, ...]) -> None:
    code, out, err = cli(*names, "--help")
    assert (code, err) == (EXIT_OK, "")
    assert out.startswith(f"Usage: dtbsim {' '.join(names)} ")
    assert cli(*names, "-h").out == out


def test_without_a_command_there_is_help(cli: Cli) -> None:
    assert cli().out == cli("--help").out
    assert cli("models").out == cli("models", "--help").out
    assert cli("atlas").code == EXIT_OK


def test_version(cli: Cli) -> None:
    import dtbsim

    assert cli("--version") == (EXIT_OK, f"dtbsim {dtbsim.__version__}\n", "")
    done = subprocess.run([*PYTHON, "--version"], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (EXIT_OK, f"dtbsim {dtbsim.__version__}\n")


@pytest.mark.parametrize(
    ("arguments", "said", "help_of"),
    [
        (("rnu",), "no such command 'rnu'; did you mean 'run'?", "dtbsim"),
        (("atlas", "lst"), "no such command 'lst'; did you mean 'list'?", "dtbsim atlas"),
        (("quite_other",), "no such command 'quite_other'", "dtbsim"),
        (("run",), "missing argument 'CONFIG'", "dtbsim run"),
        (("run", "a", "b"), "got unexpected extra argument(s) (b)", "dtbsim run"),
        (("run", "a", "--thread", "2"), "no such option '--thread'; did you mean '--threads'?", "dtbsim run"),
        (("run", "a", "--quite-other"), "no such option '--quite-other'", "dtbsim run"),
        (("run", "a", "--backend", "gpu"), "'gpu' is not one of 'auto', 'cpu', 'cuda'", "dtbsim run"),
        (("run", "a", "--set"), "option '--set' requires an argument", "dtbsim"),
        (("info", "a", "--jsn"), "no such option '--jsn'; did you mean '--json'?", "dtbsim info"),
    ],
)
def test_wrong_usage_is_one_line(cli: Cli, arguments: tuple[str, ...], said: str, help_of: str) -> None:
    code, out, err = cli(*arguments)
    assert (code, out) == (EXIT_INPUT, "")
    assert is_one_error_line(err), err
    assert said in err
    assert err.endswith(f"(see `{help_of} --help`)\n")


def test_a_reader_that_goes_away_is_no_error() -> None:
    done = shell(f"{sys.executable} -m dtbsim models list | true; echo ${{PIPESTATUS[0]}}")
    assert (done.stdout, done.stderr) == (f"{EXIT_BROKEN_PIPE}\n", "")
    assert EXIT_BROKEN_PIPE == faults.EXIT_BROKEN_PIPE


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full here")  # noqa: PTH110
@pytest.mark.parametrize("command", ["models list", "schema", "--help"])
def test_a_full_disk_behind_stdout_is_one_line(command: str) -> None:
    done = shell(f"{sys.executable} -m dtbsim {command} > /dev/full")
    assert done.returncode == EXIT_STORAGE
    assert is_one_error_line(done.stderr), done.stderr
    assert "No space left on device" in done.stderr


def test_names_are_completed() -> None:
    assert complete.atlas_names("schaefer4") == ["schaefer400", "schaefer400_sub"]
    assert complete.model_names("izh") == ["izhikevich", "izhikevich_2007"]
    environ = os.environ | {
        "_DTBSIM_COMPLETE": "complete_bash",
        "COMP_WORDS": "dtbsim models show spike",
        "COMP_CWORD": "3",
    }
    done = subprocess.run(PYTHON, env=environ, capture_output=True, text=True)
    assert (done.returncode, done.stdout.split()) == (0, ["spike_source"])


# -- of several ranks, the first one speaks -------------------------------------------------------------------


@pytest.fixture
def second_rank(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PMI_RANK", "1")
    monkeypatch.setenv("PMI_SIZE", "2")
    monkeypatch.delenv("DTBSIM_MPI", raising=False)


@pytest.mark.usefixtures("second_rank")
@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("models", "list"), EXIT_OK),
        (("info", "no_such_run"), EXIT_OK),
        (("--help",), EXIT_OK),
        (("--version",), EXIT_OK),
        (("run", "--help"), EXIT_OK),
        ((), EXIT_OK),
        (("rnu",), EXIT_INPUT),
        (("run",), EXIT_INPUT),
        (("run", "a", "--thread", "2"), EXIT_INPUT),
    ],
)
def test_other_ranks_are_silent(cli: Cli, arguments: tuple[str, ...], expected: int) -> None:
    assert cli(*arguments) == (expected, "", "")


def test_which_rank_speaks() -> None:
    assert is_first_rank({})
    assert is_first_rank({"PMI_RANK": "0", "PMI_SIZE": "2"})
    assert not is_first_rank({"PMI_RANK": "1", "PMI_SIZE": "2"})
    assert is_first_rank({"PMI_RANK": "1", "PMI_SIZE": "2", "DTBSIM_MPI": "off"})
    without_mpi = {"SLURM_STEP_NUM_TASKS": "4", "SLURM_STEP_ID": "0"}
    assert is_first_rank(without_mpi | {"SLURM_PROCID": "0"})
    assert not is_first_rank(without_mpi | {"SLURM_PROCID": "2"})
