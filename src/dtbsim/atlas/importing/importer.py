"""`dtbsim.import_atlas` and `dtbsim atlas import`: from files to the folder of an atlas."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from dtbsim.arguments import choice, flag, number
from dtbsim.arguments import path as path_argument
from dtbsim.atlas.derive import group_mean
from dtbsim.atlas.folder import IMPORTED
from dtbsim.atlas.folder_write import new_folder, refuse_existing, write_folder
from dtbsim.atlas.importing.options import Options, given_file, refuse_twice
from dtbsim.atlas.importing.person import Found, make_atlas
from dtbsim.atlas.importing.raw import Raw, raws_of
from dtbsim.atlas.importing.sources import keep, opened, people
from dtbsim.atlas.importing.stacks import given_twice, split_people
from dtbsim.atlas.load import load_atlas
from dtbsim.atlas.model import Atlas
from dtbsim.errors import InputError
from dtbsim.version import VERSION

SUBJECTS, BOLD, IMAGES, SURFACES = "subjects", "bold", "images", "surfaces"
"""Folders in that of an imported atlas; an atlas of each person is in the first."""
_BLOCK = 1 << 20
_NUMBER = re.compile(r"-?\d+(\.\d+)?$")


@dataclass(frozen=True)
class Imported:
    """What was made: `path` of the folder, its `atlas`, `people` by name, what each file was `taken` for, `changes`.

    `taken` has `file`, `taken_for` and `why` of each part of the sources; `changes` is what was done to them, in words.
    """

    path: Path
    atlas: Atlas
    people: tuple[str, ...]
    taken: tuple[dict[str, str], ...]
    changes: tuple[str, ...]


def import_atlas(
    *sources: str | Path,
    out: str | Path,
    weights: str | Path | None = None,
    lengths: str | Path | None = None,
    fc: str | Path | None = None,
    labels: str | Path | None = None,
    centroids: str | Path | None = None,
    bold: str | Path | Sequence[str | Path] | None = None,
    label_image: str | Path | None = None,
    lead_field: str | Path | None = None,
    period_s: float | None = None,
    order_of: str | Path | None = None,
    transpose: bool = False,
    log: bool = False,
    normalise: str | None = None,
    estimate_lengths: bool = False,
    name: str | None = None,
) -> Imported:
    """Make the folder of an atlas from matrices, archives, a graph, or a folder of people, and return what was done.

    `sources` are files or folders whose content is guessed from names and numbers; the keywords name files (or
    `FILE:VARIABLE`) whose role is known, and win. Matrices are those of `dtbsim.data.read_matrix`; also read are a
    connectivity of TVB (.zip or folder), GraphML, tables of labels and centroids, series of BOLD, label images and
    surfaces, which are kept. Of several people (`sub-NAME` in paths, a folder for each, or an axis of arrays) each
    becomes an atlas in `subjects/`, and their mean the atlas itself. Lists of connections (source, target, weight,
    length) are matrices, and of several sessions (`ses-NAME`) of a person the mean is taken.

    `period_s` is that of BOLD, `order_of` an atlas whose regions are taken in its order, matched by label. Weights are
    left as they are but for the diagonal, which becomes 0: `transpose` turns them (rows receive), `log` takes
    ln(1 + w), `normalise="max"` divides by the largest. The folder is described in docs/atlas_format.md.

    Raises:
        InputError: something cannot be read, does not match, or is missing; `out` exists. Nothing is written then.
        StorageError: the folder cannot be written.
        MissingDependencyError: an image without nibabel.
    """
    target = path_argument(out, "out")
    refuse_existing(target)
    several = [] if bold is None else [bold] if isinstance(bold, str | Path) else list(bold)
    named = {
        "weights": weights, "lengths": lengths, "fc": fc, "labels": labels, "centroids": centroids,
        "label_image": label_image, "lead_field": lead_field,
    }  # fmt: skip
    given = [given_file(role, text, f"--{role.replace('_', '-')}") for role, text in named.items() if text is not None]
    given += [given_file("bold", text, "--bold") for text in several]
    refuse_twice(given)
    options = Options(
        tuple(given),
        None if period_s is None else number(period_s, "period_s", above=0),
        flag(transpose, "transpose"),
        flag(log, "log"),
        None if normalise is None else choice(normalise, "normalise", ("max",)),
        None if order_of is None else str(order_of),
        flag(estimate_lengths, "estimate_lengths"),
    )
    paths = [path_argument(source, "sources") for source in sources]
    if not paths and not given:
        raise InputError("nothing to import", where="sources", remedy="give files, a folder, or --weights FILE")
    if options.order_of is not None:
        load_atlas(options.order_of)
    return _import(paths, options, target, name or target.name)


def _import(paths: Sequence[Path], options: Options, target: Path, name: str) -> Imported:
    with opened(paths) as (found_paths, shown):
        try:
            shared, persons = people(found_paths)
            described = f"imported from {', '.join(path.name for path in paths) or options.given[0].path.name}"
            made = _made(shared, persons, paths, options, name, described)
        except InputError as error:
            raise _as_given(error, shown) from None
        files = sorted({*shared, *(file for files in persons.values() for file in files), *_given_files(options)})
        taken, changes = _said(made, shown)
        with new_folder(target) as folder:
            _write(made, folder)
            record = {
                "dtbsim": VERSION,
                "files": [_file(file, shown) for file in files],
                "taken": taken,
                "changes": changes,
            }
            text = json.dumps(record, indent=1, ensure_ascii=False)
            (folder / IMPORTED).write_text(text + "\n", encoding="utf-8")
    return Imported(target, load_atlas(target), tuple(made.people), tuple(taken), tuple(changes))


@dataclass(frozen=True)
class _Made:
    whole: Found
    people: Mapping[str, Found]


def _made(
    shared: Sequence[Path],
    persons: Mapping[str, Sequence[Path]],
    named: Sequence[Path],
    options: Options,
    name: str,
    described: str,
) -> _Made:
    """The atlas of one person; or of several, who have files of their own or are an axis of arrays."""
    if persons:
        raws = {person: partial(_raws, files, ()) for person, files in persons.items()}
        return _people(_raws(shared, ()), raws, options, name, described)
    common, parts, options, notices = split_people(_raws(shared, named), options)
    if parts:
        made = _people(
            common, {person: partial(list, raws) for person, raws in parts.items()}, options, name, described
        )
    else:
        made = _Made(make_atlas(common, options, name, described), {})
    made.whole.changes[:0] = notices
    return made


def _raws(files: Sequence[Path], named: Sequence[Path]) -> list[Raw]:
    """What is in files, of which the user named some."""
    return [raw for file in files for raw in raws_of(file, named=file in named)]


def _given_files(options: Options) -> list[Path]:
    return [given.path for given in options.given]


def _people(
    common: Sequence[Raw], persons: Mapping[str, Callable[[], list[Raw]]], options: Options, name: str, described: str
) -> _Made:
    """The atlas of each person, in the order of regions of the first, and their mean."""
    given_twice(options, persons)
    found: dict[str, Found] = {}
    first: Atlas | None = None
    for person, raws in sorted(persons.items()):
        try:
            one = make_atlas([*common, *raws()], options, person, f"{person}, {described}")
            found[person] = _in_order(one, first) if first is not None else one
        except InputError as error:
            error.message = f"{person}: {error.message}"
            raise
        first = first or one.atlas
    assert first is not None
    atlas, lines = group_mean([one.atlas for one in found.values()], name)
    whole = Found(replace(atlas, description=f"mean of {len(found)} people, {described}"), changes=lines)
    return _Made(whole, found)


def _in_order(one: Found, first: Atlas) -> Found:
    """A person with the regions in the order of the first one."""
    from dtbsim.data.labels import match_labels

    if one.atlas.region_names == first.region_names:
        return one
    order = match_labels(one.atlas.region_names, first.region_names, where=one.atlas.name)
    if len(order) < one.atlas.n_regions:
        raise InputError(
            f"{one.atlas.n_regions} regions where {first.name} has {first.n_regions}",
            remedy="use one parcellation for all, or --order-of ATLAS",
        )
    one.atlas = replace(one.atlas.subset(order), region_names=first.region_names, display_names=first.display_names)
    one.series = {key: series.ordered(first.display_names) for key, series in one.series.items()}
    one.changes.append(f"regions put in the order of {first.name}")
    return one


def _as_given(error: InputError, shown: Mapping[str, str]) -> InputError:
    """The error with the archive in place of the folder into which it was unpacked."""
    for folder, source in shown.items():
        error.message = error.message.replace(f"{folder}/", f"{source}: ")
        error.where = None if error.where is None else error.where.replace(f"{folder}/", f"{source}: ")
    return error


def _said(made: _Made, shown: Mapping[str, str]) -> tuple[list[dict[str, str]], list[str]]:
    """What the parts were taken for and what was changed, of people only what is not the same for all."""
    taken = list(made.whole.taken)
    changes = list(made.whole.changes)
    for person, found in made.people.items():
        taken += [{**one, "person": person} for one in found.taken]
    changes += _of_people({person: found.changes for person, found in made.people.items()})
    for one in taken:
        for folder, source in shown.items():
            one["file"] = one["file"].replace(f"{folder}/", f"{source}: ")
    return taken, changes


def _of_people(lines: Mapping[str, Sequence[str]]) -> list[str]:
    """What was changed in the data of people: what is alike in one line, numbers at its end as a range."""
    alike: dict[str, dict[str, str]] = {}
    for person, said in lines.items():
        for line in said:
            words = line.replace(person, "NAME")
            number_at_end = _NUMBER.search(words)
            value = number_at_end.group() if number_at_end else ""
            alike.setdefault(words.removesuffix(value), {})[person] = value
    changes = []
    for words, values in alike.items():
        who = "everybody" if len(values) == len(lines) else ", ".join(values)
        found = sorted({float(value) for value in values.values() if value})
        end = "" if not found else f"{found[0]:g}" if len(found) == 1 else f"{found[0]:g} to {found[-1]:g}"
        changes.append(f"{who}: {words}{end}")
    return changes


def _file(file: Path, shown: Mapping[str, str]) -> dict[str, Any]:
    digest = hashlib.sha256()
    with file.open("rb") as stream:
        while block := stream.read(_BLOCK):
            digest.update(block)
    text = str(file)
    for folder, source in shown.items():
        text = text.replace(f"{folder}/", f"{source}: ")
    return {"path": text, "bytes": file.stat().st_size, "sha256": digest.hexdigest()}


def _write(made: _Made, folder: Path) -> None:
    _write_one(made.whole, folder)
    for person, found in made.people.items():
        own = folder / SUBJECTS / person
        own.mkdir(parents=True)
        _write_one(found, own)


def _write_one(found: Found, folder: Path) -> None:
    write_folder(found.atlas, folder)
    for name, series in found.series.items():
        (folder / BOLD).mkdir(exist_ok=True)
        period = {} if series.period_s is None else {"period_s": np.float64(series.period_s)}
        arrays: dict[str, Any] = {"bold": series.values, "labels": np.array(found.atlas.display_names), **period}
        np.savez_compressed(folder / BOLD / f"{name}.npz", **arrays)
    keep(found.images, folder / IMAGES)
    keep(found.surfaces, folder / SURFACES)
