"""The settings of a network, which commands read before TensorFlow is loaded."""

import dataclasses

import pytest
from light_import import check_light_import

from tfsv.models import NetworkSettings


@pytest.mark.parametrize("module", ["tfsv.models", "tfsv.models.registry", "tfsv.models.settings"])
def test_import_is_light(module):
    check_light_import(module)


def test_every_setting_says_what_it_is():
    for field in dataclasses.fields(NetworkSettings):
        assert field.default is not dataclasses.MISSING
        assert field.metadata["help"].endswith(".")
        assert f"        {field.name}: " in NetworkSettings.__doc__
