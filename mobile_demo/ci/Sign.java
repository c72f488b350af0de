import com.android.apksig.ApkSigner;
import com.android.apksig.ApkVerifier;
import java.io.File;
import java.io.FileInputStream;
import java.security.KeyStore;
import java.security.MessageDigest;
import java.security.PrivateKey;
import java.security.cert.Certificate;
import java.security.cert.X509Certificate;
import java.util.ArrayList;
import java.util.List;

/**
 * Signs an APK, or verifies one, with the library in the jar of bundletool.
 *
 * <pre>
 * java -cp bundletool.jar Sign.java sign unsigned.apk signed.apk minSdk keystore alias
 * java -cp bundletool.jar Sign.java verify signed.apk minSdk
 * </pre>
 *
 * The password of keystore and key is in the environment: TFSV_KEYSTORE_PASSWORD. A verified APK is
 * a line of its schemes and the SHA-256 of each certificate; exit status 1 tells that it is none.
 */
public final class Sign {
    public static void main(String[] arguments) throws Exception {
        if (arguments[0].equals("sign")) {
            sign(
                    new File(arguments[1]),
                    new File(arguments[2]),
                    Integer.parseInt(arguments[3]),
                    new File(arguments[4]),
                    arguments[5]);
        } else {
            verify(new File(arguments[1]), Integer.parseInt(arguments[2]));
        }
    }

    private static void sign(File unsigned, File signed, int minSdk, File keystore, String alias)
            throws Exception {
        char[] password = System.getenv("TFSV_KEYSTORE_PASSWORD").toCharArray();
        KeyStore store = KeyStore.getInstance("PKCS12");
        try (FileInputStream stream = new FileInputStream(keystore)) {
            store.load(stream, password);
        }
        PrivateKey key = (PrivateKey) store.getKey(alias, password);
        if (key == null) {
            throw new IllegalArgumentException(keystore + " has no key " + alias);
        }
        List<X509Certificate> certificates = new ArrayList<>();
        for (Certificate certificate : store.getCertificateChain(alias)) {
            certificates.add((X509Certificate) certificate);
        }
        ApkSigner.SignerConfig signer =
                new ApkSigner.SignerConfig.Builder("tfsv", key, certificates).build();
        new ApkSigner.Builder(List.of(signer))
                .setInputApk(unsigned)
                .setOutputApk(signed)
                .setMinSdkVersion(minSdk)
                .setV1SigningEnabled(false)
                .setV2SigningEnabled(true)
                .setV3SigningEnabled(true)
                .setV4SigningEnabled(false)
                .build()
                .sign();
    }

    private static void verify(File apk, int minSdk) throws Exception {
        ApkVerifier.Result result =
                new ApkVerifier.Builder(apk).setMinCheckedPlatformVersion(minSdk).build().verify();
        if (!result.isVerified()) {
            result.getErrors().forEach(System.err::println);
            result.getV2SchemeSigners().forEach(one -> System.err.println(one.getErrors()));
            result.getV3SchemeSigners().forEach(one -> System.err.println(one.getErrors()));
            System.exit(1);
        }
        StringBuilder line = new StringBuilder();
        if (result.isVerifiedUsingV2Scheme()) {
            line.append("v2 ");
        }
        if (result.isVerifiedUsingV3Scheme()) {
            line.append("v3 ");
        }
        for (X509Certificate certificate : result.getSignerCertificates()) {
            byte[] digest = MessageDigest.getInstance("SHA-256").digest(certificate.getEncoded());
            for (byte value : digest) {
                line.append(String.format("%02x", value));
            }
        }
        System.out.println(line);
    }
}
