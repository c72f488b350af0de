package org.tfsv.app.sound

import java.io.Closeable
import java.io.IOException

/** Something to listen to, 16 kHz, one channel. */
fun interface SoundSource {
    /**
     * Begins to listen.
     *
     * @throws IOException it cannot be listened to now.
     */
    @Throws(IOException::class)
    fun open(): Stream

    /** Sound as it comes. */
    interface Stream : Closeable {
        /**
         * Waits for samples and puts them into [buffer], from its beginning.
         *
         * @return how many; negative when no more will come.
         * @throws IOException the source failed.
         */
        @Throws(IOException::class)
        fun read(buffer: ShortArray): Int
    }
}
