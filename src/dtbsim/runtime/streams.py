"""Standard output and error in whatever state they are: closed, without a reader, or unable to show a character.

A program that is started with a closed stream gets its number for the next file that it opens, and would then print
into its own data: the numbers are taken before anything else is opened. Characters that a stream cannot show are
escaped; bytes of file names that are no text go out as they came in, so that a shell can use the name.
"""

from __future__ import annotations

import codecs
import contextlib
import io
import os
import sys

ESCAPE = "dtbsim.escape"
"""Name of the error handler of encoders; see `_escape`."""


def _escape(error: UnicodeError) -> tuple[bytes, int]:
    """Encode what an encoding lacks: bytes that Python could not decode as themselves, the rest as \\xe9 or \\u0142."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    failed = error.object[error.start : error.end]
    parts = [
        bytes([ord(character) - 0xDC00])
        if "\udc80" <= character <= "\udcff"
        else character.encode("ascii", "backslashreplace")
        for character in failed
    ]
    return b"".join(parts), error.end


codecs.register_error(ESCAPE, _escape)


def prepare_streams() -> None:
    """Make the standard streams of this process usable; for the begin of a program, before it opens any file."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)  # the lowest number that is free: this one
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115, PTH123 - until the end
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=ESCAPE)


def say(line: str) -> None:
    """Write one line to stderr in one piece, whatever state Python's own streams are in."""
    if sys.__stderr__ is None:
        return  # it was closed when Python started: its number may be another file's
    with contextlib.suppress(OSError):
        os.write(2, f"{line}\n".encode(sys.__stderr__.encoding, ESCAPE))
