package org.tfsv.core.model

import java.nio.Buffer
import java.nio.ByteBuffer
import java.nio.ByteOrder

/**
 * A packed model on its way to the plain one: the same graph with constant kernels.
 *
 * It follows `docs/packed_format.md` step by step, so that the bytes are those of every other
 * reader. Everything that it relies on is checked when it is made.
 */
internal class Expansion(private val content: ByteArray, private val bytes: Bytes, place: Span) {
    private val record = PackedRecord.read(bytes, place)
    private val graph: Table
    private val tensors: Tables
    private val buffers: Tables
    private val operators: Tables
    private val groups: List<PackedGroup>
    private val start: Int

    /** Bytes of the expanded model. */
    val size: Int

    init {
        val model = Table.root(bytes)
        graph = Graphs.only(model)
        tensors = graph.tables(Schema.GRAPH_TENSORS)
        operators = graph.tables(Schema.GRAPH_OPERATORS)
        buffers = model.tables(Schema.MODEL_BUFFERS)
        val named = record.groups.flatMap { it.kernels.asList() + it.codes.asList() }
        if (named.toSet().size < named.size) throw Damaged("packed layers that repeat")
        groups = record.groups.map { PackedGroup(bytes, it, tensors, buffers) }
        val empty = buffers[record.spare].vector(Schema.BUFFER_DATA)
        if (empty == null || empty.size != 0 || empty.start % ALIGNMENT != 0) {
            throw Damaged("no place for expanded layers")
        }
        start = empty.start
        val whole = start + groups.sumOf { it.entry.kernels.size * gap(it.kernelBytes) }
        if (whole != record.expanded || whole > ModelFile.LARGEST) {
            throw Damaged("it would expand to $whole bytes instead of ${record.expanded}")
        }
        size = whole.toInt()
        if (record.decoding !in 1 until operators.size) {
            throw Damaged("${record.decoding} decoding operators of ${operators.size}")
        }
    }

    /** Writes the expanded model into a buffer of [size] zeros. */
    fun write(out: ByteBuffer) {
        out.order(ByteOrder.LITTLE_ENDIAN)
        out.put(content, 0, start)
        var data = start + ALIGNMENT
        var spare = record.spare
        for (group in groups) {
            for ((layer, kernel) in group.entry.kernels.withIndex()) {
                out.putInt(data - Int.SIZE_BYTES, group.kernelBytes.toInt())
                out.moveTo(data)
                group.decode(layer, out)
                point(out, buffers[spare], data - Int.SIZE_BYTES)
                patch(out, tensors[kernel].slot(Schema.TENSOR_BUFFER), spare.toLong())
                data += gap(group.kernelBytes).toInt()
                spare++
            }
            for (codes in group.entry.codes) {
                val tensor = tensors[codes]
                point(out, buffers[tensor.number(Schema.TENSOR_BUFFER)], start - Int.SIZE_BYTES)
                patch(out, tensor.slot(Schema.TENSOR_BUFFER), 0)
            }
        }
        cutDecoding(out)
        out.moveTo(0)
    }

    private fun cutDecoding(out: ByteBuffer) {
        val slot = graph.slot(Schema.GRAPH_OPERATORS) ?: throw Damaged("a graph of no operators")
        val length = operators.position + Int.SIZE_BYTES * (record.decoding - 1L)
        patch(out, slot, length - slot)
        patch(out, length, operators.size.toLong() - record.decoding)
    }

    private fun point(out: ByteBuffer, buffer: Table, target: Int) {
        val slot = buffer.slot(Schema.BUFFER_DATA)
        patch(out, slot, if (slot == null) -1 else target - slot)
    }

    private fun patch(out: ByteBuffer, slot: Long?, value: Long) {
        if (slot == null || slot + Int.SIZE_BYTES > start || value < 0) {
            throw Damaged("packed layers that cannot be expanded in place")
        }
        out.putInt(slot.toInt(), value.toInt())
    }

    /** Bytes from one kernel to the next. */
    private fun gap(kernelBytes: Long): Long =
        ALIGNMENT + (kernelBytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT

    /** As a `Buffer`, for what `ByteBuffer.position` returns differs between Android's levels. */
    private fun ByteBuffer.moveTo(position: Int) {
        (this as Buffer).position(position)
    }

    private companion object {
        const val ALIGNMENT = 16
    }
}
