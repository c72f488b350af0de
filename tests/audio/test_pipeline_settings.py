"""The settings of the pipeline, which commands read before TensorFlow is loaded."""

import dataclasses

import pytest
from light_import import check_light_import

import tfsv.audio
from tfsv.audio.pipeline_settings import PipelineSettings


@pytest.mark.parametrize("module", ["tfsv.audio", "tfsv.audio.pipeline_settings"])
def test_import_is_light(module):
    check_light_import(module)


@pytest.mark.parametrize("name", tfsv.audio.__all__)
def test_every_public_name_is_there(name):
    assert getattr(tfsv.audio, name) is not None


def test_other_names_are_not():
    with pytest.raises(AttributeError, match="no attribute 'video'"):
        _ = tfsv.audio.video


def test_every_setting_says_what_it_is():
    for field in dataclasses.fields(PipelineSettings):
        assert field.metadata["help"].endswith(".")
        assert f"        {field.name}: " in PipelineSettings.__doc__
