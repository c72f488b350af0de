package org.tfsv.core.model

import java.nio.ByteBuffer
import java.nio.ByteOrder

/** The layers of one group, read from a packed file and checked. */
internal class PackedGroup(
    private val bytes: Bytes,
    val entry: PackedRecord.Group,
    private val tensors: Tables,
    private val buffers: Tables,
) {
    private val layers = entry.kernels.size
    private val type = type(tensors[entry.codebook])
    private val shape = shape(tensors[entry.kernels[0]])
    private val count: Int
    private val codebooks: Span
    private val planes: List<Span>
    private val factors: Factors?

    init {
        codebooks = constant(entry.codebook, intArrayOf(layers, 1 shl entry.bits), type)
        if (type == ElementType.UINT8) throw Damaged("packed layers of an impossible type")
        count = shape.fold(1L) { product, side ->
            (product * side).also {
                if (it > ModelFile.LARGEST) throw Damaged("packed layers of an impossible size")
            }
        }.toInt()
        for (index in entry.kernels) {
            val kernel = tensors[index]
            if (!shape(kernel).contentEquals(shape) || type(kernel) != type) {
                throw Damaged("packed layers of one group differ in shape or type")
            }
        }
        planes = Codes.planes(entry.bits).mapIndexed { plane, width ->
            val sides = intArrayOf(layers, Codes.planeBytes(count, width))
            constant(entry.codes[plane], sides, ElementType.UINT8)
        }
        factors = entry.scale?.let(::factors)
    }

    /** Bytes of each expanded kernel. */
    val kernelBytes: Long = count.toLong() * type.bytes

    /** Writes the kernel of a layer where [out] stands. */
    fun decode(layer: Int, out: ByteBuffer) {
        val codes = ByteArray(minOf(PIECE, count))
        val kernel = ByteArray(codes.size * type.bytes)
        val starts = IntArray(planes.size) { planes[it].start + layer * (planes[it].size / layers) }
        val held = factors?.ofLayer(layer)
        val codebook = bits(codebooks.start + layer * (codebooks.size / layers), 1 shl entry.bits)
        for (first in 0 until count step PIECE) {
            val length = minOf(PIECE, count - first)
            Codes.unpack(bytes, entry.bits, starts, first, codes, length)
            when (type) {
                ElementType.FLOAT32 -> lookUpFloats(codebook, codes, length, kernel)
                else -> for (j in 0 until length) {
                    kernel[j] = codebook[codes[j].toInt() and 0xFF].toByte()
                }
            }
            if (factors != null && held != null) factors.multiply(held, first, length, kernel)
            out.put(kernel, 0, length * type.bytes)
        }
    }

    private fun lookUpFloats(codebook: IntArray, codes: ByteArray, count: Int, kernel: ByteArray) {
        val floats = ByteBuffer.wrap(kernel).order(ByteOrder.LITTLE_ENDIAN)
        for (j in 0 until count) {
            floats.putInt(Float.SIZE_BYTES * j, codebook[codes[j].toInt() and 0xFF])
        }
    }

    /** Elements of the group's type, as bits. */
    private fun bits(start: Int, count: Int) = IntArray(count) {
        when (type) {
            ElementType.FLOAT32 -> bytes.i32(start + Float.SIZE_BYTES * it.toLong())
            else -> bytes[start + it].toInt()
        }
    }

    /** A factor for each first index of a kernel ([columns] is 1), or for each last one. */
    private inner class Factors(
        private val span: Span,
        private val rows: Int,
        private val columns: Int,
    ) {
        private val perRow = count / rows

        /** The factors of a layer, as bits. */
        fun ofLayer(layer: Int): IntArray {
            val perLayer = rows * columns
            return bits(span.start + type.bytes * layer * perLayer, perLayer)
        }

        /** Multiplies [length] weights of a kernel, of which the first is number [first]. */
        fun multiply(factors: IntArray, first: Int, length: Int, kernel: ByteArray) {
            val floats = ByteBuffer.wrap(kernel).order(ByteOrder.LITTLE_ENDIAN)
            for (j in 0 until length) {
                val weight = first + j
                val factor = factors[if (columns == 1) weight / perRow else weight % columns]
                if (type == ElementType.FLOAT32) {
                    val place = Float.SIZE_BYTES * j
                    floats.putFloat(place, floats.getFloat(place) * Float.fromBits(factor))
                } else {
                    kernel[j] = (kernel[j] * factor).toByte()
                }
            }
        }
    }

    private fun factors(index: Int): Factors {
        val sides = shape(tensors[index])
        val span = constant(index, sides, type)
        val fits = sides.size == 3 && sides[0] == layers && (sides[1] == 1 || sides[2] == 1) &&
            count % (sides[1].toLong() * sides[2]) == 0L
        if (!fits) throw Damaged("factors that do not fit their layers")
        return Factors(span, sides[1], sides[2])
    }

    private fun constant(index: Int, sides: IntArray, type: ElementType): Span {
        val tensor = tensors[index]
        val buffer = buffers[tensor.number(Schema.TENSOR_BUFFER)]
        val span = buffer.vector(Schema.BUFFER_DATA) ?: Span.EMPTY
        var size = type.bytes.toLong()
        for (side in sides) size = minOf(size * side, Int.MAX_VALUE.toLong())
        if (!shape(tensor).contentEquals(sides) || span.size.toLong() != size) {
            throw Damaged("packed layers whose codes or codebooks have the wrong size")
        }
        if (type(tensor) != type) throw Damaged("packed layers of mixed types")
        return span
    }

    private fun shape(tensor: Table): IntArray {
        val sides = tensor.numbers(Schema.TENSOR_SHAPE)
        if (sides.size !in 1..MAXIMUM_DIMENSIONS || sides.any { it < 1 }) {
            throw Damaged("packed layers of an impossible shape")
        }
        return sides
    }

    private fun type(tensor: Table) = ElementType.of(tensor.byte(Schema.TENSOR_TYPE))

    private companion object {
        const val PIECE = 1 shl 14 // weights decoded at once; a multiple of 8
        const val MAXIMUM_DIMENSIONS = 5
    }
}
