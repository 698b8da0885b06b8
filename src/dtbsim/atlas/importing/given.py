"""What a file holds that the user gave for a role."""

from __future__ import annotations

from dtbsim.atlas.importing.options import Given
from dtbsim.atlas.importing.raw import Raw, raws_of
from dtbsim.atlas.importing.region_table import RegionTable
from dtbsim.atlas.importing.roles import MATRICES, WORDS
from dtbsim.data.kinds import kind_of_name
from dtbsim.errors import InputError


def raw_of(given: Given) -> Raw:
    """Return the part of a file that is meant: the variable that is named, or the only one that fits the role.

    Raises:
        InputError: none fits, or several.
    """
    raws = list(raws_of(given.path))
    if given.role in ("label_image", "bold") and any(raw.value is None for raw in raws):
        return raws[0]
    if given.variable is not None:
        raws = [raw for raw in raws if given.variable in (raw.variable, raw.name)]
    wanted = 1 if given.role in ("labels", "centroids") else 2
    fits = [raw for raw in raws if len(raw.shape) >= wanted or isinstance(raw.value, RegionTable)]
    if given.role in MATRICES:
        fits = [raw for raw in fits if not isinstance(raw.value, RegionTable)]
        if len(fits) > 1:
            fits = [raw for raw in fits if (kind_of_name(raw.name) or ("",))[0] == given.role] or fits
    elif given.role == "labels":
        fits = [raw for raw in fits if isinstance(raw.value, RegionTable)] or fits
    if len(fits) != 1:
        listed = ", ".join(raw.variable or raw.name for raw in fits or raws) or "nothing"
        raise InputError(
            f"holds {listed}: which are the {WORDS.get(given.role, given.role)}?",
            where=str(given.path),
            remedy=f"name the variable: {given.path.name}:NAME",
        )
    return fits[0]
