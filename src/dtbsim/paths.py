"""Paths as a user writes them."""

from __future__ import annotations

import os
from pathlib import Path

from dtbsim.errors import InputError


def user_path(path: str | Path) -> Path:
    """Return the path with a leading `~` or `~user` replaced by the home folder.

    Raises InputError where there is no such user, or where nothing says where the own home folder is.
    """
    given = Path(path)
    first = given.parts[0] if given.parts else ""
    if not first.startswith("~"):
        return given
    try:
        return given.expanduser()
    except RuntimeError:
        if first == "~":
            message = f"~ cannot be replaced: HOME is not set and user {os.getuid()} has no entry on this machine"
            remedy = "set HOME, or write the path in full"
        else:
            message = f"there is no user '{first[1:]}' on this machine"
            remedy = f"write ./{first} where a folder of that name is meant"
        raise InputError(message, where=str(path), remedy=remedy) from None
