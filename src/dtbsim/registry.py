"""Registries: what is built in, and what other packages add through entry points.

A package adds an object, say a partitioner, by naming it in its pyproject.toml:

    [project.entry-points."dtbsim.partitioners"]
    spectral = "my_package.spectral:SpectralPartitioner"

Nothing else is needed: the name is then known to configurations, the schema and the reference. What a package names is
imported when somebody asks for it. Two objects of one name are an error of whoever uses the name; a package that cannot
be imported is an error only where its name is used, so that one broken installation does not end every run.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from importlib import import_module
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar, cast
from weakref import WeakValueDictionary

from dtbsim.errors import InputError, did_you_mean

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

T = TypeVar("T")
Row = tuple[str, str, str, str]
"""Name, value and group of an entry point, and its package with the version."""
GROUPS = "dtbsim."


@dataclass(frozen=True)
class Later:
    """An object that is built in and imported when it is asked for, as those of entry points are: "module:name"."""

    reference: str

    def load(self) -> Any:
        """Import it."""
        module, _, name = self.reference.partition(":")
        return getattr(import_module(module), name)


class Registry(Generic[T]):
    """Objects of one kind by name: those built in, and those of entry points of the group "dtbsim.KIND"."""

    known: ClassVar[WeakValueDictionary[str, Registry[Any]]] = WeakValueDictionary()
    """All registries of the modules that are imported, by their groups."""

    def __init__(
        self, group: str, what: str, built_in: Mapping[str, T | Later], check: Callable[[str, object], T] | None = None
    ) -> None:
        """`group` names the entry points, `what` one object in messages ("partitioner").

        Of `built_in` objects those of rooms above the registry's are given as `Later`.

        `check(name, object)` returns the object that an entry point gave if it can be used, and raises InputError or
        TypeError that says what it lacks.
        """
        self.group, self.what = group, what
        self._built_in: dict[str, T | Later] = dict(built_in)
        self._check = check
        self._loaded: dict[str, T] = {}
        self.known[group] = self

    def add(self, name: str, value: T) -> None:
        """Add an object in this process, as `FILE.py` or a notebook does. InputError where the name exists."""
        if name in self._built_in or name in self._entry_points:
            raise InputError(f"a {self.what} named '{name}' exists already", remedy="give it another name")
        self._built_in[name] = value

    def names(self) -> list[str]:
        """All names: built in first, in their order, then those of entry points, sorted."""
        return [*self._built_in, *sorted(self._entry_points.keys() - self._built_in.keys())]

    def find(self, name: str, where: str | None = None) -> T:
        """Return the object called `name`.

        Raises InputError, at `where`, for an unknown name (with the closest one), a name that two packages use, an
        entry point that cannot be imported, or an object that is none of this kind.
        """
        found = self._entry_points.get(name, ())
        if name in self._built_in:
            if found:
                raise self._twice(name, found, where)
            value = self._built_in[name]
            if isinstance(value, Later):
                value = self._built_in[name] = cast(T, value.load())
            return value
        if name in self._loaded:
            return self._loaded[name]
        if not found:
            raise InputError(f"unknown {self.what} '{name}'", where=where, remedy=did_you_mean(name, self.names()))
        if len(found) > 1:
            raise self._twice(name, found, where)
        self._loaded[name] = self._load(found[0], where)
        return self._loaded[name]

    def usable(self) -> dict[str, T]:
        """All objects that can be used, by name; entry points that cannot are left out (`problems` says why)."""
        found: dict[str, T] = {}
        for name in self.names():
            try:
                found[name] = self.find(name)
            except InputError:
                continue
        return found

    def problems(self) -> list[InputError]:
        """Why entry points of this kind cannot be used."""
        found = []
        for name in self.names():
            try:
                self.find(name)
            except InputError as error:
                found.append(error)
        return found

    def origin(self, name: str) -> str | None:
        """The package, with its version, that an entry point comes from; None for what is built in."""
        for point in self._entry_points.get(name, ()):
            return _package(point)
        return None

    @cached_property
    def _entry_points(self) -> dict[str, tuple[EntryPoint, ...]]:
        found: dict[str, tuple[EntryPoint, ...]] = {}
        for point in _in_group(self.group):
            found[point.name] = (*found.get(point.name, ()), point)
        return found

    def _load(self, point: EntryPoint, where: str | None) -> T:
        try:
            value = point.load()
            return value if self._check is None else self._check(point.name, value)
        except (Exception, SystemExit) as error:  # whatever the module of another package does when it is imported
            said = str(error) if isinstance(error, InputError) else f"{type(error).__name__}: {error}"
            reason = " ".join(said.split())
            raise InputError(
                f"{self.what} '{point.name}' of {_package(point)} cannot be used: {reason}",
                where=where,
                remedy=f"repair {point.value}, or uninstall the package",
            ) from error

    def _twice(self, name: str, found: tuple[EntryPoint, ...], where: str | None) -> InputError:
        own = ["dtbsim"] if name in self._built_in else []
        owners = " and ".join([*own, *sorted(map(_package, found))])
        return InputError(
            f"{self.what} '{name}' is of {owners}",
            where=where,
            remedy="uninstall one of the packages, or rename it there",
        )


class _Table:
    """Entry points that another process has found: reading the metadata of all packages takes hundreds of files."""

    rows: ClassVar[list[Row] | None] = None
    packages: ClassVar[dict[tuple[str, str, str], str]] = {}


def known_entry_points() -> list[Row]:
    """Return the entry points of all groups of dtbsim, for `use_entry_points` of another process."""
    points = (point for group in sorted(_scanned(tuple(sys.path))) for point in _in_group(group))
    return [(point.name, point.value, point.group, _package(point)) for point in points]


def use_entry_points(rows: list[Row]) -> None:
    """Take these for all that there are, for registries that have not been asked yet."""
    _Table.rows = rows
    _Table.packages = {row[:3]: row[3] for row in rows}


def _in_group(group: str) -> list[EntryPoint]:
    if _Table.rows is None or not group.startswith(GROUPS):
        return _distinct(_scanned(tuple(sys.path)).get(group, ()))
    from importlib.metadata import EntryPoint

    return [EntryPoint(*row[:3]) for row in _Table.rows if row[2] == group]


@lru_cache(maxsize=2)
def _scanned(path: tuple[str, ...]) -> dict[str, tuple[EntryPoint, ...]]:
    """Entry points of the packages on Python's path, by group, those of dtbsim's groups."""
    from importlib.metadata import entry_points

    del path
    found = entry_points()
    return {group: tuple(found.select(group=group)) for group in found.groups if group.startswith(GROUPS)}


def unknown_groups() -> list[InputError]:
    """Entry points of packages in groups "dtbsim.…" that no registry has, one error for each package and group."""
    known = Registry.known
    from importlib.metadata import distributions

    found: dict[tuple[str, str], InputError] = {}
    for point in (point for distribution in distributions() for point in distribution.entry_points):
        if point.group.startswith("dtbsim.") and point.group not in known:
            found[point.group, _package(point)] = InputError(
                f"{_package(point)} has entry points in the group '{point.group}', which nothing reads",
                remedy=did_you_mean(point.group, sorted(known)),
            )
    return [*found.values()]


def packages_used() -> dict[str, list[str]]:
    """Names of the objects that packages add and that can be used, by package and version."""
    found: dict[str, list[str]] = {}
    for registry in Registry.known.values():
        for name in registry.usable():
            package = registry.origin(name)
            if package is not None:
                found.setdefault(package, []).append(name)
    return {package: sorted(names) for package, names in sorted(found.items())}


def _package(point: EntryPoint) -> str:
    if (package := _Table.packages.get((point.name, point.value, point.group))) is not None:
        return package
    return point.value if point.dist is None else f"{point.dist.name} {point.dist.version}"


def _distinct(points: Iterable[EntryPoint]) -> list[EntryPoint]:
    """Without those that one package is found with twice, as an editable installation can be."""
    found: dict[tuple[str, str, str], EntryPoint] = {}
    for point in points:
        found.setdefault((point.name, point.value, _package(point)), point)
    return list(found.values())
