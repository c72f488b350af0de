package org.tfsv.app.keys

import android.security.keystore.KeyGenParameterSpec
import android.security.keystore.KeyProperties
import java.io.IOException
import java.security.GeneralSecurityException
import java.security.KeyStore
import java.security.ProviderException
import javax.crypto.KeyGenerator
import javax.crypto.SecretKey
import org.tfsv.core.BadInput

/** The key of the voiceprints, which never leaves the phone's key store. */
object KeystoreKey {
    private const val STORE = "AndroidKeyStore"
    private const val ALIAS = "voiceprints"
    private const val BITS = 256

    /**
     * The key; made when it is asked for the first time.
     *
     * @throws BadInput the key store fails, or the key in it can no longer be used.
     */
    @Throws(BadInput::class)
    fun get(): SecretKey = try {
        val store = KeyStore.getInstance(STORE).apply { load(null) }
        store.getKey(ALIAS, null) as? SecretKey ?: generated()
    } catch (error: GeneralSecurityException) {
        throw unusable(error)
    } catch (error: ProviderException) {
        throw unusable(error)
    } catch (error: IOException) {
        throw unusable(error)
    }

    private fun unusable(cause: Exception) = BadInput(
        "The phone’s key store gives no key; restart the phone, or clear the app’s data.",
        cause,
    )

    private fun generated(): SecretKey {
        val purposes = KeyProperties.PURPOSE_ENCRYPT or KeyProperties.PURPOSE_DECRYPT
        val generator = KeyGenerator.getInstance(KeyProperties.KEY_ALGORITHM_AES, STORE)
        generator.init(
            KeyGenParameterSpec.Builder(ALIAS, purposes)
                .setKeySize(BITS)
                .setBlockModes(KeyProperties.BLOCK_MODE_GCM)
                .setEncryptionPaddings(KeyProperties.ENCRYPTION_PADDING_NONE)
                .build(),
        )
        return generator.generateKey()
    }
}
