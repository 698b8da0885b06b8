"""A reader with faults of every kind, to see whether the worker finds them."""

from __future__ import annotations

import os
from random import Random

from tests.fuzz.fuzzed import Fuzzed

from dtbsim.errors import InputError


class Faulty(Fuzzed):
    """Answers, fails, answers without words, takes too long, and ends the process."""

    number = -1

    def case(self, rng: Random) -> None:
        self.number += 1
        match self.number:
            case 0:
                raise InputError("wrong")
            case 1:
                raise ValueError("a bug")
            case 2:
                raise InputError("")
            case 3:
                while True:
                    rng.random()
            case 4:
                self.kept = bytearray(2_200_000_000)
                self.kept[::4096] = b"x" * len(self.kept[::4096])
            case 5:
                os.abort()
