"""The fully int8 form: kernels and activations int8, from the first convolution to the pooling.

Kernels are those of the int8-weight form (`tfsv.conversion.int8`): a coded layer's values are its
centroids, rounded once and shared by the layer. No tool requantizes them. Activations are
asymmetric int8, one scale and zero point a tensor, from ranges seen on recordings
(`tfsv.conversion.activation_ranges`). Front end, pooling statistics, softmax and the embedding's
own activations stay float.

ai-edge-quantizer 0.10 could write the activations' part, but expects one exact LiteRT version. It
does not know EXPAND_DIMS and SQUEEZE, which would put two conversions around each 1-D convolution.
It also makes a SQRT of the pooling int8, which TensorFlow 2.16 refuses.
"""

from collections.abc import Iterable, Mapping

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from tfsv.conversion.folding import FoldedNetwork
from tfsv.conversion.int8 import Int8Kernel, coded_kernel, float_kernel, int8_kernel, write_int8
from tfsv.conversion.kernels import tflite_layout
from tfsv.packed import flatbuffer

_Op = schema.BuiltinOperator
_SAME_SCALE = {  # what they give has the scale of what they take, in the format's specification
    _Op.RESHAPE,
    _Op.EXPAND_DIMS,
    _Op.SQUEEZE,
    _Op.PAD,
    _Op.PADV2,
    _Op.MAX_POOL_2D,
    _Op.CONCATENATION,
    _Op.SPLIT,
    _Op.SLICE,
    _Op.STRIDED_SLICE,
    _Op.TRANSPOSE,
}
_FIXED_RANGE = {_Op.LOGISTIC: (0.0, 255 / 256), _Op.TANH: (-1.0, 127 / 128)}
_ANY_SCALE = {_Op.ADD, _Op.MUL, _Op.MEAN, _Op.RELU}
_VERSIONS = {  # the lowest that take int8; those that are missing here always did
    _Op.CONV_2D: 3,
    _Op.DEPTHWISE_CONV_2D: 3,
    _Op.FULLY_CONNECTED: 4,
    _Op.PAD: 2,
    _Op.PADV2: 2,
    _Op.MAX_POOL_2D: 2,
    _Op.CONCATENATION: 2,
    _Op.SPLIT: 2,
    _Op.SLICE: 2,
    _Op.STRIDED_SLICE: 2,
    _Op.TRANSPOSE: 2,
    _Op.LOGISTIC: 2,
    _Op.TANH: 2,
    _Op.ADD: 2,
    _Op.MUL: 2,
    _Op.MEAN: 2,
    _Op.RELU: 2,
    _Op.DEQUANTIZE: 2,
}
_MUL_OF_LARGE_SCALES = 3
_LARGEST_BIAS = 2**31 - 2**16  # int32, with room for float32's rounding of the scale

_Range = tuple[float, float]
_Parameters = tuple[np.float32, int]  # scale and zero point


def static_int8_kernel(folded: FoldedNetwork, name: str) -> Int8Kernel | None:
    """The int8 form of a layer's kernel; None for a layer of 16 bits, which stays float.

    Unlike `int8_kernel`, it gives depthwise ones too.

    A depthwise kernel's channels, each with its scale, are its last two axes flattened.

    Example:
        >>> int8 = static_int8_kernel(fold_batch_norm(network, coded), "stem")
        >>> int8.values.dtype
        dtype('int8')
    """
    if name not in folded.depthwise or name in folded.float16:
        return int8_kernel(folded, name)
    if name in folded.coded:
        return coded_kernel(folded.coded[name], folded.scales[name])
    kernel = folded.kernels[name]
    quantized = float_kernel(kernel.reshape(*kernel.shape[:-2], -1), per_channel=True)
    return Int8Kernel(quantized.values.reshape(kernel.shape), quantized.scales)


def write_static_int8(
    model: schema.ModelT,
    kernels: Mapping[str, int],
    folded: FoldedNetwork,
    ranges: Mapping[int, _Range],
) -> None:
    """Makes kernels and activations int8 wherever the format has int8 operators for them.

    All convolutions become int8 but those of 16 bits, and with them what lies between: additions,
    products, paddings, concatenations, gates. An operator without int8 form, or with an input that
    is float anyway, stays float. QUANTIZE and DEQUANTIZE stand where the two meet, one for each
    tensor at most. PRELU stays float: XNNPACK has none for int8, while it does have both
    conversions. Means stay float unless they lead to int8 layers only, as in squeeze and
    excitation, because the embedding is made of what pooling averages. Dense layers behind the last
    convolution get int8 weights, but float activations.

    Example:
        >>> ranges = activation_ranges(flatbuffer.serialise(model), inputs)
        >>> write_static_int8(model, kernels, folded, ranges)
        >>> make_outputs_float(model)

    Args:
        model: The float conversion of `folded.network`; changed in place. Outputs that are those
            of a convolution become int8; `make_outputs_float` makes them float again.
        kernels: Tensor of each layer's kernel, as `find_kernels` gives it.
        folded: The folded network that was converted.
        ranges: Lowest and highest value of each activation by tensor index of `model`, as
            `activation_ranges` gives them.
    """
    forms = {
        index: form
        for name, index in kernels.items()
        if (form := static_int8_kernel(folded, name)) is not None
    }
    forms |= _merge_norms(model, set(forms))
    graph = _Graph(model, set(forms))
    chosen = _choose(graph)
    parameters = _parameters(graph, chosen, ranges)
    written = set()
    for position in chosen:
        operator = graph.operators[position]
        if position in graph.layers:
            written.add(int(operator.inputs[1]))
            _write_layer(model, operator, forms[operator.inputs[1]], parameters)
        else:
            _write_constants(model, operator, parameters)
    for position in chosen:
        _require_version(model, graph.operators[position], parameters)
    _convert_activations(graph, chosen, parameters)
    write_int8(model, {n: i for n, i in kernels.items() if i not in written}, folded)


def _merge_norms(model: schema.ModelT, kernels: set[int]) -> dict[int, Int8Kernel]:
    """Makes one depthwise 1 × 1 convolution of each normalisation that follows a convolution.

    A normalisation is a product with and a sum with a constant vector, left where a ReLU kept
    folding out. A vector of gains shares one int8 scale, too coarse for the small ones among them.
    As a kernel each gain is exact, ±127 times a scale of its channel's own, and the map is rounded
    once instead of twice. With an untrained ECAPA-TDNN of 128 channels, the mean cosine to its
    float form rose from 0.952 to 0.967 by it. The worst one, over 16 recordings, rose from 0.875 to
    0.921.

    Returns:
        Kernels by the index of the tensor that will hold them.
    """
    graph, merged = model.subgraphs[0], {}
    convolved = {
        int(operator.outputs[0])
        for operator in graph.operators
        if len(operator.inputs) > 1 and operator.inputs[1] in kernels
    }
    for product in list(graph.operators):
        readers = flatbuffer.consumers(model, product.outputs[0])
        if (
            flatbuffer.builtin_code(model, product) != _Op.MUL
            or product.inputs[0] not in convolved
            or len(graph.tensors[product.inputs[0]].shape) != 4
            or product.builtinOptions.fusedActivationFunction
            or len(readers) != 1
            or flatbuffer.builtin_code(model, readers[0]) != _Op.ADD
            or not _has_vector(model, product)
            or not _has_vector(model, readers[0])
        ):
            continue
        addition = readers[0]
        _own(model, product, 1)
        _own(model, addition, 1)
        gain = flatbuffer.constant(model, graph.tensors[product.inputs[1]])
        merged[int(product.inputs[1])] = float_kernel(
            gain[np.newaxis, np.newaxis], per_channel=True
        )
        options = schema.DepthwiseConv2DOptionsT()
        options.padding = schema.Padding.VALID
        options.strideH = options.strideW = options.depthMultiplier = 1
        options.dilationHFactor = options.dilationWFactor = 1
        options.fusedActivationFunction = addition.builtinOptions.fusedActivationFunction
        product.opcodeIndex = flatbuffer.operator_code(
            model, _Op.DEPTHWISE_CONV_2D, _VERSIONS[_Op.DEPTHWISE_CONV_2D]
        )
        product.builtinOptionsType = schema.BuiltinOptions.DepthwiseConv2DOptions
        product.builtinOptions = options
        product.inputs = np.array([*product.inputs, addition.inputs[1]], np.int32)
        product.outputs = addition.outputs
        graph.operators.remove(addition)
    return merged


def _has_vector(model: schema.ModelT, operator: schema.OperatorT) -> bool:
    """Whether the second operand is a constant with a number for each channel."""
    tensors = model.subgraphs[0].tensors
    value = flatbuffer.constant(model, tensors[operator.inputs[1]])
    return value is not None and value.shape == (tensors[operator.outputs[0]].shape[-1],)


class _Graph:
    """A model's operators by position, and which of them read what the others write.

    Attributes:
        model: The model.
        operators: The model's operators, in order.
        codes: Built-in code of each operator.
        layers: Positions of the operators that have kernels.
        sources: Positions whose outputs an operator reads, by the operator's position.
        readers: Positions that read an operator's outputs, by the operator's position.
    """

    def __init__(self, model: schema.ModelT, kernels: set[int]):
        self.model = model
        self.operators = list(model.subgraphs[0].operators)
        self.codes = [flatbuffer.builtin_code(model, operator) for operator in self.operators]
        self.layers = {
            position
            for position, operator in enumerate(self.operators)
            if len(operator.inputs) > 1 and operator.inputs[1] in kernels
        }
        writer = {
            int(tensor): position
            for position, operator in enumerate(self.operators)
            for tensor in operator.outputs
        }
        self.sources = [
            {writer[tensor] for tensor in operator.inputs if tensor in writer}
            for operator in self.operators
        ]
        self.readers: list[set[int]] = [set() for _ in self.operators]
        for position, sources in enumerate(self.sources):
            for source in sources:
                self.readers[source].add(position)

    def tensor(self, index: int) -> schema.TensorT:
        """The tensor of this index."""
        return self.model.subgraphs[0].tensors[index]

    def activations(self, position: int) -> list[int]:
        """Float tensors that the operator reads, without the kernel and bias of a layer."""
        inputs = self.operators[position].inputs
        if position in self.layers:
            inputs = inputs[:1]  # neither kernel nor bias
        floats = schema.TensorType.FLOAT32
        return [int(index) for index in inputs if index >= 0 and self.tensor(index).type == floats]

    def from_any(self, starts: Iterable[int], edges: list[set[int]]) -> set[int]:
        """Positions that lie behind `starts` along `edges`, without `starts` themselves."""
        found, todo = set(), list(starts)
        while todo:
            fresh = edges[todo.pop()] - found
            found |= fresh
            todo += fresh
        return found


def _choose(graph: _Graph) -> list[int]:
    """Positions of the operators that become int8, in order."""
    behind = graph.from_any(graph.layers, graph.readers)
    before = graph.from_any(graph.layers, graph.sources)
    convolutions = {
        position for position in graph.layers if graph.codes[position] != _Op.FULLY_CONNECTED
    }
    between = {position for position in graph.layers if position in before} - convolutions
    carriers = {
        position
        for position in behind - graph.layers
        if graph.codes[position] in _SAME_SCALE | _ANY_SCALE | set(_FIXED_RANGE)
        and graph.tensor(graph.operators[position].outputs[0]).type == schema.TensorType.FLOAT32
    }
    chosen = convolutions | between | carriers
    while refused := {p for p in chosen - convolutions if not _stays(graph, p, chosen)}:
        chosen -= refused
    return sorted(chosen)


def _stays(graph: _Graph, position: int, chosen: set[int]) -> bool:
    """Whether an operator other than a convolution is better int8, given what else is."""
    readers, sources = graph.readers[position], graph.sources[position]
    if not all(source in chosen for source in sources if _computes_floats(graph, source)):
        return False
    if graph.codes[position] == _Op.MEAN and not _leads_to_layers(graph, position, chosen):
        return False
    # Where all readers are float, and all it reads is wanted as float too, int8 gains nothing.
    return bool(readers & chosen) or not all(graph.readers[s] - chosen for s in sources)


def _computes_floats(graph: _Graph, position: int) -> bool:
    output = graph.tensor(graph.operators[position].outputs[0])
    return output.type == schema.TensorType.FLOAT32


def _leads_to_layers(graph: _Graph, position: int, chosen: set[int]) -> bool:
    readers = graph.readers[position]
    return bool(readers) and all(
        reader in chosen and (reader in graph.layers or _leads_to_layers(graph, reader, chosen))
        for reader in readers
    )


def _parameters(
    graph: _Graph, chosen: Iterable[int], ranges: Mapping[int, _Range]
) -> dict[int, _Parameters]:
    """Scale and zero point of each tensor that int8 operators read or write."""
    leader: dict[int, int] = {}

    def find(index: int) -> int:
        while leader.setdefault(index, index) != index:
            index = leader[index]
        return index

    fixed = {}
    for position in chosen:
        outputs = [int(index) for index in graph.operators[position].outputs]
        touched = graph.activations(position) + outputs
        for index in touched:
            find(index)
        if graph.codes[position] in _SAME_SCALE:
            for index in touched[1:]:
                leader[find(index)] = find(touched[0])
        if graph.codes[position] in _FIXED_RANGE:
            fixed |= dict.fromkeys(outputs, _FIXED_RANGE[graph.codes[position]])

    wanted: dict[int, _Range] = {}
    for index in leader:
        value = flatbuffer.constant(graph.model, graph.tensor(index))
        if value is not None:
            low, high = float(value.min()), float(value.max())
        else:
            low, high = fixed.get(index) or ranges[index]
        root = find(index)
        before = wanted.get(root, (0.0, 0.0))
        wanted[root] = min(low, before[0]), max(high, before[1])
    for index, (low, high) in fixed.items():
        wanted[find(index)] = low, high
    return {index: affine_parameters(*wanted[find(index)]) for index in leader}


def affine_parameters(low: float, high: float) -> tuple[np.float32, int]:
    """Scale and zero point with which int8 spans a range that includes zero.

    Example:
        >>> affine_parameters(0.0, 255.0)
        (1.0, -128)
    """
    if (high - low) / 255 < np.finfo(np.float32).tiny:
        high = 1.0  # a tensor of zeros, or as good as
    scale = np.float32((high - low) / 255)
    return scale, int(np.clip(np.rint(-128 - low / scale), -128, 127))


def _write_layer(
    model: schema.ModelT,
    operator: schema.OperatorT,
    kernel: Int8Kernel,
    parameters: Mapping[int, _Parameters],
) -> None:
    tensors = model.subgraphs[0].tensors
    depthwise = flatbuffer.builtin_code(model, operator) == _Op.DEPTHWISE_CONV_2D
    scales, bias = kernel.scales, None
    input_scale = parameters[operator.inputs[0]][0]
    if len(operator.inputs) > 2 and operator.inputs[2] >= 0:
        _own(model, operator, 2)
        bias = tensors[operator.inputs[2]]
        value = flatbuffer.constant(model, bias).astype(np.float64)
        # A channel that folding all but silenced may have a bias of more steps than int32 holds.
        scales = np.maximum(scales, (np.abs(value) / input_scale / _LARGEST_BIAS)).astype("f4")
        steps = scales.astype(np.float64) * input_scale
        flatbuffer.set_constant(model, bias, np.rint(value / steps).astype(np.int32))
        _describe(bias, steps.astype(np.float32), np.zeros(len(steps), np.int64))
    if kernel.values.ndim == 2 and np.all(scales == scales[0]):
        scales = scales[:1]
        if bias is not None:
            _describe(bias, scales * input_scale, np.zeros(1, np.int64))
    tensor = tensors[operator.inputs[1]]
    flatbuffer.set_constant(model, tensor, tflite_layout(kernel.values, depthwise=depthwise))
    _describe(tensor, scales, np.zeros(len(scales), np.int64), axis=3 if depthwise else 0)


def _write_constants(
    model: schema.ModelT, operator: schema.OperatorT, parameters: Mapping[int, _Parameters]
) -> None:
    """Rounds the constant operands of an addition, product, padding or concatenation."""
    for place, index in enumerate(operator.inputs):
        tensor = model.subgraphs[0].tensors[index]
        value = flatbuffer.constant(model, tensor)
        if value is None or value.dtype != np.float32:
            continue
        scale, zero = parameters[index]
        _own(model, operator, place)
        parameters[operator.inputs[place]] = scale, zero
        tensor = model.subgraphs[0].tensors[operator.inputs[place]]
        steps = np.clip(np.rint(value / scale) + zero, -128, 127)
        flatbuffer.set_constant(model, tensor, steps.astype(np.int8))
        _describe(tensor, np.array([scale]), np.array([zero]))


def _convert_activations(
    graph: _Graph, chosen: Iterable[int], parameters: Mapping[int, _Parameters]
) -> None:
    """Gives computed tensors their type and puts QUANTIZE and DEQUANTIZE where types change."""
    chosen = set(chosen)
    model, kept = graph.model, []
    int8_of: dict[int, int] = {}
    float_of: dict[int, int] = {}
    written = {int(index) for p in chosen for index in graph.operators[p].outputs}
    for position, operator in enumerate(graph.operators):
        for place, index in enumerate(map(int, operator.inputs)):
            if position not in chosen:
                _set_input(operator, place, float_of.get(index, index))
            elif index not in written and index in parameters and _is_float(graph, index):
                if index not in int8_of:
                    int8_of[index] = _twin(graph.model, index)
                    _make_int8(graph.tensor(int8_of[index]), parameters[index])
                    kept.append(_conversion(model, _Op.QUANTIZE, index, int8_of[index]))
                _set_input(operator, place, int8_of[index])
        kept.append(operator)
        if position not in chosen:
            continue
        for index in map(int, operator.outputs):
            if any(
                index in graph.operators[reader].inputs
                for reader in graph.readers[position] - chosen
            ):
                float_of[index] = _twin(model, index)
                kept.append(_conversion(model, _Op.DEQUANTIZE, index, float_of[index]))
            _make_int8(graph.tensor(index), parameters[index])
    model.subgraphs[0].operators = kept


def _is_float(graph: _Graph, index: int) -> bool:
    return graph.tensor(index).type == schema.TensorType.FLOAT32


def _twin(model: schema.ModelT, index: int) -> int:
    """A new float tensor of the same shape."""
    like = model.subgraphs[0].tensors[index]
    twin = flatbuffer.add_tensor(model, like.shape, np.dtype(np.float32))
    model.subgraphs[0].tensors[twin].shapeSignature = like.shapeSignature
    return twin


def _conversion(model: schema.ModelT, builtin: int, source: int, target: int) -> schema.OperatorT:
    operator = schema.OperatorT()
    operator.opcodeIndex = flatbuffer.operator_code(model, builtin, _VERSIONS.get(builtin, 1))
    operator.inputs, operator.outputs = np.array([source], "i4"), np.array([target], "i4")
    return operator


def _make_int8(tensor: schema.TensorT, parameters: _Parameters) -> None:
    tensor.type = schema.TensorType.INT8
    _describe(tensor, np.array([parameters[0]]), np.array([parameters[1]]))


def _describe(
    tensor: schema.TensorT, scales: np.ndarray, zero_points: np.ndarray, axis: int = 0
) -> None:
    tensor.quantization = schema.QuantizationParametersT()
    tensor.quantization.scale = scales.astype(np.float32)
    tensor.quantization.zeroPoint = zero_points.astype(np.int64)
    tensor.quantization.quantizedDimension = axis


def _own(model: schema.ModelT, operator: schema.OperatorT, place: int) -> None:
    """Gives an operator a tensor of its own for a constant that others read too."""
    index = operator.inputs[place]
    if len(flatbuffer.consumers(model, index)) > 1:
        value = flatbuffer.constant(model, model.subgraphs[0].tensors[index])
        copy = flatbuffer.add_tensor(model, value.shape, value.dtype)
        flatbuffer.set_constant(model, model.subgraphs[0].tensors[copy], value)
        _set_input(operator, place, copy)


def _set_input(operator: schema.OperatorT, place: int, index: int) -> None:
    operator.inputs = np.array(operator.inputs)  # what a flatbuffer was parsed to is read-only
    operator.inputs[place] = index


def _require_version(
    model: schema.ModelT, operator: schema.OperatorT, parameters: Mapping[int, _Parameters]
) -> None:
    code = flatbuffer.builtin_code(model, operator)
    version = _VERSIONS.get(code, 1)
    if code == _Op.MUL:
        first, second, product = (
            parameters[index][0] for index in (*operator.inputs, *operator.outputs)
        )
        version = _MUL_OF_LARGE_SCALES if first * second >= product else version
    flatbuffer.require_version(model, operator, version)
