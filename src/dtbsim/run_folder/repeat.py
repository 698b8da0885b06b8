"""Before a run is repeated from its folder: is what the folder holds still what the run was made of?"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from dtbsim.checksum import has_checksum
from dtbsim.errors import InputError
from dtbsim.store.files import RESTORE, read_bytes, sha256_of_file
from dtbsim.store.inspection import check_file
from dtbsim.store.kept_files import CONFIG
from dtbsim.store.run import PROVENANCE, Run

_LOG = logging.getLogger(__name__)
_EDITED = "restore it from a copy; a changed configuration is a new one: copy it, with what it names, to another folder"


def check_repeat(config: Path) -> None:
    """Raise InputError where `config` is that of a run folder, and it or a file that it names is not as the run had it.

    Everything else, and what version 0.1 wrote, passes. A bundled atlas that has changed since is a warning.
    """
    if config.name != CONFIG:
        return
    try:
        if not has_checksum(read_bytes(config.with_name(PROVENANCE), missing=RESTORE)):
            return
    except InputError:
        return
    run = Run(config.parent)
    for name, digest in run.files.items():
        try:
            check_file(run.path / name, digest)
        except InputError as error:
            error.remedy = _EDITED if name == CONFIG else error.remedy
            raise
    for entry in run.inputs:
        _check_input(entry)


def _check_input(entry: dict[str, Any]) -> None:
    """An input that is not in the folder: a large file, or an atlas of dtbsim's own."""
    if entry["file"] is not None:
        return
    if entry["path"] is None:
        _check_bundled(entry)
        return
    try:
        check_file(Path(entry["path"]), entry["sha256"], entry["bytes"])
    except InputError as error:
        error.message = f"{error.message}; {entry['key']} needs the file with the SHA-256 {entry['sha256']}"
        error.remedy = RESTORE
        raise


def _check_bundled(entry: dict[str, Any]) -> None:
    from dtbsim.atlas import find_atlas, list_atlases

    if entry["given"] not in list_atlases():
        raise InputError(f"this version has no atlas {entry['given']!r}", where=entry["key"])
    if sha256_of_file(find_atlas(entry["given"])) != entry["sha256"]:
        _LOG.warning("the atlas %s of this version is not the one that the run used", entry["given"])
