package org.tfsv.app

import java.io.InputStream
import java.io.OutputStream
import java.security.Key
import java.security.KeyStoreSpi
import java.security.Provider
import java.security.SecureRandom
import java.security.Security
import java.security.cert.Certificate
import java.security.spec.AlgorithmParameterSpec
import java.util.Collections
import java.util.Date
import java.util.Enumeration
import java.util.concurrent.ConcurrentHashMap
import javax.crypto.KeyGeneratorSpi
import javax.crypto.SecretKey
import javax.crypto.spec.SecretKeySpec

/**
 * AndroidKeyStore for AES, on a JVM: the name and the calls are those of a telephone, the keys are
 * in memory.
 */
internal object SoftwareKeyStore {
    private const val NAME = "AndroidKeyStore"
    private const val KEY_BYTES = 32
    private val keys = ConcurrentHashMap<String, SecretKey>()

    /** What is thrown when a key is asked for. */
    @Volatile
    var failure: Exception? = null

    /** Begins with a new telephone, which has no keys. */
    fun install() {
        keys.clear()
        failure = null
        if (Security.getProvider(NAME) == null) Security.addProvider(AndroidKeyStore)
    }

    @Suppress("DEPRECATION") // Android has no other constructor before API 34
    private object AndroidKeyStore : Provider(NAME, 1.0, "AES keys in memory") {
        init {
            put("KeyStore.$NAME", Store::class.java.name)
            put("KeyGenerator.AES", Generator::class.java.name)
        }
    }

    class Generator : KeyGeneratorSpi() {
        private var alias = ""

        override fun engineInit(params: AlgorithmParameterSpec, random: SecureRandom?) {
            alias = (params as android.security.keystore.KeyGenParameterSpec).keystoreAlias
        }

        override fun engineInit(random: SecureRandom?) = unsupported()

        override fun engineInit(keysize: Int, random: SecureRandom?) = unsupported()

        override fun engineGenerateKey(): SecretKey {
            val bytes = ByteArray(KEY_BYTES).also(SecureRandom()::nextBytes)
            return SecretKeySpec(bytes, "AES").also { keys[alias] = it }
        }
    }

    class Store : KeyStoreSpi() {
        override fun engineLoad(stream: InputStream?, password: CharArray?) = Unit

        override fun engineStore(stream: OutputStream?, password: CharArray?) = Unit

        override fun engineGetKey(alias: String, password: CharArray?): Key? {
            failure?.let { throw it }
            return keys[alias]
        }

        override fun engineContainsAlias(alias: String): Boolean = keys.containsKey(alias)

        override fun engineIsKeyEntry(alias: String): Boolean = keys.containsKey(alias)

        override fun engineIsCertificateEntry(alias: String): Boolean = false

        override fun engineDeleteEntry(alias: String) {
            keys.remove(alias)
        }

        override fun engineAliases(): Enumeration<String> = Collections.enumeration(keys.keys)

        override fun engineSize(): Int = keys.size

        override fun engineGetCreationDate(alias: String): Date = Date(0)

        override fun engineGetCertificate(alias: String): Certificate? = null

        override fun engineGetCertificateChain(alias: String): Array<Certificate>? = null

        override fun engineGetCertificateAlias(certificate: Certificate?): String? = null

        override fun engineSetKeyEntry(
            alias: String,
            key: Key,
            password: CharArray?,
            chain: Array<Certificate>?,
        ) = unsupported()

        override fun engineSetKeyEntry(
            alias: String,
            key: ByteArray?,
            chain: Array<Certificate>?,
        ) = unsupported()

        override fun engineSetCertificateEntry(alias: String, certificate: Certificate?) =
            unsupported()
    }

    private fun unsupported(): Nothing =
        throw UnsupportedOperationException("the app has no need of it")
}
