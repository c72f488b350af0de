package org.tfsv.desktop

import org.tfsv.core.BadInput
import org.tfsv.core.separation.Runner
import org.tfsv.core.separation.Values

/** A model of any named inputs and outputs of float32. */
internal class LiteRtRunner(private val model: CompiledModel) : Runner {
    private var shapes = emptyList<List<Int>>()
    private var inputs = emptyList<TensorBuffer>()
    private var outputs = emptyList<TensorBuffer>()

    override fun run(inputs: Map<String, Values>): Map<String, FloatArray> {
        if (inputs.keys != model.inputs.toSet()) {
            throw BadInput("The model takes other inputs than ${inputs.keys}; export it again.")
        }
        val given = model.inputs.map(inputs::getValue)
        val asked = given.map { it.shape }
        if (asked != shapes) resize(asked)
        for ((buffer, values) in this.inputs.zip(given)) buffer.write(values.numbers)
        model.run(this.inputs, outputs)
        return model.outputs.zip(outputs) { name, buffer -> name to buffer.read() }.toMap()
    }

    override fun close() {
        closeTensors()
        model.close()
    }

    private fun resize(asked: List<List<Int>>) {
        val before = shapes
        closeTensors()
        for ((number, shape) in asked.withIndex()) {
            if (shape != before.getOrNull(number)) model.resize(number, shape)
        }
        val given = model.outputShapes()
        inputs = asked.mapIndexed(model::input)
        outputs = given.mapIndexed(model::output)
        shapes = asked
    }

    private fun closeTensors() {
        (inputs + outputs).forEach(TensorBuffer::close)
        inputs = emptyList()
        outputs = emptyList()
        shapes = emptyList()
    }
}
