"""All sensitivity methods, one from outside among them."""

import dataclasses

import pytest
from check_method import check_method

from tfsv.bitwidth.methods import METHODS, NoSettings
from tfsv.bitwidth.sensitivity import Row
from tfsv.errors import InputError
from tfsv.settings import setting
from tfsv.tasks.task import sensitivity_methods

NAMES = ("architecture", "calibrated", "curvature", "kl", "loss", "norm", "perturbation", "random")


@dataclasses.dataclass(frozen=True)
class EvenSettings:
    height: float = setting(1.0, "Loss of one bit.")


class Even:
    """Made up: what is lost depends on the width alone."""

    name, help, record, uses = "even", "the same for all layers", EvenSettings, ()

    def __init__(self, height):
        self.settings = {"height": height}

    @classmethod
    def of(cls, subject, settings):
        return cls(settings.height)

    def row(self, layer, candidates):
        return Row({bits: self.settings["height"] / bits for bits in candidates}, "even")


def test_all_methods_are_there():
    assert set(sensitivity_methods()) == set(NAMES)
    assert METHODS["kl"].record is NoSettings
    with pytest.raises(InputError, match="method=guess: unknown; choose one of .*perturbation"):
        sensitivity_methods().named("guess")


@pytest.mark.parametrize("name", NAMES)
def test_a_method_tells_sensitivities(name, tmp_path):
    check_method(name, tmp_path)


def test_a_method_from_outside_is_one_entry(tmp_path):
    METHODS.add("even", Even)
    try:
        check_method("even", tmp_path)
    finally:
        METHODS.remove("even")
