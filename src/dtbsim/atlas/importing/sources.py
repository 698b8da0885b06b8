"""From the paths that are given to the files of one person, or of each: folders, archives, layouts like BIDS."""

from __future__ import annotations

import contextlib
import re
import shutil
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

from dtbsim.atlas.importing.raw import SURFACE_SUFFIXES
from dtbsim.data.arrays import ARRAY_SUFFIXES
from dtbsim.data.table import TEXT_SUFFIXES
from dtbsim.errors import InputError
from dtbsim.files import open_regular
from dtbsim.files.limits import MOST_NAMED, most_array_bytes, size_of
from dtbsim.files.numpy_files import READ_ERRORS, check_directory, reason_of
from dtbsim.files.regular import size_of_file

_SUBJECT = re.compile(r"(sub-[A-Za-z0-9]+)")
_SESSION = re.compile(r"(ses|run)-[A-Za-z0-9]+$")
_DATA = (*TEXT_SUFFIXES, *ARRAY_SUFFIXES, *SURFACE_SUFFIXES, ".graphml", ".nii", ".nii.gz")
_BLOCK = 1 << 20


@contextlib.contextmanager
def opened(sources: Sequence[Path]) -> Iterator[tuple[list[Path], dict[str, str]]]:
    """Yield paths in which archives are unpacked to a folder of their own, and what each such folder is called.

    Raises:
        InputError: no such path, a damaged archive, or one that unpacks to more than is read.
    """
    with tempfile.TemporaryDirectory(prefix="dtbsim-import-") as room:
        paths: list[Path] = []
        shown: dict[str, str] = {}
        for index, source in enumerate(sources):
            if not source.exists():
                raise InputError("there is no such file or folder", where=str(source), remedy="check the path")
            if source.suffix.lower() == ".zip":
                target = Path(room) / str(index)
                target.mkdir()
                _unpack(source, target)
                shown[str(target)] = str(source)
                paths.append(target)
            else:
                paths.append(source)
        yield paths, shown


def _unpack(source: Path, target: Path) -> None:
    """Write the files of an archive into a folder, each by its last name; what an archive says is checked first."""
    with open_regular(source) as file:
        size = size_of_file(file)
        try:
            check_directory(file, size, source, "a .zip")
            with zipfile.ZipFile(file) as archive:
                for member in _members(archive, size, source):
                    _member(archive, member, target, source)
        except InputError:
            raise
        except READ_ERRORS as error:
            raise InputError(
                f"cannot be read: {reason_of(error)}", where=str(source), remedy="damaged: copy or download it again"
            ) from error


def _members(archive: zipfile.ZipFile, size: int, source: Path) -> list[zipfile.ZipInfo]:
    """The files of an archive of `size` bytes that are data; InputError where they would be too large."""
    members = [one for one in archive.infolist() if not one.is_dir() and _wanted(one.filename)]
    declared, most = sum(one.file_size for one in members), most_array_bytes(size)
    if declared > most or len(members) > MOST_NAMED:
        raise InputError(
            f"says that it unpacks to {size_of(declared)} in {len(members)} files; at most {size_of(most)} are read "
            "of an archive of this size",
            where=str(source),
            remedy="unpack it yourself and give the folder",
        )
    return members


def _member(archive: zipfile.ZipFile, member: zipfile.ZipInfo, target: Path, source: Path) -> None:
    name = PurePosixPath(member.filename).name
    path = target / name
    if path.exists():
        raise InputError(f"has {name} twice", where=str(source), remedy="unpack it and give one folder of it")
    left = member.file_size
    with archive.open(member) as packed, path.open("xb") as copy:
        while block := packed.read(_BLOCK):
            left -= len(block)
            if left < 0:
                raise InputError(f"{name} is longer than the archive says", where=str(source))
            copy.write(block)


def _wanted(name: str) -> bool:
    parts = PurePosixPath(name).parts
    return not any(part.startswith((".", "__MACOSX")) for part in parts) and name.lower().endswith(_DATA)


def people(paths: Sequence[Path]) -> tuple[list[Path], dict[str, list[Path]]]:
    """Return the files that belong to all, and those of each person by name, where the sources are of several.

    A person is a `sub-NAME` in the path below the source (as in BIDS, with or without sessions), or, where a folder has
    no files of its own, each folder in it that has data.
    """
    shared: list[Path] = []
    found: dict[str, list[Path]] = {}
    for path in paths:
        files = [path] if path.is_file() else sorted(_files(path))
        plain = _plain_people(path, files) if path.is_dir() else {}
        for file in files:
            below = file.relative_to(path).as_posix() if path.is_dir() else file.name
            subject = _SUBJECT.search(below)
            name = subject.group(1) if subject else plain.get(file)
            if name is None:
                shared.append(file)
            else:
                found.setdefault(name, []).append(file)
    if len(found) == 1:
        return [*shared, *next(iter(found.values()))], {}
    return shared, found


def _files(folder: Path) -> Iterator[Path]:
    for path in folder.rglob("*"):
        below = path.relative_to(folder)
        if path.is_file() and not any(part.startswith(".") for part in below.parts):
            yield path
    if not any(folder.iterdir()):
        raise InputError("the folder is empty", where=str(folder), remedy="give a folder with matrices")


def _plain_people(folder: Path, files: Sequence[Path]) -> dict[Path, str]:
    """Folders of people without `sub-`: where the folder itself has no data and several folders in it have."""
    data = [file for file in files if file.name.lower().endswith(_DATA)]
    owners = {file: file.relative_to(folder).parts[0] for file in data if file.parent != folder}
    if len(owners) < len(data) or len(set(owners.values())) < 2 or any(map(_SESSION.match, owners.values())):
        return {}
    return owners


def keep(files: Sequence[Path], folder: Path) -> None:
    """Copy files into a folder, each by its last name. Raises OSError."""
    for file in files:
        folder.mkdir(exist_ok=True)
        shutil.copyfile(file, folder / file.name)
