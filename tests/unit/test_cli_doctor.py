"""`dtbsim doctor`: what it finds on this machine, and what it says where something is missing."""

from __future__ import annotations

import importlib.util
import json
import sys
from importlib import metadata
from pathlib import Path

import pytest
from cli_samples import Cli

from dtbsim.cli import doctor, doctor_machine, doctor_mpi, doctor_packages
from dtbsim.cli.findings import MISSING, OK, OPTIONAL, Finding, ask
from dtbsim.errors import EXIT_ENVIRONMENT, EXIT_OK

GPU_FACTS = {
    "name": "H100", "memory_bytes": 79 * 2**30, "compute_capability": "9.0", "driver_cuda": "13.0", "cuda": "12.9",
    "nvrtc": "12.8", "cupy": "13.6.0",
}  # fmt: skip


@pytest.fixture
def cli(capfd: pytest.CaptureFixture[str]) -> Cli:
    return Cli(capfd)


def by_name(findings: list[Finding]) -> dict[str, Finding]:
    return {finding.name: finding for finding in findings}


def test_here_a_run_is_possible(cli: Cli) -> None:
    code, out, err = cli("doctor", "--json")
    assert (code, err) == (EXIT_OK, "")
    content = json.loads(out)
    assert content["cpu_run_possible"] is True
    findings = {finding["name"]: finding for finding in content["findings"]}
    assert {"Python", "packages", "cores", "memory", "kernel cache", "this folder", "GPU"} <= set(findings)
    assert not [finding for finding in content["findings"] if finding["state"] == "missing"]
    assert all(set(finding) == {"name", "state", "text", "remedy"} for finding in content["findings"])
    assert f"numpy {metadata.version('numpy')}" in findings["packages"]["text"]
    if doctor_mpi.find_mpiexec() is not None and "MPI library" in findings:
        assert findings["MPI world"]["state"] == "ok", findings["MPI world"]


def test_lines_for_people(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    found = [
        Finding("one", OK, "is there"),
        Finding("other", OPTIONAL, "is not", "get it"),
        Finding("x", MISSING, "no"),
    ]
    monkeypatch.setattr(doctor, "CHECKS", {"some": lambda: found})
    code, out, err = cli("doctor")
    assert (code, err) == (EXIT_ENVIRONMENT, "")
    assert out.splitlines()[1:] == [
        "ok       one    is there",
        "-        other  is not",
        "                -> get it",
        "MISSING  x      no",
        "Not possible before what is MISSING is there.",
    ]
    monkeypatch.setattr(doctor, "CHECKS", {"some": lambda: found[:2]})
    code, out, _ = cli("doctor")
    assert (code, out.splitlines()[-1]) == (EXIT_OK, "Runs on the CPU are possible.")


def test_a_check_that_fails_does_not_end_the_others() -> None:
    def broken() -> list[Finding]:
        raise OSError("a driver\n is mad")

    first, second = doctor.examine({"first": broken, "second": lambda: [Finding("second", OK, "fine")]})
    assert first == Finding("first", OPTIONAL, "could not be looked at: a driver is mad")
    assert second.state == OK


# -- packages -------------------------------------------------------------------------------------------------


def test_a_requirement_is_compared_number_by_number(monkeypatch: pytest.MonkeyPatch) -> None:
    versions = {"thing": "2.10.0rc1"}

    def version(name: str) -> str:
        if name not in versions:
            raise metadata.PackageNotFoundError(name)
        return versions[name]

    monkeypatch.setattr(metadata, "version", version)
    assert doctor_packages.check_requirement("thing>=2.9") == ("thing", "", "2.10.0rc1")
    assert doctor_packages.check_requirement("thing<3,>=2.10")[1] == ""
    assert doctor_packages.check_requirement("thing>=2.11")[1] == "2.10.0rc1 is installed, >=2.11 is needed"
    assert doctor_packages.check_requirement("thing<2.10,>=1")[1] == "2.10.0rc1 is installed, <2.10 is needed"
    assert doctor_packages.check_requirement("other[extra]>=1") == ("other", "not installed", "")


def test_a_missing_and_a_broken_package_make_runs_impossible(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        metadata, "requires", lambda _: ["numba>=0.61", "not_there_at_all>=1", 'neo>=1; extra == "neo"']
    )
    monkeypatch.setattr(doctor, "CHECKS", {"packages": doctor_packages.packages})
    monkeypatch.setitem(sys.modules, "numba", None)
    code, out, _ = cli("doctor", "--json")
    assert code == EXIT_ENVIRONMENT
    findings = {finding["name"]: finding for finding in json.loads(out)["findings"]}
    assert findings["not_there_at_all"]["state"] == "missing"
    assert findings["not_there_at_all"]["remedy"] == "pip install 'not_there_at_all>=1'"
    assert "cannot be imported" in findings["numba"]["text"]
    assert "packages" not in findings


def test_an_old_python_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 10, 2))
    (finding,) = doctor_packages.python()
    assert finding.state == MISSING
    assert "3.11 to 3.13" in finding.text


# -- machine --------------------------------------------------------------------------------------------------


def test_a_cache_that_cannot_be_written(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("DTBSIM_CACHE_DIR", str(tmp_path / "file" / "cache"))
    (finding,) = doctor_machine.kernel_cache()
    assert finding.state == OPTIONAL
    assert "DTBSIM_CACHE_DIR" in finding.remedy
    monkeypatch.setenv("DTBSIM_CACHE_DIR", str(tmp_path / "cache"))
    (finding,) = doctor_machine.kernel_cache()
    assert finding == Finding("kernel cache", OK, f"{tmp_path}/cache can be written to")


def test_devices_are_listed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    program = tmp_path / "nvidia-smi"
    program.write_text("#!/bin/sh\necho 'NVIDIA H100 80GB HBM3, 81559 MiB, 550.54.15'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    findings = by_name(list(doctor_machine.gpu()))
    assert findings["GPU"] == Finding("GPU", OK, "NVIDIA H100 80GB HBM3, 81559 MiB, driver 550.54.15")
    assert findings["CUDA backend"].state == OPTIONAL
    assert "CuPy is not installed" in findings["CUDA backend"].text or importlib.util.find_spec("cupy") is not None
    program.write_text("#!/bin/sh\necho 'no devices were found'; exit 9\n")
    assert by_name(list(doctor_machine.gpu()))["GPU"].state == OPTIONAL


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (
            (True, '{"problem": "CuPy is not installed", "remedy": "pip install it"}'),
            Finding("CUDA backend", OPTIONAL, "not possible: CuPy is not installed", "pip install it"),
        ),
        (
            (True, 'a warning\n{"problem": "it is broken", "remedy": null}'),
            Finding("CUDA backend", OPTIONAL, "not possible: it is broken", ""),
        ),
        (
            (False, "killed"),
            Finding("CUDA backend", OPTIONAL, "cannot be tried: killed", "see whether `nvidia-smi` works"),
        ),
        (
            (True, json.dumps({"facts": GPU_FACTS})),
            Finding(
                "CUDA backend",
                OK,
                "H100 (79 GiB, compute capability 9.0) is used by runs; CuPy 13.6.0, CUDA 12.9, NVRTC 12.8, "
                "driver for CUDA 13.0",
            ),
        ),
    ],
)
def test_whether_runs_use_the_gpu(monkeypatch: pytest.MonkeyPatch, answer: tuple[bool, str], expected: Finding) -> None:
    monkeypatch.setattr(doctor_machine, "_devices", lambda: ["a GPU"])
    monkeypatch.setattr(doctor_machine, "ask", lambda *_, **__: answer)
    assert list(doctor_machine.gpu()) == [Finding("GPU", OK, "a GPU"), expected]


def test_a_program_that_hangs_or_fails_is_described() -> None:
    assert ask(["sleep", "9"], timeout_s=0.1) == (False, "no answer within 0.1 s")
    assert ask(["/no/such/program"]) == (False, "No such file or directory")
    assert ask(["sh", "-c", "echo first >&2; echo last >&2; exit 3"]) == (False, "last")
    assert ask(["sh", "-c", "exit 3"]) == (False, "exit code 3")
    assert ask(["echo", "yes"]) == (True, "yes")


# -- MPI ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("HYDRA build details:\n    Version: 5.0.2", "MPICH"),
        ("MPICH Version:      4.2.0", "MPICH"),
        ("mpiexec (OpenRTE) 4.1.6", "Open MPI"),
        ("Open MPI v5.0.3, package: Open MPI", "Open MPI"),
        ("Intel(R) MPI Library for Linux* OS, Version 2021.13 Build 20240515", "Intel MPI"),
        ("something else", ""),
    ],
)
def test_the_kind_of_an_mpi(text: str, kind: str) -> None:
    assert doctor_mpi.kind_of(text) == kind


def fake_mpiexec(folder: Path, version: str, on_run: str = "exit 1") -> Path:
    program = folder / "mpiexec"
    program.write_text(f'#!/bin/sh\nif [ "$1" = --version ]; then echo "{version}"; exit 0; fi\n{on_run}\n')
    program.chmod(0o755)
    return program


def test_an_mpiexec_of_another_mpi_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    mpiexec = fake_mpiexec(tmp_path, "mpiexec (OpenRTE) 4.1.6")
    monkeypatch.setattr(doctor_mpi, "find_mpiexec", lambda: mpiexec)
    monkeypatch.setenv("PATH", str(tmp_path))
    findings = by_name(list(doctor_mpi._launcher(mpiexec, "MPICH Version: 5.0.2")))
    assert findings["MPI world"].state == OPTIONAL
    assert findings["MPI world"].text.startswith("mpiexec is of Open MPI, the library of MPICH")


def test_ranks_that_do_not_find_each_other_are_noticed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("PMI_RANK", "PMI_SIZE"):
        monkeypatch.delenv(name, raising=False)
    apart = fake_mpiexec(tmp_path, "MPICH", "echo 'ranks 1'; echo 'ranks 1'")
    assert doctor_mpi._world(apart).state == OPTIONAL
    broken = fake_mpiexec(tmp_path, "MPICH", "echo 'no slots' >&2; exit 1")
    assert doctor_mpi._world(broken).text == "2 ranks could not be started: no slots"
    monkeypatch.setenv("PMI_RANK", "0")
    monkeypatch.setenv("PMI_SIZE", "2")
    assert doctor_mpi._world(broken).state == OK, "not tried within mpiexec"


def test_without_mpi4py_one_process_is_possible(monkeypatch: pytest.MonkeyPatch) -> None:
    def version(name: str) -> str:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "version", version)
    (finding,) = doctor_mpi.mpi()
    assert (finding.state, finding.remedy) == (OPTIONAL, "pip install 'dtbsim[mpi]'")
