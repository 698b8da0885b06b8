"""The CUDA text of every model compiled by NVRTC for the supported architectures; no GPU is needed."""

from __future__ import annotations

import re

import pytest
from tests.helpers import c_kernel, nvrtc
from tests.helpers.elementary_model import Everything
from tests.helpers.every_model import every_model

from dtbsim.kernels.update_kernel import get_update_kernel
from dtbsim.models.language.emit_c import update_text

ARCHITECTURES = (70, 75, 80, 86, 89, 90, 100, 120)
MODELS = every_model() | {"every construct": Everything()}

pytestmark = pytest.mark.skipif(
    nvrtc.library() is None, reason=f"the wheel {nvrtc.PACKAGE} is not installed: pip install 'dtbsim[cuda-check]'"
)


def text_of(name: str) -> str:
    model = MODELS[name]
    kernel = get_update_kernel(model, use_stim=model.uses_current)
    return c_kernel.shim(kernel, update_text(model), "cuda")


def test_the_version_covers_all_architectures() -> None:
    assert nvrtc.version()[0] == 12, "13 does not compile for sm_70 any more"
    assert set(ARCHITECTURES) <= set(nvrtc.architectures())


@pytest.mark.parametrize("name", MODELS)
def test_a_model_compiles_without_contraction_and_without_libdevice(name: str) -> None:
    text = text_of(name)
    for architecture in ARCHITECTURES:
        found = nvrtc.compiled(text, architecture)
        assert found.works, found.log
        assert found.cubin_bytes > 0
        assert f".target sm_{architecture}" in found.ptx
        assert unwanted(found.ptx) == []


def unwanted(ptx: str) -> list[str]:
    """Return instructions that change bits: fused, approximate or flushing ones, unrounded ones that may be fused
    later, arithmetic of another width, and calls."""
    instructions = re.findall(r"^\s+(?:@!?%\w+ )?([a-z][\w.]*)", ptx, re.MULTILINE)
    bad = re.compile(r"fma|mad\.|.*\.(approx|ftz|full|rz|rm|rp)\b|(add|sub|mul|div|sqrt|rcp)\.f32|call|.*\.f64|.*\.f16")
    names = re.findall(r"__nv_\w+|\.extern \.func", ptx)
    return [found for found in instructions if bad.match(found) and not found.startswith("mad.lo.s")] + names


@pytest.mark.parametrize(
    ("old", "new", "options", "found"),
    [
        ("", "", ("--fmad=true",), "fma.rn.f32"),
        ("", "", ("--fmad=false", "--ftz=true"), "mul.rn.ftz.f32"),
        ("", "", ("--fmad=false", "--prec-div=false"), "div.full.f32"),
        ("__fsqrt_rn(x)", "sinf(x)", (), "fma.rn.f32"),
        ("__fsqrt_rn(x)", "__fsqrt_rd(x) + __sinf(x)", (), "sin.approx.f32"),
        ("__fsqrt_rn(x)", "(float)sqrt((double)x)", (), "sqrt.rn.f64"),
        ("__forceinline__", "__noinline__", (), "call.uni"),
    ],
)
def test_what_changes_bits_is_noticed(old: str, new: str, options: tuple[str, ...], found: str) -> None:
    text = text_of("every construct")
    assert old in text
    compiled = nvrtc.compiled(text.replace(old, new) if old else text, 80, *options)
    assert compiled.works, compiled.log
    assert found in unwanted(compiled.ptx)


def test_the_compiler_speaks_where_it_refuses() -> None:
    compiled = nvrtc.compiled("nonsense", 80)
    assert not compiled.works
    assert "model.cu(1): error" in compiled.log
