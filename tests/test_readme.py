"""The README's first example runs as it is written."""

import pathlib
import re

import numpy as np

import tfsv

ROOT = pathlib.Path(__file__).resolve().parents[1]


def test_the_first_example_quantizes_a_network_of_the_readers_own(tmp_path, monkeypatch):
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    example = re.search(r"```python\n(.*?)```", text, re.DOTALL).group(1)
    monkeypatch.chdir(tmp_path)
    names = {}
    exec(compile(example, "README.md", "exec"), names)
    lines = [line for line in example.splitlines() if line and not line.startswith("import")]
    assert len(lines) <= 12
    assert {weights.bits for weights in tfsv.coded_weights(names["quantized"]).values()} == {4}
    (output,) = names["outputs"].values()
    assert output.shape == (1, 10) and np.isfinite(output).all()
    weights = names["network"].count_params()
    assert (tmp_path / "network.tflite").stat().st_size < weights  # float: four times that


def test_what_the_package_offers_is_there():
    for name in tfsv.__all__:
        assert getattr(tfsv, name) is not None, name
        assert name in dir(tfsv)
