"""Which region models exist, by name."""

from __future__ import annotations

from functools import cache

from dtbsim.arguments import text
from dtbsim.models.region_model import RegionModel
from dtbsim.registry import Later, Registry

BUILT_IN: dict[str, type[RegionModel] | Later] = {
    "aln": Later("dtbsim.models.regions.aln:Aln"),
    "coombes_byrne": Later("dtbsim.models.regions.coombes_byrne:CoombesByrne"),
    "coombes_byrne_2d": Later("dtbsim.models.regions.coombes_byrne:CoombesByrne2d"),
    "deco_2013": Later("dtbsim.models.regions.deco_2013:Deco2013"),
    "deco_2014": Later("dtbsim.models.regions.deco_2014:Deco2014"),
    "di_volo_2019": Later("dtbsim.models.regions.di_volo_2019:DiVolo2019"),
    "di_volo_2019_second_order": Later("dtbsim.models.regions.di_volo_2019_second_order:DiVolo2019SecondOrder"),
    "epileptor": Later("dtbsim.models.regions.epileptor:Epileptor"),
    "epileptor_2d": Later("dtbsim.models.regions.epileptor_2d:Epileptor2d"),
    "fitzhugh_nagumo": Later("dtbsim.models.regions.fitzhugh_nagumo:FitzHughNagumo"),
    "generic_2d_oscillator": Later("dtbsim.models.regions.generic_2d_oscillator:Generic2dOscillator"),
    "hopf": Later("dtbsim.models.regions.hopf:Hopf"),
    "jansen_rit": Later("dtbsim.models.regions.jansen_rit:JansenRit"),
    "kuramoto": Later("dtbsim.models.regions.kuramoto:Kuramoto"),
    "larter_breakspear": Later("dtbsim.models.regions.larter_breakspear:LarterBreakspear"),
    "linear": Later("dtbsim.models.regions.linear:Linear"),
    "montbrio_pazo_roxin": Later("dtbsim.models.regions.montbrio_pazo_roxin:MontbrioPazoRoxin"),
    "wilson_cowan": Later("dtbsim.models.regions.wilson_cowan:WilsonCowan"),
    "wilson_cowan_1972": Later("dtbsim.models.regions.wilson_cowan_1972:WilsonCowan1972"),
    "zetterberg_jansen": Later("dtbsim.models.regions.zetterberg_jansen:ZetterbergJansen"),
}
"""Imported when they are asked for: most networks have none of them."""


def _checked(name: str, value: object) -> type[RegionModel]:
    if not (isinstance(value, type) and issubclass(value, RegionModel)):
        raise TypeError("a region model is a subclass of dtbsim.models.RegionModel")
    if value.name != name:
        raise TypeError(f"the class calls itself '{value.name}'; the entry point and its `name` must be the same")
    return value


REGION_MODELS: Registry[type[RegionModel]] = Registry("dtbsim.region_models", "region model", BUILT_IN, _checked)


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
