"""Every kernel text compiled by NVRTC, which needs no GPU: for every architecture, and within the registers that it may
use. `pytest -rP` shows what the kernels take."""

from __future__ import annotations

import re
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from importlib.resources import files

import pytest
from tests.helpers import nvrtc
from tests.helpers.cubin import Needs, needs_of
from tests.helpers.every_model import every_model
from tests.helpers.region_cases import variant_of

from dtbsim.backends.cuda.choose import OLDEST
from dtbsim.backends.cuda.compiler import COMPILE_OPTIONS, CompileError
from dtbsim.backends.cuda.compiler import compiled as loadable
from dtbsim.backends.cuda.device import Limits
from dtbsim.backends.cuda.persistent import BLOCK_THREADS
from dtbsim.backends.cuda.region_engine import regions_text
from dtbsim.backends.cuda.source import whole_text
from dtbsim.kernels import build_layout
from dtbsim.kernels.rule_cuda import rules_text
from dtbsim.kernels.update_cuda import updates_text
from dtbsim.kernels.update_kernel import get_update_kernel
from dtbsim.models import NeuronModel, example_model
from dtbsim.models.synapses import SYNAPSE_MODELS

pytestmark = pytest.mark.skipif(
    nvrtc.library() is None, reason=f"the wheel {nvrtc.PACKAGE} is not installed: pip install 'dtbsim[cuda-check]'"
)

SOME_REGIONS = ["hopf", "deco_2014", "jansen_rit"]
"""Differences, exp and a quotient, a sigmoid; each model on its own is compiled by `test_region_kernels`."""
WITH_MACROS = ["step.cu DTB_PROCEDURAL", "step.cu DTB_DYNAMIC", "step.cu DTB_DYNAMIC DTB_PROCEDURAL"]
"""Texts that are other ones when these macros are defined."""
FILES = sorted(file.name for file in files("dtbsim.kernels").iterdir() if file.name.endswith(".cu")) + WITH_MACROS
MACROS = {"persistent.cu": {"DTB_THREADS": BLOCK_THREADS}, "build.cu": build_layout.macros()}
THREADS_OF = {"dtb_persistent": BLOCK_THREADS}
REGISTERS = 65_536
"""Of a multiprocessor."""
TREES = {"dtb_part_counts": 160, "dtb_procedural": 160, "dtb_procedural_remote": 160, "dtb_connect_sources": 320}
SPILLED = {"dtb_persistent": 256, **TREES}
"""Bytes of local memory (spilled registers, arrays) that a kernel may use, where it is more than none."""
SUMS = re.compile(r"\.entry dtb_region_sums\(.*?^}", re.DOTALL | re.MULTILINE)
"""The one kernel that may fuse: sums of couplings between mean-field regions."""
RULES = rules_text([kind.model for kind in SYNAPSE_MODELS.usable().values()])
MAIN = (70, 75, 80, 86, 89, 90, 100, 120)
TWO = (70, 90)


def text_of(file: str, models: Iterable[NeuronModel]) -> str:
    variants = [get_update_kernel(model, use_stim=model.uses_current).variant for model in models]
    name, *macros = file.split()
    if name == "regions.cu":
        return regions_text([variant_of(region) for region in (SOME_REGIONS if len(variants) > 1 else ["hopf"])])
    return whole_text(
        name,
        {"updates.cuh": updates_text(variants), "rules.cuh": RULES},
        MACROS.get(name, {}) | dict.fromkeys(macros, 1),
    )


@cache
def compiled(file: str, everything: bool, architecture: int) -> nvrtc.Compiled:
    models = every_model().values() if everything else [example_model("iaf_psc_exp")]
    return nvrtc.compiled(text_of(file, models), architecture)


def all_compiled(file: str, everything: bool, architectures: Iterable[int]) -> dict[int, nvrtc.Compiled]:
    chosen = list(architectures)
    with ThreadPoolExecutor(2) as pool:
        return dict(zip(chosen, pool.map(lambda a: compiled(file, everything, a), chosen), strict=True))


@pytest.mark.nightly
@pytest.mark.parametrize("file", FILES)
def test_every_text_compiles_for_every_architecture(file: str) -> None:
    supported = [architecture for architecture in nvrtc.architectures() if architecture >= OLDEST]
    assert set(MAIN) <= set(supported)
    for architecture, found in all_compiled(file, False, supported).items():
        assert found.works, f"sm_{architecture}: {found.log}"
        assert "error" not in found.log
        assert needs_of(found.cubin), "it has kernels"


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("everything", [False, True])
def test_kernels_keep_within_their_registers(file: str, everything: bool) -> None:
    for architecture, found in all_compiled(file, everything, TWO).items():
        assert found.works, found.log
        for name, needs in needs_of(found.cubin).items():
            print(f"sm_{architecture} {file} {'all models' if everything else 'one model'} {name}: {shown(needs)}")
            threads = THREADS_OF.get(name, Limits.threads)
            assert needs.registers * threads <= REGISTERS, f"{threads} threads of {name} do not start"
            if name not in THREADS_OF and file != "regions.cu":  # regions do not fill a GPU
                assert needs.registers <= REGISTERS // (2 * threads), "two blocks run side by side"
            assert needs.local_bytes <= SPILLED.get(name, 0), f"{name} spills {needs.local_bytes} bytes"
            assert needs.shared_bytes <= 1024, "all shared memory is dynamic, but for what the system reserves"


def shown(needs: Needs) -> str:
    return f"{needs.registers} registers, {needs.local_bytes} bytes of local memory"


@pytest.mark.parametrize("file", FILES)
def test_floats_of_32_bits_are_neither_fused_nor_approximate(file: str) -> None:
    for found in all_compiled(file, True, TWO).values():
        assert inexact(SUMS.sub("", found.ptx)) == []
        assert set(inexact("".join(SUMS.findall(found.ptx)))) == ({"fma.rn.f32"} if file == "regions.cu" else set())
        assert ".extern .func" not in found.ptx
        assert "atom.global.add.f" not in found.ptx.replace("red.", "atom."), "sums of floats depend on their order"


def inexact(ptx: str) -> list[str]:
    """Instructions on float32 that change bits or leave the rounding open."""
    instructions = re.findall(r"^\s+(?:@!?%\w+ )?([a-z][\w.]*)", ptx, re.MULTILINE)
    bad = re.compile(r"fma\S*\.f32|mad\S*\.f32|\S*\.(approx|ftz|full)\b|(add|sub|mul|div|sqrt|rcp)\.f32")
    return [found for found in instructions if bad.match(found)]


def test_blocks_of_the_persistent_plan_fence_once_to_tell_and_once_to_hear() -> None:
    """Barrier, fence of one thread, word; and word, fence, barrier. Nothing else fences."""
    for architecture in TWO:
        ptx = compiled("persistent.cu", False, architecture).ptx
        body = re.search(r"\.entry dtb_persistent\(.*?^}", ptx, re.DOTALL | re.MULTILINE)
        assert body is not None
        order = "".join(SHARING[found] for found in re.findall("|".join(SHARING), body[0]))
        assert order.count("F") == 2, order
        assert re.search("BFS", order), f"{order}: the fence is between barrier and word"
        assert re.search("LL?FB", order), f"{order}: the fence is between word and barrier"


SHARING = {"bar.sync": "B", "membar.gl": "F", "st.volatile.u64": "S", "ld.volatile.u64": "L"}
"""Instructions by which blocks and their threads meet."""


def test_chunks_of_a_row_are_requested_before_the_first_vote() -> None:
    """Whether the row ends: one latency of far memory, not one for each chunk."""
    for architecture in TWO:
        ptx = compiled("persistent.cu", False, architecture).ptx
        body = re.search(r"\.entry dtb_persistent\(.*?^}", ptx, re.DOTALL | re.MULTILINE)
        assert body is not None
        before = body[0][: body[0].index("vote.sync.any")]
        requested = re.findall(r"\b(ld\.(?:u32|u8)|atom\S*)", before[before.rindex("atom.") :])
        assert requested[1:] == ["ld.u32", "ld.u8"] * 4, requested


ADDING = {"step.cu": "dtb_input", "step.cu DTB_DYNAMIC": "dtb_input", "procedural.cu": "dtb_procedural"}
"""Kernels that add to the input of neurons."""


@pytest.mark.parametrize("file", ADDING)
def test_input_is_added_by_reductions_in_global_memory(file: str) -> None:
    """Not by atomics that first ask which memory an address is in, and then give an answer that nobody wants."""
    for architecture in TWO:
        ptx = compiled(file, False, architecture).ptx
        body = re.search(rf"\.entry {ADDING[file]}\(.*?^}}", ptx, re.DOTALL | re.MULTILINE)
        assert body is not None
        found = re.findall(r"(?:atom|red)\.[\w.]*add\.[us]32", body[0])
        assert found
        assert {one for one in found if not one.startswith("atom.shared")} == {"red.global.add.u32"}


def test_runs_load_what_these_tests_look_at() -> None:
    """The path of a run through NVRTC gives the machine code of the tests, and PTX with explicit rounding."""
    text = text_of("count.cu", [])
    assert loadable(nvrtc.Bindings(), text, "sm_90") == nvrtc.compiled(text, 90).cubin
    ptx = loadable(nvrtc.Bindings(), text_of("step.cu", [example_model("iaf_psc_exp")]), "compute_90").decode()
    assert "mul.rn.f32" in ptx
    assert inexact(ptx) == []
    with pytest.raises(CompileError, match=r"dtbsim\.cu\(1\): error"):
        loadable(nvrtc.Bindings(), "nonsense", "sm_90")


def test_what_these_tests_look_for_is_noticed() -> None:
    text = text_of("step.cu", [example_model("iaf_psc_exp")])
    fused = nvrtc.compiled(text, 80, "--std=c++17", "--fmad=true")
    assert "fma.rn.f32" in inexact(fused.ptx)
    flushed = nvrtc.compiled(text, 80, *COMPILE_OPTIONS, "-ftz=true")
    assert "mul.rn.ftz.f32" in inexact(flushed.ptx), "the last option counts"
    few = nvrtc.compiled(text, 80, *COMPILE_OPTIONS, "--maxrregcount=24")
    needs = needs_of(few.cubin)
    assert max(need.registers for need in needs.values()) <= 24
    assert max(need.local_bytes for need in needs.values()) > 0, "the rest is spilled"
    body = "__shared__ int s[1000]; s[threadIdx.x] = *x; __syncthreads(); *x = s[9];"
    source = f'extern "C" __global__ void k(int *x) {{ {body} }}'
    assert needs_of(nvrtc.compiled(source, 80).cubin)["k"].shared_bytes == 4000
