"""The commands about atlases (see `dtbsim.cli.app`)."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dtbsim.cli.complete import atlas_names
from dtbsim.cli.options import Work

Out = Annotated[
    Path, typer.Option(metavar="DIR", show_default=False, help="folder of the new atlas; must not be there")
]
_FILE = "FILE[:VARIABLE]"


def _file(text: str, *names: str) -> typer.models.OptionInfo:
    option: typer.models.OptionInfo = typer.Option(*names, metavar=_FILE, show_default=False, help=text)
    return option


def atlas_show_command(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME", show_default=False, help="name of an atlas, or a path", autocompletion=atlas_names
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE", show_default=False, help="also draw it, as a page (.html) for a browser"),
    ] = None,
) -> Work:
    """Say what an atlas holds, where it comes from and how to cite it."""
    from dtbsim.cli.atlases import show_atlas

    return lambda: show_atlas(name, out)


def import_command(
    out: Out,
    sources: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[SOURCE]...", show_default=False, help="matrices, tables, a TVB connectivity, GraphML, or folders"
        ),
    ] = None,
    weights: Annotated[str | None, _file("the weights")] = None,
    lengths: Annotated[str | None, _file("the tract lengths, mm")] = None,
    fc: Annotated[str | None, _file("the measured functional connectivity", "--fc")] = None,
    labels: Annotated[str | None, _file("labels of the regions, in the order of the weights")] = None,
    centroids: Annotated[str | None, _file("x, y, z of every region, mm")] = None,
    bold: Annotated[list[str] | None, _file("a series of BOLD; may be repeated")] = None,
    label_image: Annotated[str | None, _file("the label image (NIfTI), which is kept")] = None,
    lead_field: Annotated[str | None, _file("a lead field, channels x regions")] = None,
    period_s: Annotated[
        float | None, typer.Option("--tr", metavar="S", show_default=False, help="sampling period of BOLD, s")
    ] = None,
    order_of: Annotated[
        str | None,
        typer.Option(metavar="ATLAS", show_default=False, help="take the regions of this atlas, matched by label"),
    ] = None,
    transpose: Annotated[bool, typer.Option("--transpose", help="rows of the weights send, columns receive")] = False,
    log: Annotated[bool, typer.Option("--log", help="take ln(1 + w) of the weights")] = False,
    normalise: Annotated[
        str | None, typer.Option(metavar="max", show_default=False, help="divide the weights by the largest")
    ] = None,
    estimate_lengths: Annotated[
        bool,
        typer.Option(
            "--estimate-lengths", help="estimate tract lengths that are missing from the distance of centroids"
        ),
    ] = False,
    name: Annotated[
        str | None, typer.Option(metavar="NAME", show_default=False, help="name of the atlas; default: that of DIR")
    ] = None,
) -> Work:
    """Make an atlas of your own matrices, tables and series.

    Says what each file was taken for and why, and what was changed. What is guessed wrongly is named: --weights FILE.
    Several people (sub-NAME in paths, or a folder for each) become an atlas each, and their mean.
    """
    from dtbsim.cli.atlases import import_files

    options = {
        "out": out, "weights": weights, "lengths": lengths, "fc": fc, "labels": labels, "centroids": centroids,
        "bold": bold or None, "label_image": label_image, "lead_field": lead_field, "period_s": period_s,
        "order_of": order_of, "transpose": transpose, "log": log, "normalise": normalise,
        "estimate_lengths": estimate_lengths, "name": name,
    }  # fmt: skip
    return lambda: import_files(sources or [], options)


def derive_command(
    atlases: Annotated[
        list[str],
        typer.Argument(metavar="ATLAS...", show_default=False, help="an atlas, or several for their mean"),
    ],
    out: Out,
    regions: Annotated[
        str | None,
        typer.Option(metavar="A,B,...|FILE", show_default=False, help="regions that stay; also left, right"),
    ] = None,
    density: Annotated[
        float | None,
        typer.Option(metavar="SHARE", show_default=False, help="keep this share of all pairs, the strongest"),
    ] = None,
    consensus: Annotated[
        float | None,
        typer.Option(metavar="SHARE", show_default=False, help="keep what this share of the people have, their mean"),
    ] = None,
    merge: Annotated[
        str | None,
        typer.Option(
            metavar="FILE|TEXTS", show_default=False, help="a table region,new name; or texts of the atlas (a network)"
        ),
    ] = None,
    name: Annotated[
        str | None, typer.Option(metavar="NAME", show_default=False, help="name of the atlas; default: that of DIR")
    ] = None,
) -> Work:
    """Make an atlas from others: mean, consensus, strongest connections, fewer regions.

    The people of an atlas are treated alike and are people of the new one.
    """
    from dtbsim.cli.atlases import derive

    options = {"out": out, "density": density, "consensus": consensus, "name": name}
    return lambda: derive(atlases, merge, regions, options)
