"""How fast separators are, hop by hop and on whole recordings, beside float and TFLite's own int8.

    python benchmarks/separation_speed.py --sizes=half,paper

Weights are random, since speed does not depend on what they are. Candidates run in turns with one
thread. "Hop by hop" is a stream of 16 ms a call with its past as explicit inputs and outputs,
everything in Python included; "at once" is the same file with a minute in one call. Both are parts
of real time. TFLite's own int8 is its post-training quantization of weights ("dynamic range").
"""

from tfsv.commands.running import Command  # isort: skip  (sets TensorFlow's log level, too)

import collections
import dataclasses
from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras as keras
from absl import flags
from interleave import interleaved

from tfsv.audio import SAMPLE_RATE
from tfsv.card import ModelCard
from tfsv.conversion.convert import convert
from tfsv.conversion.ends import Ends, traced
from tfsv.files import write_json
from tfsv.packed.expand import expand, is_packed
from tfsv.quantization.coded import CodedWeights
from tfsv.quantization.network import quantize, refresh_codebooks, strip
from tfsv.runtime.delegation import operators_left
from tfsv.runtime.session import InterpreterSession
from tfsv.separation.frames import HOP
from tfsv.separation.ports import AFTER, ANGLE, BEFORE, MIXTURE
from tfsv.separation.separator_settings import SIZES
from tfsv.tasks.task import TASKS
from tfsv.text_tables import aligned

_MINUTE = 60 * SAMPLE_RATE // HOP  # hops


def main(values: Any, arguments: list[str]) -> None:
    """Times the sizes that the flags name."""
    rows = [row for size in values.sizes for row in _rows(size, values.norm, values.rounds)]
    print(aligned([list(rows[0]), *(list(map(_text, row.values())) for row in rows)]))
    if values.output:
        write_json(values.output, rows)


def _rows(size: str, norm: str, rounds: int) -> Iterator[dict[str, Any]]:
    settings = dataclasses.replace(SIZES[size], causal=True, norm=norm)
    task = TASKS["separation"]
    card = task.new_card(settings)
    network = task.build(card)
    quantized = quantize(network, dict.fromkeys(task.coded_layers(network), 4))
    refresh_codebooks(quantized)
    network, coded = strip(quantized)
    ends = task.ends(card)
    files = _files(network, coded, card, ends)
    sessions = {
        name: InterpreterSession(expand(x) if is_packed(x) else x, num_threads=1)
        for name, x in files.items()
    }
    streams = {name: _Stream(session) for name, session in sessions.items()}
    hops = interleaved({name: stream.second for name, stream in streams.items()}, rounds)
    minutes = interleaved({name: stream.minute for name, stream in streams.items()}, 3)
    plain = hops["tfsv int8"]
    for name, content in files.items():
        left = collections.Counter(operators_left(sessions[name].interpreter))
        yield {
            "size": size,
            "file": name,
            "kB": len(content) / 1000,
            "hop by hop": hops[name].best,
            "÷ plain int8": hops[name].median_ratio(plain),
            "at once": minutes[name].best / 60,
            "left to plain kernels": sum(left.values()),
        }


def _files(
    network: keras.Model, coded: dict[str, CodedWeights], card: ModelCard, ends: Ends
) -> dict[str, bytes]:
    forms = {
        "tfsv float": ({}, "float32", "float32"),
        "tfsv int8": ({}, "int8", "int8_weights"),
        "packed, 4 bits, float": (coded, "packed", "float32"),
        "packed, 4 bits, int8": (coded, "packed", "int8_weights"),
    }
    files = {
        name: convert(network, codes, card, ends, weights, compute).content()
        for name, (codes, weights, compute) in forms.items()
    }
    for name, quantizing in (("TFLite float", False), ("TFLite int8", True)):
        files[name] = _plain(network, ends, quantizing)
    return files


def _plain(network: keras.Model, ends: Ends, quantizing: bool) -> bytes:
    """The same graph by TFLite's converter alone."""
    network = ends.in_file(network)
    module = tf.Module()
    module.graph, module.weights = traced(network, ends), network.weights
    converter = tf.lite.TFLiteConverter.from_concrete_functions(
        [module.graph.get_concrete_function()], module
    )
    if quantizing:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    return converter.convert()


class _Stream:
    """A session that hears noise, a hop or a minute in each call."""

    def __init__(self, session: InterpreterSession):
        self._session = session
        self._pasts = {
            port.name: np.zeros(port.shape, np.float32)
            for port in session.inputs
            if port.name.startswith(BEFORE)
        }
        (self._microphones,) = (p.shape[1] for p in session.inputs if p.name == MIXTURE)

    def second(self) -> None:
        self._run(1, SAMPLE_RATE // HOP)

    def minute(self) -> None:
        self._run(_MINUTE, 1)

    def _run(self, hops: int, calls: int) -> None:
        random, past = np.random.default_rng(0), self._pasts
        shape = (1, self._microphones, hops * HOP)
        heard = 0.05 * random.standard_normal(shape, np.float32)
        angle = np.array([60.0], np.float32)
        for _ in range(calls):
            self._session.run({MIXTURE: heard, ANGLE: angle, **past})
            given = self._session.results()
            past = {name: given[AFTER + name.removeprefix(BEFORE)] for name in past}


def _text(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _define(values: flags.FlagValues) -> None:
    flags.DEFINE_list("sizes", ["half"], f"Sizes, of {', '.join(SIZES)}.", flag_values=values)
    flags.DEFINE_string("norm", "batch", "Normalisation.", flag_values=values)
    flags.DEFINE_integer("rounds", 5, "Rounds of a second hop by hop.", 1, flag_values=values)
    flags.DEFINE_string("output", None, "JSON to write. Default: none.", flag_values=values)


if __name__ == "__main__":
    Command("benchmarks/separation_speed.py", __doc__, _define, main, program="python").run()
