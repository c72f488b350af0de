"""Signs an APK with a key of one's own, or with a debug key that the cache keeps.

An APK with the debug key is for trying: it says of nobody who made it.
"""

import dataclasses
import os
import pathlib

import artifacts
import places
from failure import BuildError, run

PROGRAM = pathlib.Path(__file__).with_name("Sign.java")
PASSWORD_VARIABLE = "TFSV_KEYSTORE_PASSWORD"
DEBUG_PASSWORD = "android"


@dataclasses.dataclass(frozen=True)
class Key:
    """A key in a PKCS #12 keystore.

    Attributes:
        keystore: The file.
        alias: The name of the key in it.
        password: Of the file and of the key.
    """

    keystore: pathlib.Path
    alias: str
    password: str


def own_key(keystore: str, alias: str) -> Key:
    """The key in a keystore, with the password in the environment.

    Raises:
        BuildError: There is no such file, or no password.
    """
    if not pathlib.Path(keystore).exists():
        raise BuildError(f"{keystore} does not exist; --keystore wants a PKCS #12 file")
    if PASSWORD_VARIABLE not in os.environ:
        raise BuildError(f"put the password of {keystore} into ${PASSWORD_VARIABLE}")
    return Key(pathlib.Path(keystore), alias, os.environ[PASSWORD_VARIABLE])


def debug_key() -> Key:
    """The key in the cache, made when it is absent."""
    key = Key(places.cache() / "debug.p12", "debug", DEBUG_PASSWORD)
    if not key.keystore.exists():
        key.keystore.parent.mkdir(parents=True, exist_ok=True)
        unfinished = key.keystore.with_suffix(f".{os.getpid()}.part")
        run(
            [
                *("keytool", "-genkeypair", "-keystore", unfinished, "-storetype", "PKCS12"),
                *("-storepass", key.password, "-keypass", key.password, "-alias", key.alias),
                *("-keyalg", "RSA", "-keysize", "2048", "-validity", "10000"),
                *("-dname", "CN=tfsv debug"),
            ],
            "keytool",
        )
        unfinished.replace(key.keystore)
    return key


def sign(unsigned: pathlib.Path, signed: pathlib.Path, key: Key) -> None:
    """Signs with APK signature schemes 2 and 3; the oldest Android of the app knows 2.

    Raises:
        BuildError: The password is wrong, or the keystore has no such key.
    """
    os.environ[PASSWORD_VARIABLE] = key.password
    _sign("sign", unsigned, signed, places.properties()["minSdk"], key.keystore, key.alias)


def schemes_and_certificate(apk: pathlib.Path) -> list[str]:
    """The schemes whose signatures verify, then the SHA-256 of the certificate.

    Raises:
        BuildError: A signature does not verify.
    """
    return _sign("verify", apk, places.properties()["minSdk"]).split()


def _sign(*arguments: object) -> str:
    jar = artifacts.fetch_one("packaging", "bundletool")
    return run(["java", "-cp", jar, PROGRAM, *arguments], f"{arguments[0]}ing {arguments[1]}")
