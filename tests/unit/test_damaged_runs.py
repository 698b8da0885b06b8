"""One flipped bit in any small file of a run is seen and its file named, or changes nothing that can be read."""

from __future__ import annotations

import json
import os
import random
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cli_samples import Cli
from report_found import collect
from tests.helpers.rich_run import read_everything, write_rich_config

import dtbsim
from dtbsim.errors import EXIT_INPUT, EXIT_OK, InputError
from dtbsim.report import write_report
from dtbsim.store.inspection import check_file, inspect_run
from dtbsim.store.published import check_pieces
from dtbsim.store.run import open_run

SPIKES, STATES = "stores/spikes/rank_00000", "stores/states/0/rank_00000"
OF_EVERY_KIND = [
    "config.yaml",
    "provenance.json",
    "network.json",
    "status.json",
    "summary.json",
    "models/my_models.py",
    "inputs/populations.played.csv",
    "inputs/drives.train.npz",
    "stores/rates.published.json",
    f"{STATES}.published.json",
    f"{SPIKES}.zarr/zarr.json",
    f"{SPIKES}.zarr/step/zarr.json",
    f"{STATES}.zarr/gid/zarr.json",
    f"{STATES}.zarr/values/zarr.json",
]
READ_BY_THE_REPORT = (
    "config", "provenance", "network", "summary", "stores/spikes", "stores/rates", "stores/bold"
)  # fmt: skip


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("damaged")
    dtbsim.run(write_rich_config(folder / "given"), out=folder / "run")
    write_report(folder / "run")
    return folder / "run"


@pytest.fixture(scope="module")
def expected(whole: Path) -> dict[str, object]:
    return read_everything(whole)


def small_files(folder: Path) -> list[str]:
    """Everything but the shards, whose chunks have checksums of their own, and log.txt, which nobody reads."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file() and "c" not in path.parts[:-1])
    return [str(path.relative_to(folder)) for path in files if path.name not in ("log.txt", "report.html")]


def reader_of(folder: Path, name: str) -> Callable[[], Any]:
    """What reads this file, alone, as commands and the Python reader do."""
    path = folder / name
    if path.parent == folder and path.suffix == ".json":
        return lambda: getattr(open_run(folder), path.stem)
    if name == "config.yaml":
        return lambda: open_run(folder).config
    if name.startswith("stores/"):
        at = name.find(".zarr")
        store = path.with_name(path.name.replace(".published.json", ".zarr")) if at < 0 else folder / name[: at + 5]
        return lambda: check_pieces(store)
    digest = open_run(folder).files[name]
    return lambda: check_file(path, digest)


def flipped(path: Path, positions: Iterator[int] | range) -> Iterator[int]:
    """Yield positions of bits while each of them is the other way round."""
    data = path.read_bytes()
    descriptor = os.open(path, os.O_WRONLY)
    try:
        for position in positions:
            byte = position // 8
            os.pwrite(descriptor, bytes([data[byte] ^ 1 << position % 8]), byte)
            yield position
            os.pwrite(descriptor, data[byte : byte + 1], byte)
    finally:
        os.close(descriptor)
        path.write_bytes(data)


def unseen(folder: Path, name: str) -> list[int]:
    """The bits whose change the reader of the file did not notice; it names the file where it did."""
    read, found = reader_of(folder, name), []
    read()
    for position in flipped(folder / name, range(8 * (folder / name).stat().st_size)):
        said = error_of(read)
        if said is None:
            found.append(position)
        else:
            assert str(folder / name) in said, (position, said)
    return found


def error_of(read: Callable[[], Any]) -> str | None:
    try:
        read()
    except InputError as error:
        return str(error)
    return None


def assert_every_bit_matters(
    whole: Path, expected: dict[str, object], folder: Path, names: list[str]
) -> dict[str, list[int]]:
    shutil.copytree(whole, folder)
    results = {name: unseen(folder, name) for name in names}
    for name, positions in results.items():
        for _ in flipped(folder / name, iter(positions)):
            assert read_everything(folder) == expected, "what is not seen changes nothing"
    return results


def test_every_bit_of_a_file_of_every_kind(whole: Path, expected: dict[str, object], tmp_path: Path) -> None:
    assert set(OF_EVERY_KIND) <= set(small_files(whole))
    assert_every_bit_matters(whole, expected, tmp_path / "run", OF_EVERY_KIND)


@pytest.mark.nightly
def test_every_bit_of_every_file(whole: Path, expected: dict[str, object], tmp_path: Path) -> None:
    names = [name for name in small_files(whole) if name not in OF_EVERY_KIND]
    assert len(names) > 20
    assert_every_bit_matters(whole, expected, tmp_path / "run", names)


def test_every_bit_at_the_end_of_the_report(whole: Path, tmp_path: Path) -> None:
    shutil.copytree(whole, tmp_path / "run")
    run, page = open_run(tmp_path / "run"), tmp_path / "run/report.html"
    size = page.stat().st_size
    for _ in flipped(page, [8 * byte + 3 for byte in (0, 100, size // 2, *range(size - 90, size, 7), size - 1)]):
        assert [error.where for error in inspect_run(run)] == [str(page)]
    os.truncate(page, size - 200)
    assert [error.where for error in inspect_run(run)] == [str(page)]


@pytest.mark.parametrize("seed", range(4))
def test_commands_and_reader_agree(whole: Path, expected: dict[str, object], tmp_path: Path, seed: int) -> None:
    """A damage is listed by `info`, and whoever reads the file fails or gives what was written."""
    generator, folder = random.Random(seed), tmp_path / "run"
    shutil.copytree(whole, folder)
    names = small_files(whole)
    for _ in range(15):
        name = generator.choice(names)
        bits = 8 * (folder / name).stat().st_size
        for _ in flipped(folder / name, iter([generator.randrange(bits)])):
            listed = [str(error) for error in inspect_run(open_run(folder))]
            said = error_of(lambda: read_everything(folder))
            if said is None:
                assert read_everything(folder) == expected
            else:
                assert str(folder / name) in said
                assert listed
            if listed:
                assert any(str(folder / name) in line for line in listed), listed
            if listed and name.startswith(READ_BY_THE_REPORT):
                with pytest.raises(InputError, match=re.escape(str(folder / name))):
                    collect(folder)


@pytest.mark.parametrize("name", OF_EVERY_KIND)
@pytest.mark.parametrize("damage", ["remove", "empty", "cut", "overwrite", "other"])
def test_what_is_gone_or_replaced_is_listed(whole: Path, tmp_path: Path, name: str, damage: str) -> None:
    folder = tmp_path / "run"
    shutil.copytree(whole, folder)
    path = folder / name
    data = path.read_bytes()
    if damage == "remove":
        path.unlink()
    else:
        other = {"empty": b"", "cut": data[: len(data) // 2], "overwrite": bytes(len(data)), "other": b'{"a": 1}\n'}
        path.write_bytes(other[damage])
    if name == "config.yaml" and damage == "remove":
        with pytest.raises(InputError, match=r"it has no config\.yaml"):
            open_run(folder)
        return
    if name == "provenance.json" and damage == "other":
        return  # as version 0.1 would have written it; there is nothing then that the other files could contradict
    assert str(path) in [error.where for error in inspect_run(open_run(folder))]


def test_a_store_that_is_gone_is_missed(whole: Path, tmp_path: Path) -> None:
    for k, name in enumerate(("spikes", "rates.zarr", "states/0", "weights/0", "correlations/0.zarr", "bold.zarr")):
        folder = tmp_path / str(k)
        shutil.copytree(whole, folder)
        shutil.rmtree(folder / "stores" / name)
        (folder / "stores" / name).with_suffix(".published.json").unlink(missing_ok=True)
        assert [error.where for error in inspect_run(open_run(folder))] == [str(folder / "stores" / name)]
        with pytest.raises(InputError, match="this store of the run is missing"):
            read_everything(folder)


def test_a_missing_shard_is_listed_and_a_damaged_one_on_request(whole: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    shutil.copytree(whole, folder)
    shard = folder / f"{SPIKES}.zarr/gid/c/0"
    data = bytearray(shard.read_bytes())
    data[100] ^= 4
    shard.write_bytes(data)
    run = open_run(folder)
    assert inspect_run(run) == []
    assert [error.where for error in inspect_run(run, values=True)] == [str(shard)]
    shard.unlink()
    assert [error.where for error in inspect_run(run)] == [str(shard)]


def test_info_lists_the_damage_and_shows_the_rest(
    whole: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    cli, folder = Cli(capfd), tmp_path / "run"
    shutil.copytree(whole, folder)
    assert cli("info", folder, "--check").code == EXIT_OK
    for name in ("provenance.json", "stores/rates.published.json"):
        data = bytearray((folder / name).read_bytes())
        data[60] ^= 1
        (folder / name).write_bytes(data)
    code, out, err = cli("info", folder)
    assert code == EXIT_INPUT
    assert out.startswith("rich: done\n") or out.startswith("run: done\n")
    assert f"damaged      {folder}/provenance.json: damaged: the content does not match its checksum" in out
    assert f"damaged      {folder}/stores/rates.published.json: damaged" in out
    assert "\n  spikes       " in out
    assert err.startswith(f"dtbsim: error: {folder}/provenance.json: damaged")
    assert err.count("\n") == 1
    code, out, _ = cli("info", folder, "--json")
    assert code == EXIT_INPUT
    known = json.loads(out)
    assert known["provenance"] is None
    assert known["summary"]["spikes"] > 0
    assert {entry["file"] for entry in known["damaged"]} >= {f"{folder}/provenance.json"}


def test_a_damaged_run_is_not_repeated(whole: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    shutil.copytree(whole, folder)
    for name in ("config.yaml", "provenance.json", "models/my_models.py", "inputs/populations.played.csv"):
        for _ in flipped(folder / name, iter([8 * 20 + 1])):
            with pytest.raises(InputError, match=name.replace(".", r"\.")):
                dtbsim.run(folder / "config.yaml", out=tmp_path / "again")
    assert not (tmp_path / "again").exists()
