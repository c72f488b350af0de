package org.tfsv.core

private const val DIGITS = "0123456789abcdef"

internal fun ByteArray.toHex(): String {
    val text = StringBuilder(2 * size)
    for (byte in this) {
        text.append(DIGITS[byte.toInt() shr 4 and 15]).append(DIGITS[byte.toInt() and 15])
    }
    return text.toString()
}

/** The bytes that lower-case hexadecimal digits name. */
internal fun String.hexToBytes(): ByteArray {
    require(length % 2 == 0 && all { it in DIGITS }) { "not hexadecimal" }
    return ByteArray(length / 2) {
        (DIGITS.indexOf(this[2 * it]) * 16 + DIGITS.indexOf(this[2 * it + 1])).toByte()
    }
}
