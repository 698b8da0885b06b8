"""Lists of edges in Parquet: types of columns, what cannot be, and files larger than the memory. Needs pyarrow."""

from __future__ import annotations

import datetime
import decimal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.unit.test_explicit_bad_lists import GOOD, TEXT, refused

from dtbsim.config import load_config_text
from dtbsim.spec import compile_network

REASON = "pyarrow is not installed (pip install 'dtbsim[parquet]')"
pa = pytest.importorskip("pyarrow", reason=REASON)
parquet = pytest.importorskip("pyarrow.parquet", reason=REASON)


def write(folder: Path, columns: dict[str, Any], **options: Any) -> None:
    parquet.write_table(pa.table(columns), folder / "e.parquet", **options)


@pytest.mark.parametrize(
    "columns",
    [
        GOOD,
        GOOD | {"source": GOOD["source"].astype(np.int8), "target": GOOD["target"].astype(np.uint16)},
        GOOD | {"source": pa.array(GOOD["source"]).dictionary_encode()},
        GOOD | {"weight": GOOD["weight"].astype(np.float32)},
        {key: values for key, values in GOOD.items() if key != "weight"} | {"weight_pA": GOOD["weight"]},
        {key: values[:0] for key, values in GOOD.items()},
    ],
    ids=["plain", "narrow", "dictionary", "float32", "unit", "no rows"],
)
@pytest.mark.parametrize("options", [{}, {"row_group_size": 3, "compression": "gzip"}], ids=["one group", "groups"])
def test_columns_of_many_types(tmp_path: Path, columns: dict[str, Any], options: dict[str, Any]) -> None:
    write(tmp_path, columns, **options)
    network = compile_network(load_config_text(TEXT.replace("FILE", "e.parquet").replace("MORE", "")), tmp_path)
    n = len(next(iter(columns.values())))
    assert network.entries.synapses.sum() == n
    if n:
        assert network.projections[0].listing is not None
        assert network.projections[0].listing.weight is not None
        assert network.projections[0].listing.weight.high == 13.5


def _with(column: str, values: Callable[[], Any]) -> Callable[[], dict[str, Any]]:
    return lambda: GOOD | {column: values()}


WRONG: dict[str, tuple[Callable[[], Any], str]] = {
    "empty place": (_with("weight", lambda: pa.array([None] + [1.0] * 9)), "the column weight has empty places"),
    "nothing": (_with("weight", lambda: pa.nulls(10)), "the column weight has empty places"),
    "NaN": (_with("weight", lambda: np.r_[np.ones(7), np.nan, 1, 1]), "edge 7 (from 0): weight is nan"),
    "negative delay": (_with("delay_ms", lambda: np.r_[np.ones(7), -1, 1, 1]), "edge 7 (from 0): a delay of -1 ms"),
    "out of range": (_with("source", lambda: np.r_[np.arange(9), 10]), "edge 9 (from 0): source 10; population 'A'"),
    "unsigned": (_with("source", lambda: np.full(10, 2**64 - 1, np.uint64)), "source 18446744073709551615;"),
    "numbers as neurons": (_with("source", lambda: np.arange(10.0)), "source holds float64 (it must be whole numbers)"),
    "texts": (_with("weight", lambda: ["x"] * 10), "weight holds object (it must be numbers)"),
    "decimals": (_with("weight", lambda: pa.array([decimal.Decimal("1.5")] * 10)), "weight holds object"),
    "true and false": (_with("weight", lambda: [True] * 10), "weight holds bool (it must be numbers)"),
    "moments": (_with("weight", lambda: [datetime.datetime(2026, 1, 1)] * 10), "weight holds datetime64"),
    "lists": (_with("weight", lambda: [[1.0]] * 10), "weight holds object"),
    "unknown column": (_with("colour", lambda: np.ones(10)), "the column 'colour' is not known"),
    "both delays": (_with("delay_steps", lambda: np.ones(10, int)), "has the columns delay_ms and delay_steps"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_cannot_be_is_one_line(tmp_path: Path, case: str) -> None:
    columns, said = WRONG[case]
    write(tmp_path, columns())
    message = refused(tmp_path, "e.parquet")
    assert said in message
    assert message.startswith("projections.P.rule: ")


def test_a_column_that_is_there_twice(tmp_path: Path) -> None:
    columns = [pa.array(GOOD[name]) for name in ("source", "target", "source")]
    parquet.write_table(pa.Table.from_arrays(columns, names=["source", "target", "source"]), tmp_path / "e.parquet")
    assert "the column source is there twice" in refused(tmp_path, "e.parquet", ", weight_pA: 1, delay_ms: 1")


@pytest.mark.parametrize("damage", [lambda data: data[:-20], lambda data: b"", lambda data: b"PAR1PAR1",
                                    lambda data: data[:30] + b"\xff" * 30 + data[60:]])  # fmt: skip
def test_damaged_files(tmp_path: Path, damage: Callable[[bytes], bytes]) -> None:
    write(tmp_path, GOOD)
    path = tmp_path / "e.parquet"
    path.write_bytes(damage(path.read_bytes()))
    assert "e.parquet: cannot be read as Parquet: " in refused(tmp_path, "e.parquet")


def test_a_file_larger_than_the_memory_is_read_in_pieces(tmp_path: Path) -> None:
    """A single group of rows: the peak of a fresh process stays far below the 480 MB of its columns."""
    n = 20_000_000
    weight = np.random.default_rng(1).normal(5, 1, n)
    write(tmp_path, {"source": np.full(n, 3), "target": np.full(n, 4), "weight": weight}, row_group_size=n)
    (tmp_path / "net.yaml").write_text(TEXT.replace("FILE", "e.parquet").replace("MORE", ", delay_ms: 1"))
    code = (
        "import resource; from pathlib import Path; import pyarrow.parquet; from dtbsim.config import load_config; "
        "from dtbsim.spec import compile_network; before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss; "
        f"network = compile_network(load_config('{tmp_path}/net.yaml'), Path('{tmp_path}')); "
        f"assert network.entries.synapses.sum() == {n}; "
        "print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) >> 10)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 300
