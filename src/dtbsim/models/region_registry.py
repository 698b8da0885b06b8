"""Which region models exist, by name."""

from __future__ import annotations

from functools import cache

from dtbsim.arguments import text
from dtbsim.models.region_model import RegionModel
from dtbsim.models.regions.aln import Aln
from dtbsim.models.regions.coombes_byrne import CoombesByrne, CoombesByrne2d
from dtbsim.models.regions.deco_2013 import Deco2013
from dtbsim.models.regions.deco_2014 import Deco2014
from dtbsim.models.regions.di_volo_2019 import DiVolo2019
from dtbsim.models.regions.di_volo_2019_second_order import DiVolo2019SecondOrder
from dtbsim.models.regions.epileptor import Epileptor
from dtbsim.models.regions.epileptor_2d import Epileptor2d
from dtbsim.models.regions.fitzhugh_nagumo import FitzHughNagumo
from dtbsim.models.regions.generic_2d_oscillator import Generic2dOscillator
from dtbsim.models.regions.hopf import Hopf
from dtbsim.models.regions.jansen_rit import JansenRit
from dtbsim.models.regions.kuramoto import Kuramoto
from dtbsim.models.regions.larter_breakspear import LarterBreakspear
from dtbsim.models.regions.linear import Linear
from dtbsim.models.regions.montbrio_pazo_roxin import MontbrioPazoRoxin
from dtbsim.models.regions.wilson_cowan import WilsonCowan
from dtbsim.models.regions.wilson_cowan_1972 import WilsonCowan1972
from dtbsim.models.regions.zetterberg_jansen import ZetterbergJansen
from dtbsim.registry import Registry

BUILT_IN: tuple[type[RegionModel], ...] = (
    Aln,
    CoombesByrne,
    CoombesByrne2d,
    Deco2013,
    Deco2014,
    DiVolo2019,
    DiVolo2019SecondOrder,
    Epileptor,
    Epileptor2d,
    FitzHughNagumo,
    Generic2dOscillator,
    Hopf,
    JansenRit,
    Kuramoto,
    LarterBreakspear,
    Linear,
    MontbrioPazoRoxin,
    WilsonCowan,
    WilsonCowan1972,
    ZetterbergJansen,
)


def _checked(name: str, value: object) -> type[RegionModel]:
    if not (isinstance(value, type) and issubclass(value, RegionModel)):
        raise TypeError("a region model is a subclass of dtbsim.models.RegionModel")
    if value.name != name:
        raise TypeError(f"the class calls itself '{value.name}'; the entry point and its `name` must be the same")
    return value


REGION_MODELS: Registry[type[RegionModel]] = Registry(
    "dtbsim.region_models", "region model", {model.name: model for model in BUILT_IN}, _checked
)


def register_region_model(model: type[RegionModel]) -> None:
    """Make a model class known under its `name`; a name can be registered once."""
    REGION_MODELS.add(model.name, model)


def list_region_models() -> list[str]:
    """Return the names of all region models that can be used, sorted."""
    return sorted(REGION_MODELS.usable())


def get_region_model(name: str) -> RegionModel:
    """Return the region model `name`; the same object for the same name."""
    return _made(text(name, "name"))


@cache
def _made(name: str) -> RegionModel:
    return REGION_MODELS.find(name)()
