"""Recurrent layers over windows of features."""

import tensorflow as tf
import tf_keras as keras


@keras.utils.register_keras_serializable("tfsv")
class Windows(keras.layers.Layer):
    """Cuts features into overlapping windows of one length.

    The first window begins at the first frame, and each further one `step` frames later. The last
    window is the last one that holds at least `least` frames of the features. Zeros fill the rest
    of it. Features that are shorter give one window.

    Example:
        >>> Windows(160, 77, 123)(np.zeros((1, 303, 40), np.float32)).shape
        TensorShape([1, 3, 160, 40])

    Args:
        frames: Frames of a window.
        step: Frames from the start of a window to that of the next one.
        least: Frames of the features that a further window must hold.

    Input: `[batch, frames, bins]`, at least one frame.
    Output: `[batch, windows, frames of a window, bins]`.
    """

    def __init__(self, frames: int, step: int, least: int, **kwargs):
        super().__init__(**kwargs)
        self.frames = frames
        self.step = step
        self.least = least

    def call(self, features: tf.Tensor) -> tf.Tensor:
        frames = tf.shape(features)[1]
        count = tf.maximum((frames - self.least) // self.step, 0) + 1
        starts = self.step * tf.range(count)
        places = tf.expand_dims(starts, 1) + tf.range(self.frames)
        padded = tf.pad(features, [[0, 0], [0, self.frames], [0, 0]])
        return tf.gather(padded, places, axis=1)

    def compute_output_shape(self, input_shape):
        batch, frames, bins = input_shape
        count = None if frames is None else max((frames - self.least) // self.step, 0) + 1
        return (batch, count, self.frames, bins)

    def get_config(self) -> dict:
        own = {"frames": self.frames, "step": self.step, "least": self.least}
        return super().get_config() | own


@keras.utils.register_keras_serializable("tfsv")
class StackedLSTM(keras.layers.Layer):
    """LSTM layers upon one another, of which the last state of the last one is kept.

    All layers advance together, frame by frame, in one loop over all windows, so that no layer's
    outputs are stored. `tfsv.conversion.graph_layers` writes it anew for TFLite.

    Each layer has one kernel `[inputs + units, 4 units]`, for its inputs and for its state before,
    and one bias. Gates are in the order of Keras and PyTorch: input, forget, cell, output.

    Example:
        >>> StackedLSTM(units=256, layers=3)(np.zeros((1, 2, 160, 40), np.float32)).shape
        TensorShape([1, 2, 256])

    Attributes:
        stays_float: Whether the kernels have no codes. It is true.

    Args:
        units: Size of each layer's state.
        layers: Number of layers.

    Input: `[batch, windows, frames, bins]`; the number of frames is known.
    Output: `[batch, windows, units]`.
    """

    stays_float = True

    def __init__(self, units: int, layers: int, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.layers = layers

    def build(self, input_shape):
        self.kernels, self.biases = [], []
        for index, inputs in enumerate((input_shape[-1], *[self.units] * (self.layers - 1))):
            self.kernels.append(
                self.add_weight(f"kernel{index + 1}", (inputs + self.units, 4 * self.units))
            )
            self.biases.append(
                self.add_weight(
                    f"bias{index + 1}", (4 * self.units,), initializer=self._remembering
                )
            )
        super().build(input_shape)

    def _remembering(self, shape, dtype=None, **kwargs) -> tf.Tensor:
        """A bias of 1 on the forget gate, as Keras begins, 0 elsewhere."""
        return tf.repeat(tf.constant([0, 1, 0, 0], dtype), self.units)

    def call(self, windows: tf.Tensor) -> tf.Tensor:
        shape = tf.shape(windows)
        frames, bins = windows.shape[2:]
        by_time = tf.transpose(tf.reshape(windows, [-1, frames, bins]), [1, 0, 2])
        kernels = [tf.convert_to_tensor(kernel) for kernel in self.kernels]
        biases = [tf.convert_to_tensor(bias) for bias in self.biases]
        zeros = tf.zeros([shape[0] * shape[1], self.units], windows.dtype)

        def advanced(frame: tf.Tensor, *states: tf.Tensor) -> tuple[tf.Tensor, ...]:
            x, after = tf.gather(by_time, frame), []
            pairs = zip(states[::2], states[1::2], strict=True)
            for (output, cell), kernel, bias in zip(pairs, kernels, biases, strict=True):
                gates = tf.matmul(tf.concat([x, output], 1), kernel) + bias
                entering, kept, new, leaving = tf.split(gates, 4, axis=1)
                cell = tf.sigmoid(kept) * cell + tf.sigmoid(entering) * tf.tanh(new)
                x = tf.sigmoid(leaving) * tf.tanh(cell)
                after += [x, cell]
            return (frame + 1, *after)

        states = [zeros] * (2 * self.layers)
        shapes = [tf.TensorShape([]), *[tf.TensorShape([None, self.units])] * len(states)]
        results = tf.while_loop(
            lambda frame, *_: frame < frames, advanced, [tf.constant(0), *states], shapes
        )
        return tf.reshape(results[-2], [shape[0], shape[1], self.units])

    def compute_output_shape(self, input_shape):
        return (*input_shape[:2], self.units)

    def get_config(self) -> dict:
        return super().get_config() | {"units": self.units, "layers": self.layers}
