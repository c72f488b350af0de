package org.tfsv.core.selftest

import java.io.IOException
import java.nio.ByteBuffer
import java.nio.ByteOrder
import java.security.MessageDigest
import org.json.JSONArray
import org.json.JSONException
import org.json.JSONObject
import org.tfsv.core.BadInput
import org.tfsv.core.audio.Sound
import org.tfsv.core.toHex
import org.tfsv.core.voice.Voice

/** What Python computed; see `tfsv/goldens/writing.py`. */
internal class Goldens(
    val utterances: List<String>,
    val trials: List<Trial>,
    val models: List<Model>,
) {
    /** Some utterances of a speaker against another utterance. */
    class Trial(val enrol: List<String>, val test: String)

    class Score(val value: Double, val accepted: Boolean)

    /**
     * @property exact whether embeddings must agree bit for bit.
     * @property voices what Python made of the utterances, by name.
     * @property scores one for each trial.
     */
    class Model(
        val name: String,
        val file: String,
        val sha256: String,
        val expandedSha256: String,
        val exact: Boolean,
        val threshold: Double,
        val voices: Map<String, Voice>,
        val scores: List<Score>,
    )

    companion object {
        private const val INDEX = "goldens.json"
        private const val SCHEMA = 3

        /** Reads the index and what belongs to it. */
        @Throws(BadInput::class, IOException::class)
        fun read(source: GoldenSource): Goldens = try {
            val index = JSONObject(source.read(INDEX).toString(Charsets.UTF_8))
            if (index.getInt("schema") != SCHEMA) throw BadInput("$INDEX is of another version.")
            val utterances = index.getJSONArray("utterances").strings()
            val sounds = utterances.zip(index.getJSONArray("sounds").objects()) { name, sound ->
                name to Sound(sound.getDouble("seconds"), sound.getDouble("level"))
            }
            Goldens(
                utterances,
                index.getJSONArray("trials").objects().map {
                    Trial(it.getJSONArray("enrol").strings(), it.getString("test"))
                },
                index.getJSONArray("models").objects().map { model(it, sounds.toMap(), source) },
            )
        } catch (error: JSONException) {
            throw BadInput("$INDEX is damaged; make the golden files again.", error)
        }

        fun sha256(content: ByteBuffer): String {
            val digest = MessageDigest.getInstance("SHA-256")
            digest.update(content.duplicate())
            return digest.digest().toHex()
        }

        private fun model(
            fields: JSONObject,
            sounds: Map<String, Sound>,
            source: GoldenSource,
        ): Model {
            val accepted = fields.getJSONArray("accepted")
            val scores = fields.getJSONArray("scores")
            val vectors = ByteBuffer.wrap(source.read(fields.getString("embeddings")))
                .order(ByteOrder.LITTLE_ENDIAN)
            val size = vectors.capacity() / Float.SIZE_BYTES / sounds.size
            return Model(
                name = fields.getString("name"),
                file = fields.getString("file"),
                sha256 = fields.getString("sha256"),
                expandedSha256 = fields.getString("expanded_sha256"),
                exact = fields.getBoolean("exact"),
                threshold = fields.getDouble("threshold"),
                voices = sounds.mapValues { (_, sound) ->
                    Voice(FloatArray(size) { vectors.getFloat() }, sound)
                },
                scores = List(scores.length()) {
                    Score(scores.getDouble(it), accepted.getBoolean(it))
                },
            )
        }

        private fun JSONArray.strings() = List(length(), ::getString)

        private fun JSONArray.objects() = List(length(), ::getJSONObject)
    }
}
