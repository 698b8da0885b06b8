"""The source distribution and the wheel hold every file of the package, and the wheel works by itself."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest
from building import PLANTED, ROOT, Built

FOLDERS = {"kernels": "dtbsim/kernels", "partition": "dtbsim/partition", "src/dtbsim": "dtbsim"}


def package_files(tree: Path) -> dict[str, Path]:
    """Every file of the package in the tree, by its path in a wheel."""
    files = {}
    for folder, inside in FOLDERS.items():
        for path in (tree / folder).rglob("*"):
            relative = path.relative_to(tree / folder)
            linked = folder == "src/dtbsim" and relative.parts[0] in ("kernels", "partition")
            if path.is_file() and not linked and "__pycache__" not in path.parts:
                files[f"{inside}/{relative}"] = path
    return files


def test_the_wheel_holds_every_file_of_the_package_unchanged(built: Built) -> None:
    expected = package_files(built.tree)
    assert {"dtbsim/py.typed", "dtbsim/kernels/__init__.py", "dtbsim/partition/greedy.py"} <= set(expected)
    with zipfile.ZipFile(built.wheel) as wheel:
        names = [name for name in wheel.namelist() if not name.split("/")[0].endswith(".dist-info")]
        assert sorted(names) == sorted(expected)
        for name, path in expected.items():
            assert wheel.read(name) == path.read_bytes(), name


def test_cuda_text_is_packaged_at_any_depth(built: Built) -> None:
    with zipfile.ZipFile(built.wheel) as wheel:
        assert {f"dtbsim/{name}" for name in PLANTED} <= set(wheel.namelist())


def test_the_wheel_carries_licence_notice_and_entry_point(built: Built) -> None:
    with zipfile.ZipFile(built.wheel) as wheel:
        texts = {Path(name).name: wheel.read(name).decode() for name in wheel.namelist() if ".dist-info/" in name}
    assert texts["LICENSE"] == (ROOT / "LICENSE").read_text()
    assert texts["NOTICE"] == (ROOT / "NOTICE").read_text()
    assert "dtbsim = dtbsim.cli:main" in texts["entry_points.txt"]
    assert "License-Expression: Apache-2.0" in texts["METADATA"]
    assert "Requires-Python: <3.14,>=3.11" in texts["METADATA"]


def test_the_source_distribution_holds_each_file_once_and_the_house(built: Built) -> None:
    files = {str(path.relative_to(built.sdist_tree)) for path in built.sdist_tree.rglob("*") if path.is_file()}
    assert {"kernels/__init__.py", "partition/table.py", "Makefile", "constraints.txt", ".ci/run"} <= files
    assert {"docs/adr/0001-package-layout.md", "slurm/dtbsim.sbatch", "CHANGELOG.md", "CITATION.cff"} <= files
    assert {"slurm/containers/Containerfile", "slurm/containers/dtbsim.def", "examples/izhikevich.yaml"} <= files
    assert not {name for name in files if name.startswith(("src/dtbsim/kernels", "src/dtbsim/partition"))}
    assert not {name for name in files if "__pycache__" in name}


def test_building_gives_no_warnings_about_the_metadata(built: Built) -> None:
    for sign in ("Deprecat", "UserWarning", "SetuptoolsWarning", "is absent from the `packages` configuration"):
        assert sign not in built.output


@pytest.fixture(scope="module")
def installed(built: Built, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh virtual environment with the wheel; the dependencies are seen where this interpreter has them."""
    folder = tmp_path_factory.mktemp("installed")
    venv.create(folder, with_pip=False)
    python = folder / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--python", str(python)]
    command = [*pip, "install", "--quiet", "--no-deps", "--no-index", str(built.wheel)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    # A folder named in a .pth file is searched, but the .pth files in it (an editable install) are not obeyed.
    site = next((folder / "lib").glob("python*/site-packages"))
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return folder


def test_the_installed_wheel_imports_every_module_from_itself(built: Built, installed: Path) -> None:
    modules = [
        name.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        for name in package_files(built.tree)
        if name.endswith(".py") and not name.endswith("__main__.py")
    ]
    modules.remove("dtbsim.backends.cuda.cupy_device")  # needs CuPy, which is an extra
    assert {"dtbsim", "dtbsim.kernels", "dtbsim.partition.greedy"} <= set(modules)
    script = (
        "import importlib, sys\n"
        "for name in sys.argv[1:]:\n"
        "    module = importlib.import_module(name)\n"
        "    assert module.__file__.startswith(sys.prefix), (name, module.__file__)\n"
        "print(len(sys.argv) - 1)"
    )
    # The wheel `mpich` keeps its library beside the interpreter it was installed for.
    environ = {**os.environ, "LD_LIBRARY_PATH": f"{sys.prefix}/lib"}
    command = [installed / "bin" / "python", "-c", script, *modules]
    done = subprocess.run(command, cwd=installed, env=environ, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) == len(modules)


def test_the_installed_command_answers(installed: Path) -> None:
    done = subprocess.run([installed / "bin" / "dtbsim", "--help"], cwd=installed, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "validate" in done.stdout


def test_the_version_is_the_same_everywhere() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    import dtbsim

    assert dtbsim.__version__ == project["version"]
