"""RUN/log.txt, written by all ranks (appended line by line), and warnings on the terminal.

Every module logs to `logging.getLogger(__name__)`; nothing is configured on import.
"""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

LOGGER = "dtbsim"


class _RankFormatter(logging.Formatter):
    """`2026-01-31T12:00:00+0100 rank 0 INFO build: 3 of 4 blocks`."""

    def __init__(self, rank: int) -> None:
        super().__init__(f"%(asctime)s rank {rank} %(levelname)s %(name)s: %(message)s")

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:
        """Return ISO 8601 with offset."""
        return time.strftime("%Y-%m-%dT%H:%M:%S%z", time.localtime(record.created))


@contextlib.contextmanager
def run_log(run_dir: Path, rank: int) -> Iterator[logging.Logger]:
    """Append what is logged within the `with` block, from INFO on, to RUN/log.txt; the folder must exist."""
    logger = logging.getLogger(LOGGER)
    handler = logging.FileHandler(run_dir / "log.txt", mode="a", encoding="utf-8", errors="backslashreplace")
    handler.setFormatter(_RankFormatter(rank))
    before = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        yield logger
    finally:
        logger.removeHandler(handler)
        logger.setLevel(before)
        handler.close()


@contextlib.contextmanager
def console_warnings(stream: TextIO, rank: int) -> Iterator[None]:
    """Print warnings of rank 0 within the `with` block, one line each."""
    logger = logging.getLogger(LOGGER)
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logging.Formatter("dtbsim: %(levelname)s: %(message)s"))
    handler.setLevel(logging.WARNING if rank == 0 else logging.CRITICAL + 1)
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
