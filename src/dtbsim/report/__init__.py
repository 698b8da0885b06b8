"""The report of a run: one self-contained HTML file (RUN/report.html) that opens from disk without a network.

`collect` reads a run folder into plain arrays (`data`), `sections` puts them into words and figures, `html` writes the
page. Plotting libraries are loaded only when a report is written, never on simulation ranks.
"""

from __future__ import annotations

import os
from pathlib import Path

REPORT_NAME = "report.html"


def write_report(run_dir: str | os.PathLike[str]) -> Path:
    """Write the report of the run in `run_dir`, as far as it came, and return its path, `run_dir`/report.html.

    The file is replaced whole, so a reader never sees half of it. Raises `InputError` where the folder is no run, is
    damaged or stopped before its network was known, `StorageError` where the file cannot be written; and `InputError`
    after writing it where pieces of the run, or files that it read, are missing: the report then names them on top.
    """
    from dtbsim.arguments import path as path_argument
    from dtbsim.errors import InputError, StorageError
    from dtbsim.report.collect import collect
    from dtbsim.report.html import render
    from dtbsim.store.files import page_with_checksum

    folder = path_argument(run_dir, "run_dir")
    data = collect(folder)
    page = page_with_checksum(render(data).encode("utf-8", "backslashreplace").decode())  # paths may be any bytes
    target = folder / REPORT_NAME
    partial = folder / f".{REPORT_NAME}.{os.getpid()}.tmp"
    try:
        partial.write_text(page, encoding="utf-8")
        partial.replace(target)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise StorageError(
            f"the report could not be written: {error.strerror or error}",
            where=str(target),
            remedy="check that the folder is writable and the disk not full",
        ) from error
    if data.missing:
        raise InputError(
            f"the report is written, but not complete; missing: {'; '.join(data.missing)}",
            where=str(target),
            remedy="restore what is missing from a copy and write the report again",
        )
    return target
