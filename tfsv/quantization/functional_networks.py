"""Keras networks whose layers can be exchanged one by one."""

import tf_keras as keras

from tfsv.errors import InputError


def functional(network: keras.Model) -> keras.Model:
    """The network as a functional one without models inside, which is what tfsv works on.

    Args:
        network: A functional or sequential network of tf_keras. A functional one is returned as it
            is. A sequential one must know its input's shape, and gives a functional one with the
            same layers.

    Raises:
        InputError: The network is a model of Keras 3, or a subclass with a `call` of its own. It is
            also raised for a sequential model without an input shape, and for a model among the
            layers.

    Example:
        >>> functional(keras.Sequential([keras.layers.Dense(2, input_shape=(3,))])).output_shape
        (None, 2)
    """
    kind = type(network)
    if not isinstance(network, keras.Model):
        raise InputError(
            f"network: a {kind.__module__}.{kind.__qualname__}; build it with tf_keras "
            "(import tf_keras as keras), since the quantizers do not work in Keras 3"
        )
    nested = [layer.name for layer in network.layers if isinstance(layer, keras.Model)]
    if nested:
        raise InputError(
            f"{network.name}: its layer {nested[0]} is a model; call that model's layers one by "
            "one in the functional API instead"
        )
    if isinstance(network, keras.Sequential):
        if not network.inputs:
            raise InputError(
                f"{network.name}: its input shape is not known; begin with "
                "keras.Input(shape) or give the first layer an input_shape"
            )
        return keras.Model(network.inputs, network.outputs, name=network.name)
    if not getattr(network, "_is_graph_network", False):
        raise InputError(
            f"{network.name}: a {kind.__qualname__} with a call of its own; build the network in "
            "the functional API, keras.Model(inputs, outputs)"
        )
    return network


def copied(
    layer: keras.layers.Layer, kind: type[keras.layers.Layer] | None = None
) -> keras.layers.Layer:
    """A new layer with the settings of a layer, without weights.

    Example:
        >>> copied(keras.layers.Dense(2, name="embedding")).name
        'embedding'

    Args:
        layer: Layer to copy.
        kind: Class of the new layer. None: it is the class of `layer`.

    Raises:
        InputError: Keras cannot make the layer from its configuration. The message says what to
            write.
    """
    try:
        # Without a get_config of its own a layer forgets the name that Keras gave it.
        return (kind or type(layer)).from_config({**layer.get_config(), "name": layer.name})
    except (AttributeError, KeyError, NotImplementedError, TypeError, ValueError) as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else repr(error)
        raise InputError(
            f"{layer.name}: Keras cannot copy this {type(layer).__name__}: {reason}; its "
            "get_config must give all arguments of its __init__, name among them, and what it "
            "names must be known by keras.utils.register_keras_serializable"
        ) from error
