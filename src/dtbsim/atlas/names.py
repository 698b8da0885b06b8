"""Region names as they are used in keys: `E@Precentral_L`, store groups, configuration lists."""

from __future__ import annotations

import re
from collections.abc import Sequence

from dtbsim.arguments import show, unusable_character
from dtbsim.errors import InputError
from dtbsim.files.limits import LONGEST_NAME

_UNUSABLE = re.compile(r"[^\w-]+")


def region_key(name: str) -> str:
    """Return `name` with every run of characters other than letters, digits, `_` and `-` replaced by one `_`.

    Names made of allowed characters only come back unchanged.

    Raises:
        InputError: nothing usable is left.
    """
    if name and not _UNUSABLE.search(name):
        return name
    key = _UNUSABLE.sub("_", name).strip("_")
    if not key:
        raise InputError(
            f"region name {name!r} has no letter, digit, '_' or '-'", remedy="give every region a name usable in keys"
        )
    return key


def region_keys(names: Sequence[str], where: str) -> tuple[str, ...]:
    """Return one unique key per name.

    Raises:
        InputError: an empty name, a duplicate name, or two names that become the same key.
    """
    keys: list[str] = []
    first_with: dict[str, int] = {}
    for index, name in enumerate(names):
        try:
            key = region_key(name)
        except InputError as error:
            raise InputError(error.message, where=f"{where}: region_names[{index}]", remedy=error.remedy) from None
        if key in first_with:
            other = first_with[key]
            what = (
                f"duplicate region name {name!r} (regions {other} and {index})"
                if names[other] == name
                else f"region names {names[other]!r} and {name!r} (regions {other} and {index}) both become {key!r}"
            )
            raise InputError(what, where=where, remedy="region names must differ in letters, digits, '_' or '-'")
        first_with[key] = index
        keys.append(key)
    return tuple(keys)


def check_names(names: Sequence[str], where: str) -> Sequence[str]:
    """Return names of regions, channels or labels of regions, if they can be used and stored.

    Raises:
        InputError: one that is very long (a list of texts takes as much memory for each as for its longest), or holds
            what no file can hold.
    """
    for index, name in enumerate(names):
        if len(name) > LONGEST_NAME:
            raise InputError(
                f"entry {index} has {len(name):,} letters; at most {LONGEST_NAME:,} are read",
                where=where,
                remedy="shorten it; long texts belong into `description` and `notes`",
            )
        if (bad := unusable_character(name)) is not None:
            raise InputError(f"entry {index} is {show(name)}; {bad} cannot be written to a file", where=where)
    return names
