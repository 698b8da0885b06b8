"""The keys of an atlas file, the same in .npz, .h5 and (as file names) in folders; see docs/atlas_format.md."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from dtbsim.atlas.names import check_names
from dtbsim.errors import InputError, did_you_mean

FORMAT_VERSION = 1


@dataclass(frozen=True)
class Key:
    """One key: `shape` in words (n regions), `text` what it holds. A name that ends in `/` takes any name after it."""

    name: str
    shape: str
    text: str
    required: bool = False


KEYS = (
    Key("format_version", "integer", "1 (also if absent)"),
    Key("name", "text", "short name; the file's name without suffix if absent"),
    Key("description", "text", "one sentence for lists"),
    Key("region_names", "text [n]", "unique names", required=True),
    Key("display_names", "text [n]", "names as shown, where `region_names` are shortened"),
    Key("hemisphere", "text [n]", "L, R, or empty for midline or not known"),
    Key("xyz_mm", "[n, 3]", "centroids in mm; without them there is no picture of the brain"),
    Key("is_cortex", "true/false [n]", "all true if absent"),
    Key("weights", "[n, n]", "connection weights, row = target, column = source; 0 or more, zero diagonal"),
    Key("weights/data", "[k]", "sparse weights in CSR form: the k weights, row (target) by row"),
    Key("weights/indices", "integer [k]", "sparse weights: column (source) of each"),
    Key("weights/indptr", "integer [n + 1]", "sparse weights: where each row starts in data and indices"),
    Key("weights_unit", "text", "what a weight counts"),
    Key("lengths_mm", "[n, n]", "tract lengths in mm, above 0 wherever a weight is"),
    Key("lengths_mm/data", "[k]", "tract lengths of sparse weights, in the order of weights/data"),
    Key(
        "lengths_source",
        "text",
        "measured, resampled, estimated or unknown; estimated without lengths_mm asks for the estimate "
        "1.172 x centroid distance + 38.7 mm",
    ),
    Key("maps/", "[n]", "maps/NAME: a value per region"),
    Key("labels/", "text [n]", "labels/NAME: a text per region"),
    Key("fc", "[n, n]", "measured functional connectivity (Pearson r)"),
    Key("fc_tr_s", "number", "sampling interval of the measured BOLD, s"),
    Key("other_fc/", "[n, n]", "other_fc/NAME: further measured functional connectivities"),
    Key("fc_leave_one_out", "[subjects]", "r of each subject's FC with the mean of the others"),
    Key("fcd/hist", "[bins]", "measured FCD histogram (counts or shares)"),
    Key("fcd/bin_edges", "[bins + 1]", "its bin edges"),
    Key("fcd/window_s", "number", "FCD window, s"),
    Key("fcd/step_s", "number", "FCD step, s"),
    Key("fcd/single_scan_ks", "[scans]", "KS distance of single scans from the histogram"),
    Key("lead_field", "[channels, n]", "sensor signal per region activity"),
    Key("lead_field_channels", "text [channels]", "channel names"),
    Key("lead_field_unit", "text", "unit of the lead field"),
    Key("licence", "text", "licence of the data"),
    Key("citation", "text", "what to cite"),
    Key("acknowledgement", "text", "wording the licence asks for"),
    Key("notes", "text", "cautions"),
)

REQUIRED = tuple(key.name for key in KEYS if key.required)
TEXT_KEYS = (
    "name", "description", "weights_unit", "lengths_source", "lead_field_unit", "licence", "citation",
    "acknowledgement", "notes",
)  # fmt: skip
OPEN_GROUPS = tuple(key.name for key in KEYS if key.name.endswith("/"))
_CLOSED = frozenset(key.name for key in KEYS if not key.name.endswith("/"))


def check_keys(given: Iterable[str], where: str) -> None:
    """Check that all keys are known and that the required ones, and weights of one kind, are there.

    Raises:
        InputError: an unknown or missing key, with the nearest known one.
    """
    keys = sorted(given)
    check_names(keys, f"{where}: keys")
    unknown = [key for key in keys if not _known(key)]
    if unknown:
        names = _CLOSED | {f"{group}NAME" for group in OPEN_GROUPS}
        raise InputError(f"unknown key {unknown[0]!r}", where=where, remedy=did_you_mean(unknown[0], names))
    missing = [name for name in REQUIRED if name not in keys]
    sparse = [key for key in keys if key.startswith("weights/")]
    if not sparse and "weights" not in keys:
        missing.append("weights")
    if missing:
        raise InputError(
            f"missing {', '.join(missing)}", where=where, remedy=f"it holds {', '.join(keys) or 'nothing'}"
        )
    if sparse and "weights" in keys:
        raise InputError("both weights and weights/... are given", where=where, remedy="give dense or sparse weights")
    if sparse and len(sparse) < 3:
        raise InputError(
            f"sparse weights need weights/data, weights/indices and weights/indptr; found {', '.join(sparse)}",
            where=where,
        )


def _known(key: str) -> bool:
    return key in _CLOSED or any(key.startswith(group) and len(key) > len(group) for group in OPEN_GROUPS)
