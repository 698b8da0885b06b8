"""What every kind of fuzzed input has: a folder, a case for a generator, and what counts as an answer."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random
from typing import Any

from dtbsim.errors import DtbsimError, InputError


class Fuzzed:
    """Inputs of one kind in a folder of their own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def case(self, rng: Random) -> None:
        """Make one input and read it; DtbsimError is an answer, everything else is a fault."""
        raise NotImplementedError


def json_of(values: Any) -> str:
    """JSON of any values; Python does not write very long numbers."""
    try:
        return json.dumps(values, indent=2)
    except ValueError:
        return '{"a": ' + "9" * 5000 + "}"


def check_answer(error: DtbsimError) -> None:
    """An error for people: lines that can be printed anywhere, and for an input its exit code."""
    text = str(error)
    text.encode()
    assert text.strip(), "an error without words"
    assert "\x1b" not in text, text[:200]
    assert "\0" not in text, text[:200]
    assert max(map(len, text.splitlines())) < 7000, text[:200]
    assert not isinstance(error, InputError) or error.exit_code == 2
    for inside in ("Input should", "function-", "Traceback (", "pydantic"):
        assert inside not in text, text[:300]
