"""Python and the packages that dtbsim needs, with their versions."""

from __future__ import annotations

import importlib
import platform
import re
import sys
from collections.abc import Iterator
from importlib import metadata

from dtbsim.cli.findings import MISSING, OK, OPTIONAL, Finding

OLDEST, NEWEST = (3, 11), (3, 13)
_COMPILED = {"numpy": "numpy", "scipy": "scipy", "numba": "numba", "h5py": "h5py", "pydantic": "pydantic"}
"""Packages with machine code that a run cannot do without: installed is not enough, they are imported as well."""
_EXTRAS = {"neo": "results as Neo objects", "nest-simulator": "comparison with NEST"}
_NAME = re.compile(r"^([A-Za-z0-9._-]+)(\[[^\]]*\])?")


def python() -> Iterator[Finding]:
    """The interpreter."""
    version = sys.version_info[:2]
    text = f"{platform.python_version()} ({sys.executable})"
    if OLDEST <= version <= NEWEST:
        yield Finding("Python", OK, text)
    else:
        allowed = f"{'.'.join(map(str, OLDEST))} to {'.'.join(map(str, NEWEST))}"
        yield Finding("Python", MISSING, f"{text}; dtbsim is made for {allowed}", "make PYTHON=/path/to/python3.12")


def packages() -> Iterator[Finding]:
    """Every requirement that is not met, and one line for those that are."""
    try:
        requirements = [text for text in metadata.requires("dtbsim") or () if "extra ==" not in text]
    except metadata.PackageNotFoundError:
        yield Finding("packages", MISSING, "dtbsim itself is not installed", "pip install . in its folder")
        return
    met = []
    for requirement in requirements:
        name, problem, version = check_requirement(requirement)
        if problem:
            yield Finding(name, MISSING, problem, f"pip install '{requirement}'")
        else:
            met.append(f"{name} {version}")
    if met:
        yield Finding("packages", OK, ", ".join(met))
    for name, purpose in _EXTRAS.items():
        installed = _version(name)
        if installed is not None:
            yield Finding(name, OK, installed)
        else:
            yield Finding(name, OPTIONAL, f"not installed ({purpose})", f"pip install {name}")


def extensions() -> Iterator[Finding]:
    """What other packages add through entry points; one line for each that does not import, does not fit or clashes.

    All of them are imported. None is needed by a run that does not name it.
    """
    from dtbsim.cli.kinds import import_registries
    from dtbsim.registry import Registry, packages_used, unknown_groups

    import_registries()
    problems = [problem for registry in Registry.known.values() for problem in registry.problems()]
    for problem in [*problems, *unknown_groups()]:
        yield Finding("extension", OPTIONAL, problem.message, problem.remedy or "")
    for package, names in packages_used().items():
        yield Finding("extension", OK, f"{package} adds {', '.join(names)}")


def check_requirement(requirement: str) -> tuple[str, str, str]:
    """Return name, problem (empty: none) and version of a requirement such as `numpy>=2.0`."""
    found = _NAME.match(requirement)
    name = found.group(1) if found else requirement
    version = _version(name)
    if version is None:
        return name, "not installed", ""
    for sign, bound in re.findall(r"(>=|<)\s*([0-9.]+)", requirement):
        fits = _numbers(version) >= _numbers(bound) if sign == ">=" else _numbers(version) < _numbers(bound)
        if not fits:
            return name, f"{version} is installed, {sign}{bound} is needed", version
    if name in _COMPILED:
        try:
            importlib.import_module(_COMPILED[name])
        except Exception as error:  # noqa: BLE001 - whatever a broken installation raises
            return name, f"{version} cannot be imported: {' '.join(str(error).split())}", version
    return name, "", version


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _numbers(version: str) -> tuple[int, ...]:
    """Return the leading numbers of a version: 2.4.0rc1 is (2, 4, 0)."""
    head = re.match(r"\d+(\.\d+)*", version)
    return tuple(int(part) for part in head.group().split(".")) if head else ()
