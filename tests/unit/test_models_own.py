"""A user's own model: found, imported, and refused with file and line."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from tests.helpers.own_model import CONFIG, LEAKY

import dtbsim
from dtbsim.config import load_config_text
from dtbsim.errors import InputError
from dtbsim.models import get_model
from dtbsim.models.own import PREFIX, find_model
from dtbsim.models.own_check import WEIGHT_UNITS
from dtbsim.models.own_save import fingerprint
from dtbsim.spec import compile_network
from dtbsim.spec.channels import WEIGHT_KEYS


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "my_models.py").write_text(LEAKY)
    (tmp_path / "net.yaml").write_text(CONFIG)
    return tmp_path


def refused(folder: Path, old: str, new: str, count: int = 1) -> InputError:
    """The error of the model whose text is changed so."""
    assert LEAKY.count(old) >= count
    (folder / "bad.py").write_text(LEAKY.replace(old, new))
    with pytest.raises(InputError) as caught:
        find_model("bad.py:Leaky", base_dir=folder)
    assert "\n" not in str(caught.value)
    return caught.value


# -- found and imported --------------------------------------------------------------------------------------------


def test_a_reference_is_relative_to_the_given_folder_or_absolute(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = find_model("my_models.py:Leaky", base_dir=folder)
    assert (model.name, type(model).__name__) == ("leaky", "Leaky")
    assert find_model(f"{folder}/my_models.py:Leaky") is model
    monkeypatch.chdir(folder)
    assert find_model("my_models.py:Leaky") is model
    assert "my_models" not in sys.modules
    assert type(model).__module__.startswith(PREFIX)
    assert not (folder / "__pycache__").exists()


def test_a_changed_file_is_another_model(folder: Path) -> None:
    first = find_model("my_models.py:Leaky", base_dir=folder)
    (folder / "my_models.py").write_text(LEAKY.replace("15.0", "16.0"))
    second = find_model("my_models.py:Leaky", base_dir=folder)
    assert fingerprint(first) != fingerprint(second)
    assert "0x1.e000000000000p+3f" in fingerprint(first)
    assert "0x1.0000000000000p+4f" in fingerprint(second)


def test_names_still_mean_models_of_dtbsim() -> None:
    assert find_model("izhikevich") is get_model("izhikevich")
    assert find_model(type(get_model("izhikevich"))).name == "izhikevich"
    assert find_model(get_model("izhikevich")) is get_model("izhikevich")


def test_a_constructor_may_take_the_ports(folder: Path) -> None:
    text = LEAKY + "\n    def __init__(self, receptors):\n        self.summary = ' '.join(receptors)\n"
    (folder / "ports.py").write_text(text)
    model = find_model("ports.py:Leaky", {"a": 1.0, "b": 2.0}, folder)
    assert model.summary == "a b"
    assert find_model("ports.py:Leaky", {"a": 1.0, "b": 2.0}, folder) is model
    with pytest.raises(InputError, match=r"^ports.py:6: model 'Leaky' cannot be made without receptors"):
        find_model("ports.py:Leaky", None, folder)
    with pytest.raises(InputError, match="model 'Leaky' has fixed receptor ports"):
        find_model("my_models.py:Leaky", {"a": 1.0}, folder)


def test_an_inherited_simplify_is_not_used(tmp_path: Path) -> None:
    """The simpler form of `iaf_psc_exp` would undo what the class changes."""
    (tmp_path / "m.py").write_text(
        "from dtbsim.models.neurons.iaf_psc_exp import IafPscExp\n"
        "class Mine(IafPscExp):\n    name = 'mine'\n    def derive(self, p, dt_ms):\n"
        "        return super().derive(p, dt_ms) | {'theta_mV': 3.0}\n"
    )
    config = load_config_text(
        "simulation: {duration_ms: 1}\npopulations: {E: {model: m.py:Mine, size: 1}, F: {model: iaf_psc_exp, size: 1}}"
    )
    own, built_in = compile_network(config, tmp_path).families
    assert type(own.model).__name__ == "Mine"
    assert type(built_in.model).__name__ == "IafPscExpSharedCurrent"


def test_the_model_of_the_documentation(tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "own_models.md").read_text(encoding="utf-8")
    (tmp_path / "my_models.py").write_text(page.split("```python\n")[1].split("```")[0])
    (tmp_path / "net.yaml").write_text("simulation: {duration_ms: 10}\n" + page.split("```yaml\n")[1].split("```")[0])
    assert dtbsim.validate(tmp_path / "net.yaml").families[0].model.name == "leaky"


# -- refused -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reference", "said"),
    [
        ("my_models.py:Leeky", "my_models.py: there is no 'Leeky' in this file (did you mean 'Leaky'? allowed: Leaky)"),
        ("my_models.py", "'my_models.py' names no class of a Python file (write FILE.py:CLASS, as in my_models.py:"),
        ("my_models:Leaky", "'my_models:Leaky' names no class of a Python file"),
        ("other.py:Leaky", "other.py (paths are relative to the configuration file, "),
        ("my_models.py:np", "my_models.py: 'np' is no neuron model (derive it from dtbsim.models.NeuronModel"),
    ],
)
def test_what_is_not_there(folder: Path, reference: str, said: str) -> None:
    with pytest.raises(InputError) as caught:
        find_model(reference, base_dir=folder)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "where", "said", "remedy"),
    [
        ("import numpy", "import nowhere_at_all\nimport numpy", 2, "be imported: ModuleNotFoundError", "same file"),
        ('"""Models."""', "1 / 0", 1, "cannot be imported: ZeroDivisionError: division by zero", ""),
        ('"""Models."""', "raise SystemExit(3)", 1, "cannot be imported: SystemExit: 3", "__name__"),
        ("v = decay", "if v_mV > 0", 19, "not valid Python: expected ':'", ""),
        ("(NeuronModel)", "", 6, "'Leaky' is no neuron model", "class Leaky(NeuronModel)"),
        ('name = "leaky"', "", 6, "the model has no name", "in the class"),
        ('name = "leaky"', 'name = "a b"', 6, "'a b' cannot be the name of a model", "begin with a letter"),
        ('name = "leaky"', 'name = "x"; is_source = True', 6, "cannot be a source", "spike_source"),
        ('(State("v_mV", "mV", "membrane potential"),)', "()", 18, "argument 'v_mV' is no state", "allowed: "),
        ('potential"),)', 'potential"))', 6, "`states` of model 'leaky' is no tuple of State", "comma"),
        ('"v_mV", "mV"', '"v mV", "mV"', 6, "'v mV' cannot be the name of a state", ""),
        ('"membrane potential"', '"potential", dtype="f64"', 6, "'v_mV' has the dtype 'f64'; allowed: 'f32'", ""),
        ('"membrane potential"', '"potential", default=None', 6, "state 'v_mV' starts at None", ""),
        ("10.0", "0", 6, "the default of tau_m_ms is 0; allowed: (0, inf)", ""),
        ("10.0", '"10"', 6, "the default of tau_m_ms is '10'; allowed: (0, inf)", ""),
        ("channel=0", "channel='0'", 6, "the channel of receptor 'syn' is '0'", ""),
        ("channel=0", "channel=1", 17, "feeds channel 1, but the model has 1", ""),
        ('"syn", "mV"', '"syn", "uS"', 6, "weights of receptor 'syn' are in 'uS'", "weight_nS"),
        ("    @static", "    functions = abs\n\n    @static", 6, "`functions` of model 'leaky' is no tuple", "comma"),
        ("membrane potential\"),", 'x"), State("double", "1", "x"),', 6, "the name 'double' cannot be used", "C++"),
        ("def update", "def step", 6, "model 'leaky' has no update function", "def update"),
        ("    @staticmethod\n    def update(", "    def update(self, ", 6, "model as its first argument", "@static"),
        ("decay * v_mV", "decay ** v_mV", 19, "the power operator ** is not allowed", "x * x"),
        ("decay * v_mV", "np.cos(v_mV)", 19, "only the functions of the subset can be called", "bare name"),
        ("v, spiked", "v, v", 17, "it must say whether the neuron spiked", ""),
        ('{"decay":', '{"decai":', 6, "derive of model 'leaky' does not return 'decay'", ""),
        ("np.exp(-dt_ms", "math.exp(-dt_ms", 15, "NameError: name 'math' is not defined", ""),
        ("np.exp(-dt_ms", "__import__('math').exp(-dt_ms", 6, "cannot be derived for parameters that differ", "numpy"),
        ("np.exp(-dt_ms", "np.zeros((3, 1)) + np.exp(-dt_ms", 6, "'decay' has the shape (3, 2)", ""),
    ],
)  # fmt: skip
def test_a_model_that_does_not_fit_is_refused_with_its_line(
    folder: Path, old: str, new: str, where: int, said: str, remedy: str
) -> None:
    error = refused(folder, old, new)
    assert said in error.message
    assert error.where == f"bad.py:{where}"
    assert remedy in (error.remedy or "")


def test_what_lies_beside_the_file_cannot_be_imported(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Python may find it, as when the current folder is on its path; the run folder would not hold it."""
    (folder / "beside_it.py").write_text("threshold = 15.0\n")
    monkeypatch.syspath_prepend(folder)
    error = refused(folder, "import numpy as np", "import numpy as np\nfrom beside_it import threshold")
    assert error.where == "bad.py:3"
    assert error.message == "the file imports 'beside_it', which lies beside it and is not kept with a run"
    assert error.remedy == "put what the model needs into the same file"


def test_an_error_in_the_configuration_names_both_places(folder: Path) -> None:
    (folder / "my_models.py").write_text(LEAKY.replace("decay * v_mV", "decay % v_mV"))
    with pytest.raises(InputError) as caught:
        dtbsim.validate(folder / "net.yaml")
    assert caught.value.where == f"{folder}/net.yaml:5: populations.E.model: my_models.py:19"
    assert str(caught.value).endswith("the operator % is not allowed in an update function (compare and subtract)")


def test_a_fault_of_the_check_is_told_with_its_line(folder: Path) -> None:
    check = '\n    def check_together(self, p, dt_ms):\n        if p["tau_m_ms"] > 12:\n            p["tau_x"]\n'
    (folder / "my_models.py").write_text(LEAKY + check)
    dtbsim.validate(folder / "net.yaml")
    with pytest.raises(InputError, match=r"parameters: my_models.py:25: the parameters cannot be checked: KeyError"):
        dtbsim.validate(folder / "net.yaml", set=["populations.E.parameters={tau_m_ms: 13}"])
    spread = "populations.E.parameters={tau_m_ms: {distribution: uniform, low: 10, high: 11}}"
    with pytest.raises(
        InputError, match=r"my_models.py:24: parameters that differ between neurons .* \(they are arrays\)"
    ):
        dtbsim.run(folder / "net.yaml", set=[spread], out=folder / "run")
    assert not (folder / "run").exists()


def test_units_of_weights_are_those_of_the_configuration() -> None:
    assert set(WEIGHT_UNITS) == set(WEIGHT_KEYS)
