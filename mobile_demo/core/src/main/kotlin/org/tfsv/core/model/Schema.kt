package org.tfsv.core.model

/** Numbers of the TFLite schema that the packed format and named inputs use. */
internal object Schema {
    const val MODEL_GRAPHS = 2
    const val MODEL_BUFFERS = 4
    const val MODEL_METADATA = 6
    const val MODEL_SIGNATURES = 7
    const val GRAPH_TENSORS = 0
    const val GRAPH_OPERATORS = 3
    const val TENSOR_SHAPE = 0
    const val TENSOR_TYPE = 1
    const val TENSOR_BUFFER = 2
    const val TENSOR_SHAPE_SIGNATURE = 7
    const val OPERATOR_INPUTS = 1
    const val OPERATOR_OUTPUTS = 2
    const val BUFFER_DATA = 0
    const val METADATA_NAME = 0
    const val METADATA_BUFFER = 1
    const val SIGNATURE_INPUTS = 0
    const val SIGNATURE_OUTPUTS = 1
    const val ENTRY_NAME = 0
    const val ENTRY_TENSOR = 1
}

/** Types of the tensors of packed layers: their number in the schema, and bytes of an element. */
internal enum class ElementType(val code: Int, val bytes: Int) {
    FLOAT32(0, 4),
    UINT8(3, 1),
    INT8(9, 1),
    ;

    companion object {
        fun of(code: Int): ElementType = values().firstOrNull { it.code == code }
            ?: throw Damaged("packed layers of an unknown type")
    }
}
