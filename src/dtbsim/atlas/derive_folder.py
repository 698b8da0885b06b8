"""`dtbsim.derive_atlas` and `dtbsim atlas derive`: from atlases to the folder of another one, people included."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from dtbsim.arguments import number
from dtbsim.arguments import path as path_argument
from dtbsim.atlas.derive import group_mean, merged, with_density
from dtbsim.atlas.folder_write import new_folder, refuse_existing, write_folder
from dtbsim.atlas.load import find_atlas, load_atlas
from dtbsim.atlas.model import Atlas
from dtbsim.data.labels import match_labels
from dtbsim.errors import InputError

SUBJECTS = "subjects"


@dataclass(frozen=True)
class Derived:
    """What was made: `path` of the folder, its `atlas`, the `people` in it, and what was done, in words."""

    path: Path
    atlas: Atlas
    people: tuple[str, ...]
    changes: tuple[str, ...]


def atlas_people(atlas: str | Path) -> dict[str, Path]:
    """Return the folders of the people of an atlas by name: what `dtbsim atlas import` left in `subjects/`.

    Each is an atlas of its own; as members of an ensemble they are `[{"atlas": str(path)} for path in ...]`.

    Raises:
        InputError: no such atlas.
    """
    folder = find_atlas(atlas) / SUBJECTS
    return {path.name: path for path in sorted(folder.iterdir()) if path.is_dir()} if folder.is_dir() else {}


def derive_atlas(
    *atlases: str | Path,
    out: str | Path,
    regions: str | Sequence[str] | None = None,
    density: float | None = None,
    consensus: float | None = None,
    merge: str | Mapping[str, str] | None = None,
    name: str | None = None,
) -> Derived:
    """Make the folder of an atlas from others, and return what was done.

    Several atlases are averaged, and each becomes one of its people; so are the people of a single atlas where
    `consensus` is given: the share of people who must have a connection. `regions` are those that stay (`left`,
    `right`, or names), `merge` maps regions to new ones, or names a text column of the atlas (a network, say),
    `density` is the share of the strongest connections that stay. People are treated alike.

    Raises:
        InputError: nothing to do, no such atlas or region, `out` exists. Nothing is written then.
        StorageError: the folder cannot be written.
    """
    target = path_argument(out, "out")
    refuse_existing(target)
    if not atlases:
        raise InputError("no atlas to derive from", where="atlases", remedy="name one, or several for their mean")
    if consensus is not None and not 0 < number(consensus, "consensus") <= 1:
        raise InputError(f"a consensus of {consensus:g}", where="consensus", remedy="give a share, above 0 and up to 1")
    people = _people(atlases, consensus)
    if len(atlases) == 1 and regions is None and density is None and merge is None and consensus is None:
        raise InputError("nothing to do", remedy="give regions, merge, density, consensus, or several atlases")
    made_name = target.name if name is None else name
    changes: list[str] = []
    if len(atlases) > 1 or consensus is not None:
        whole, changes = group_mean(list(people.values()), made_name, consensus or 0.0)
        whole = replace(whole, description=f"mean of {len(people)} people")
    else:
        whole = replace(load_atlas(atlases[0]), name=made_name)
    whole, lines = _changed(whole, regions, merge, density)
    changes += lines
    kept = {person: _changed(atlas, regions, merge, density)[0] for person, atlas in people.items()}
    if whole.fcd is not None:
        changes.append("the measured FCD is left out: folders have none")
        whole = replace(whole, fcd=None)
    with new_folder(target) as folder:
        write_folder(whole, folder)
        for person, atlas in kept.items():
            (folder / SUBJECTS / person).mkdir(parents=True)
            write_folder(replace(atlas, name=person), folder / SUBJECTS / person)
    return Derived(target, load_atlas(target), tuple(kept), tuple(changes))


def _people(atlases: Sequence[str | Path], consensus: float | None) -> dict[str, Atlas]:
    """The people of the new atlas: those of the only one, or the given atlases in the order of the first."""
    if len(atlases) == 1:
        found = {person: load_atlas(path) for person, path in atlas_people(atlases[0]).items()}
        if consensus is not None and not found:
            raise InputError(
                "has no people among whom there could be a consensus",
                where=str(atlases[0]),
                remedy="give the atlases of several people, or import a folder of them",
            )
        return found
    found = {}
    first: Atlas | None = None
    for given in atlases:
        atlas = load_atlas(given)
        if first is not None and atlas.region_names != first.region_names:
            atlas = _ordered(atlas, first)
        if atlas.name in found:
            raise InputError(f"two atlases are called {atlas.name!r}", where=str(given), remedy="rename one folder")
        found[atlas.name] = atlas
        first = first or atlas
    return found


def _ordered(atlas: Atlas, first: Atlas) -> Atlas:
    order = match_labels(atlas.region_names, first.region_names, where=f"atlas {atlas.name}")
    return replace(atlas.subset(order), region_names=first.region_names, display_names=first.display_names)


def _changed(
    atlas: Atlas, regions: str | Sequence[str] | None, merge: str | Mapping[str, str] | None, density: float | None
) -> tuple[Atlas, list[str]]:
    lines: list[str] = []
    if regions is not None:
        kept = atlas.select(regions)
        lines.append(f"{len(kept)} of {atlas.n_regions} regions stay")
        atlas = atlas.subset(kept)
    if merge is not None:
        atlas, said = merged(atlas, _mapping(atlas, merge))
        lines += said
    if density is not None:
        atlas, said = with_density(atlas, density)
        lines += said
    return atlas, lines


def _mapping(atlas: Atlas, merge: str | Mapping[str, str]) -> Mapping[str, str]:
    """New names of regions: as given, or the texts of a column of the atlas, those of both sides apart."""
    if not isinstance(merge, str):
        return merge
    if merge not in atlas.labels:
        raise InputError(
            f"atlas {atlas.name} has no texts {merge!r}",
            where="merge",
            remedy=f"it has {', '.join(atlas.labels) or 'none'}; or give a table with the columns region and name",
        )
    sides = [f"_{side}" if side else "" for side in atlas.hemisphere]
    texts = zip(atlas.region_names, atlas.labels[merge], sides, strict=True)
    return {name: f"{text}{side}" for name, text, side in texts if text}
