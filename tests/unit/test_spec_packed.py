"""Compiled objects as bytes and back: drives of every kind, tables, what is shared; and bytes that are damaged."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.helpers.drive_zoo import drive_zoo
from tests.helpers.networks import simulate

from dtbsim.backends.cpu import CpuBackend
from dtbsim.config.values import Constant, Lognormal
from dtbsim.errors import InputError
from dtbsim.spec.distributions import as_table
from dtbsim.spec.network import Channel
from dtbsim.spec.packed import pack, unpack


def test_drives_of_every_kind_give_the_same_spikes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    network = drive_zoo(tmp_path, "simulation.duration_ms=20")
    expected = simulate(network)
    packed = pack(network.drives)
    again = unpack(packed)
    assert [drive.name for drive in again] == [drive.name for drive in network.drives]
    assert pack(again).tobytes() == packed.tobytes()
    begin = CpuBackend.compile

    def compile_with(backend: Any) -> None:
        if backend._drives_set is None:
            backend.set_drives(again)
        begin(backend)

    monkeypatch.setattr(CpuBackend, "compile", compile_with)
    assert np.array_equal(simulate(network), expected)


def test_tables_keep_every_bit() -> None:
    drawn = as_table(Lognormal(distribution="lognormal", mean=3.0, sd=2.0)).map(-0.3)
    constant = as_table(Constant(distribution="constant", value=0.1))
    again, same = unpack(pack((drawn, constant)))
    assert again.quantiles.tobytes() == drawn.quantiles.tobytes()
    assert same.quantiles.tobytes() == constant.quantiles.tobytes()
    for one, other in ((again, drawn), (same, constant)):
        assert (one.low, one.high, one.mean, one.size) == (other.low, other.high, other.mean, other.size)
    assert pack(constant).size < 200, "of a constant no quantiles are written"


def test_what_is_shared_is_one_object_again() -> None:
    table = as_table(Lognormal(distribution="lognormal", mean=3.0, sd=2.0))
    array = np.arange(6, dtype=np.int32).reshape(2, 3)
    first, second, listed = unpack(pack((table, table, [array, array, {4: array}, None, True, 0.1, "a"])))
    assert first is second
    assert listed[0] is listed[1] is listed[2][4]
    assert listed[0].dtype == np.int32
    assert np.array_equal(listed[0], array)
    assert listed[3:] == [None, True, 0.1, "a"]


@pytest.mark.parametrize("value", [object(), np.array([object()]), np.array(["a"]), {1, 2}, np.sum])
def test_other_objects_are_refused(value: Any) -> None:
    with pytest.raises(TypeError, match="is no compiled value"):
        pack(value)


def test_damaged_bytes_are_told(tmp_path: Path) -> None:
    packed = pack(drive_zoo(tmp_path, "simulation.duration_ms=20").drives)
    header = int.from_bytes(packed[:8].tobytes(), "little")
    text = packed.tobytes()
    damaged = [
        b"",
        text[:5],
        text[: 8 + header],
        text[:-1],
        text[:8] + b"[" + text[9:],
        text.replace(b'"again", ', b'"again", 99999', 1),
        text.replace(b'"population"', b'"copulation"', 1),
        text.replace(b"dtbsim.spec.network.Drive", b"dtbsim.spec.network.Thing", 1),
    ]
    for content in damaged:
        with pytest.raises(InputError, match=r"objects that cannot be read: .*\(use a state that this version"):
            unpack(np.frombuffer(content, np.uint8))


def test_only_classes_that_are_known_are_made() -> None:
    """A channel is no part of a drive, but it is defined beside it; a path would be anything."""
    channel = Channel(mix=((0, 1.0),), quantum=0.5, max_weight=3)
    assert unpack(pack(channel)) == channel
    text = pack(channel).tobytes().replace(b"dtbsim.spec.network.Channel", b"dtbsim.files.edges.EdgeFile")
    size = (int.from_bytes(text[:8], "little")).to_bytes(8, "little")
    with pytest.raises(InputError, match=r"dtbsim\.files\.edges\.EdgeFile"):
        unpack(np.frombuffer(size + text[8:], np.uint8))
