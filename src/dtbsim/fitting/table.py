"""The table of a study: a row for every evaluation, as Parquet where pyarrow is there, else as CSV."""

from __future__ import annotations

import csv
import importlib.util
import os
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dtbsim.fitting.journal import Record
from dtbsim.store.files import storage_errors

if TYPE_CHECKING:
    import pandas as pd

ROWS = 4096
"""Rows that are in memory at a time."""
_LAST = ("error", "seconds")


def row_of(record: Record) -> dict[str, Any]:
    """A record as columns: `n`, `stage`, what was set, `seed`, scores, rates, `error`, `seconds`."""
    row: dict[str, Any] = {
        "n": record["n"],
        "stage": record.get("stage", ""),
        **record["values"],
        "seed": record["seed"],
    }
    row |= record["scores"]
    row |= {f"held_out.{name}": value for name, value in (record.get("held_out") or {}).items()}
    row |= {name: record[name] for name in ("fc", "mean_abs_fc") if name in record}
    row |= {f"rate_hz.{name}": value for name, value in (record.get("rates_hz") or {}).items()}
    row |= record.get("measured") or {}
    return {**row, "error": record["error"], "seconds": record.get("seconds")}


def columns_of(records: Iterable[Record]) -> dict[str, bool]:
    """All columns, in the order in which they are met, errors and seconds last, and whether they hold texts."""
    names: dict[str, bool] = {}
    for record in records:
        for name, value in row_of(record).items():
            text = value is not None and (isinstance(value, bool) or not isinstance(value, int | float))
            names[name] = names.get(name, False) or text
    return {**{name: text for name, text in names.items() if name not in _LAST}, **dict.fromkeys(_LAST, False)}


def write_table(folder: Path, records: Iterable[Record]) -> Path:
    """Write table.parquet, or table.csv without pyarrow, some thousand rows at a time; returns its path.

    `records` is gone through twice. Raises StorageError.
    """
    columns = columns_of(records)
    path = folder / ("table.parquet" if has_parquet() else "table.csv")
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with storage_errors(path):
        try:
            (_write_parquet if has_parquet() else _write_csv)(temporary, columns, records)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
    return path


def has_parquet() -> bool:
    """Whether pyarrow is there."""
    return importlib.util.find_spec("pyarrow") is not None


def read_table(path: Path) -> pd.DataFrame:
    """Read a table of either kind."""
    import pandas as pd

    return pd.read_parquet(path) if path.suffix == ".parquet" else pd.read_csv(path)


def frame_of(records: Iterable[Record]) -> pd.DataFrame:
    """The same as a DataFrame."""
    import pandas as pd

    rows = [row_of(record) for record in records]
    names: dict[str, None] = {}
    for row in rows:
        names |= dict.fromkeys(row)
    columns = [*(name for name in names if name not in _LAST), *_LAST]
    table = pd.DataFrame(rows, columns=columns)
    table["error"] = pd.Series([row["error"] for row in rows], dtype=object)  # None, and not NaN, is no error
    return table


def _write_csv(path: Path, columns: Mapping[str, bool], records: Iterable[Record]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(columns), restval="", lineterminator="\n")
        writer.writeheader()
        for record in records:
            writer.writerow({key: "" if value is None else value for key, value in row_of(record).items()})


def _write_parquet(path: Path, columns: Mapping[str, bool], records: Iterable[Record]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = pa.schema([(name, _kind(name, text)) for name, text in columns.items()])
    with pq.ParquetWriter(path, schema) as writer:
        for part in _parts(records):
            rows = [row_of(record) for record in part]
            data = {name: [_as(schema.field(name).type, row.get(name)) for row in rows] for name in columns}
            writer.write_table(pa.table(data, schema=schema))


def _kind(name: str, text: bool) -> Any:
    """The type of a column."""
    import pyarrow as pa

    if name in ("n", "seed"):
        return pa.int64()
    return pa.string() if text or name in ("error", "stage") else pa.float64()


def _as(kind: Any, value: Any) -> Any:
    if value is None or str(kind) != "string":
        return value if value is None or str(kind) == "int64" else float(value)
    return str(value)


def _parts(records: Iterable[Record]) -> Iterator[list[Record]]:
    iterator = iter(records)
    while part := list(islice(iterator, ROWS)):
        yield part
