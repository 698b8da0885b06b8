"""The report of a run: one self-contained HTML file (RUN/report.html) that opens from disk without a network.

`collect` reads a run folder into plain arrays (`data`), `sections` puts them into words and figures, `html` writes the
page. Plotting libraries are loaded only when a report is written, never on simulation ranks.
"""

from __future__ import annotations

from pathlib import Path

REPORT_NAME = "report.html"


def write_report(run_dir: Path) -> Path:
    """Write the report of the finished run in `run_dir` and return its path, `run_dir`/report.html.

    The file is replaced whole, so a reader never sees half of it. Raises `InputError` where the folder is not a
    complete run, and `StorageError` where the file cannot be written.
    """
    import os

    from dtbsim.errors import StorageError
    from dtbsim.report.collect import collect
    from dtbsim.report.html import render
    from dtbsim.runtime.paths import user_path

    folder = user_path(run_dir)
    page = render(collect(folder))
    target = folder / REPORT_NAME
    partial = folder / f".{REPORT_NAME}.{os.getpid()}"
    try:
        partial.write_text(page, encoding="utf-8", errors="backslashreplace")
        partial.replace(target)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise StorageError(
            f"the report could not be written: {error.strerror or error}",
            where=str(target),
            remedy="check that the folder is writable and the disk not full",
        ) from error
    return target
