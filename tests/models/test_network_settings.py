"""The settings of a network, which commands read before TensorFlow is loaded."""

import dataclasses

import pytest
from light_import import check_light_import

import tfsv.models
from tfsv.models import NetworkSettings


@pytest.mark.parametrize("module", ["tfsv.models", "tfsv.models.registry", "tfsv.models.settings"])
def test_import_is_light(module):
    check_light_import(module)


@pytest.mark.parametrize("name", tfsv.models.__all__)
def test_every_public_name_is_there(name):
    assert getattr(tfsv.models, name) is not None


def test_other_names_are_not():
    with pytest.raises(AttributeError, match="no attribute 'resnet200'"):
        _ = tfsv.models.resnet200


def test_every_setting_says_what_it_is():
    for field in dataclasses.fields(NetworkSettings):
        assert field.default is not dataclasses.MISSING
        assert field.metadata["help"].endswith(".")
        assert f"        {field.name}: " in NetworkSettings.__doc__
