"""`dtbsim atlas`: the atlases that come with dtbsim, and those made of files."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dtbsim.cli.needs import installed
from dtbsim.cli.output import pairs, show, table
from dtbsim.errors import EXIT_OK, InputError
from dtbsim.report.text import significant

if TYPE_CHECKING:
    from dtbsim.atlas.importing import Imported

MOST_LINES = 24
"""Files that are listed one by one."""


def list_all_atlases() -> int:
    """Print a line per bundled atlas."""
    with installed():
        from dtbsim.atlas import DEFAULT, list_atlases, load_atlas

    rows = []
    for name in list_atlases():
        atlas = load_atlas(name)
        rows.append((f"{name} (default)" if name == DEFAULT else name, str(atlas.n_regions), atlas.description))
    show(table(("name", "regions", "what it is"), rows, numbers=("regions",)))
    return EXIT_OK


def show_atlas(name: str, out: Path | None = None) -> int:
    """Print what one atlas, named or given by its path, holds, and write a page with pictures of it."""
    with installed():
        from dtbsim.atlas import atlas_summary, load_atlas

    loaded = load_atlas(name)
    atlas = atlas_summary(loaded)
    rows = [(label, text) for label, text in _atlas_rows(atlas) if text]
    show(pairs(rows, title=f"{atlas['name']}: {atlas['description']}"))
    if out is not None:
        with installed():
            from dtbsim.report.atlas_page import write_atlas_page

        show("", f"written: {write_atlas_page(loaded, out, _import_record(loaded.source))}")
    return EXIT_OK


def _import_record(source: str) -> dict[str, Any] | None:
    """What the import of an atlas says of its files."""
    from dtbsim.files import read_json

    path = Path(source) / "import.json"
    found = read_json(path) if path.is_file() else None
    return found if isinstance(found, dict) else None


def _atlas_rows(atlas: dict[str, Any]) -> list[tuple[str, str]]:
    kind = "symmetric" if atlas["symmetric"] else "directed"
    unit = atlas["weights"]["unit"]
    labels = [f"{name} ({number} different)" for name, number in atlas["labels"].items()]
    return [
        (
            "regions",
            f"{atlas['n_regions']}: {atlas['n_left']} left, {atlas['n_right']} right, {atlas['n_cortical']} cortical",
        ),
        ("connections", f"{atlas['n_connections']:,} ({100 * atlas['density']:.3g} % of all pairs), {kind}"),
        ("weights", _range(atlas["weights"]) + (f" ({unit})" if unit else "")),
        ("tract lengths", _lengths(atlas["lengths_mm"])),
        ("maps", ", ".join(atlas["maps"])),
        ("labels", ", ".join(labels)),
        ("measured FC", _fc(atlas)),
        ("measured FCD", _fcd(atlas["fcd"])),
        ("lead field", f"{atlas['lead_field']['channels']} channels" if atlas["lead_field"] else ""),
        ("source", atlas["source"]),
        ("cite", atlas["citation"]),
        ("acknowledge", atlas["acknowledgement"]),
        ("licence", atlas["licence"]),
        ("notes", atlas["notes"]),
    ]


def _range(values: dict[str, Any]) -> str:
    if values["smallest"] is None:
        return "none"
    return f"{significant(values['smallest'])} to {significant(values['largest'])}"


def _lengths(lengths: dict[str, Any] | None) -> str:
    if lengths is None:
        return "none: delays cannot come from tracts"
    median = f", median {significant(lengths['median'])}" if lengths["median"] is not None else ""
    return f"{_range(lengths)} mm{median} ({lengths['source']})"


def _fc(atlas: dict[str, Any]) -> str:
    if not atlas["fc"]:
        return ""
    repetition = f", TR {significant(atlas['fc']['tr_s'])} s" if atlas["fc"]["tr_s"] else ""
    others = f"; also {', '.join(atlas['other_fc'])}" if atlas["other_fc"] else ""
    return f"mean |r| {significant(atlas['fc']['mean_abs'])}{repetition}{others}"


def _fcd(fcd: dict[str, Any] | None) -> str:
    return f"windows of {significant(fcd['window_s'])} s every {significant(fcd['step_s'])} s" if fcd else ""


def import_files(sources: Sequence[Path], options: dict[str, Any]) -> int:
    """Make the folder of an atlas from files; print what each was taken for, what was changed, and what came out."""
    with installed():
        from dtbsim.atlas.importing import import_atlas

    made = import_atlas(*sources, **options)
    rows = [(one["file"], one["taken_for"], one["why"]) for one in _of_one_person(made)]
    show(table(("file", "taken for", "why"), rows[:MOST_LINES]))
    if len(rows) > MOST_LINES:
        show(f"and {len(rows) - MOST_LINES} more, all in {made.path / 'import.json'}")
    _show_made(made.path, made.people, made.changes)
    return EXIT_OK


def _of_one_person(made: Imported) -> list[dict[str, str]]:
    """What is of no person, and what is of the first: the others have the same files."""
    first = made.people[0] if made.people else None
    return [one for one in made.taken if one.get("person") in (None, first)]


def derive(atlases: Sequence[str], merge: str | None, regions: str | None, options: dict[str, Any]) -> int:
    """Make the folder of an atlas from others; print what was done and what came out."""
    with installed():
        from dtbsim.atlas.derive_folder import derive_atlas

    into = _merge_table(Path(merge)) if merge is not None and Path(merge).is_file() else merge
    made = derive_atlas(*atlases, merge=into, regions=_names(regions), **options)
    _show_made(made.path, made.people, made.changes)
    return EXIT_OK


def _show_made(path: Path, people: Sequence[str], changes: Sequence[str]) -> None:
    show("", *(f"- {line}" for line in changes), "")
    show_atlas(str(path))
    if people:
        members = [f"    - {{atlas: {path / 'subjects' / person}}}" for person in people[:3]]
        more = ["    # and so on"] if len(people) > 3 else []
        show("", f"{len(people)} people, as members of an ensemble (docs/regions.md):", "ensemble:", "  members:")
        show(*members, *more)
    show("", f"written: {path}")


def _names(text: str | None) -> str | list[str] | None:
    if text is None or text in ("all", "left", "right"):
        return text
    if Path(text).is_file():
        from dtbsim.atlas.importing.region_table import read_region_table

        return list(read_region_table(Path(text)).names or ())
    return [name.strip() for name in text.split(",")]


def _merge_table(path: Path) -> dict[str, str]:
    """Region and new name in each line of a table."""
    found: dict[str, str] = {}
    with path.open(encoding="utf-8-sig", newline="") as file:
        for line, cells in enumerate(csv.reader(file, delimiter="\t" if path.suffix == ".tsv" else ","), start=1):
            if line == 1 and [cell.strip().lower() for cell in cells[:1]] in (["region"], ["name"]):
                continue
            if len(cells) != 2:
                raise InputError(
                    f"{len(cells)} cells", where=f"{path}:{line}", remedy="give a region and its new name in each line"
                )
            found[cells[0].strip()] = cells[1].strip()
    return found
