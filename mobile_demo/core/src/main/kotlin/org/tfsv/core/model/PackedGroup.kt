package org.tfsv.core.model

import java.nio.ByteBuffer

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
        val piece = ByteArray(codes.size * type.bytes)
        val starts = IntArray(planes.size) { planes[it].start + layer * (planes[it].size / layers) }
        for (first in 0 until count step PIECE) {
            val length = minOf(PIECE, count - first)
            Codes.unpack(bytes, entry.bits, starts, first, codes, length)
            if (type == ElementType.INT8) {
                decodeBytes(layer, first, codes, length, piece)
            } else {
                decodeFloats(layer, first, codes, length, piece)
            }
            out.put(piece, 0, length * type.bytes)
        }
    }

    private fun decodeBytes(layer: Int, first: Int, codes: ByteArray, length: Int, to: ByteArray) {
        val codebook = codebook(layer)
        for (j in 0 until length) {
            val centroid = bytes[codebook + (codes[j].toInt() and 0xFF)]
            val factor = factors?.place(layer, first + j)
            to[j] = if (factor == null) centroid else (centroid * bytes[factor]).toByte()
        }
    }

    private fun decodeFloats(layer: Int, first: Int, codes: ByteArray, length: Int, to: ByteArray) {
        val codebook = codebook(layer)
        for (j in 0 until length) {
            val place = codebook + Float.SIZE_BYTES * (codes[j].toInt() and 0xFF)
            val centroid = bytes.i32(place.toLong())
            val factor = factors?.place(layer, first + j)?.let { bytes.i32(it.toLong()) }
            val bits = when (factor) {
                null -> centroid
                else -> (Float.fromBits(centroid) * Float.fromBits(factor)).toRawBits()
            }
            for (byte in 0 until Float.SIZE_BYTES) {
                to[Float.SIZE_BYTES * j + byte] = (bits shr 8 * byte).toByte()
            }
        }
    }

    private fun codebook(layer: Int) = codebooks.start + layer * (codebooks.size / layers)

    /** A factor for each first index of a kernel ([columns] is 1), or for each last one. */
    private inner class Factors(val span: Span, val rows: Int, val columns: Int) {
        private val perRow = count / rows

        fun place(layer: Int, weight: Int): Int {
            val channel = if (columns == 1) weight / perRow else weight % columns
            return span.start + type.bytes * (layer * rows * columns + channel)
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
        val span = buffer.vector(Schema.BUFFER_DATA) ?: Span(0, 0)
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
