"""SRT's encryption: AES in counter mode under a key that a passphrase wraps (chapter 6)."""

from __future__ import annotations

import hashlib
import secrets

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.keywrap import aes_key_wrap

_ROUNDS = 2048
_SALT_BYTES = 16
_NONCE_BYTES = 14
_SIGN = b"\x20\x29"
_KEYING_MATERIAL, _EVEN = 0x12, 0x01
_AES_CTR, _NO_AUTHENTICATION, _SRT = 2, 0, 2


class SrtCipher:
    """Encrypts one connection's packets with a key of its own.

    One key serves a connection to its end: sequence numbers come round after 2^31 packets, which
    takes months.
    """

    def __init__(self, passphrase: str, key_bytes: int) -> None:
        self._key = secrets.token_bytes(key_bytes)
        self._salt = secrets.token_bytes(_SALT_BYTES)
        self._key_bytes = key_bytes
        wrapping = hashlib.pbkdf2_hmac(
            "sha1", passphrase.encode(), self._salt[-8:], _ROUNDS, key_bytes
        )
        self._wrapped = aes_key_wrap(wrapping, self._key)

    @property
    def announced(self) -> int:
        """The length of the key, as handshakes tell it."""
        return self._key_bytes // 8

    def keying_material(self) -> bytes:
        """What tells a listener with the same passphrase the key."""
        return b"".join(
            [
                bytes([_KEYING_MATERIAL]),
                _SIGN,
                bytes([_EVEN]),
                bytes(4),
                bytes([_AES_CTR, _NO_AUTHENTICATION, _SRT, 0]),
                bytes([0, 0, _SALT_BYTES // 4, self._key_bytes // 4]),
                self._salt,
                self._wrapped,
            ]
        )

    def encrypt(self, payload: bytes, sequence: int) -> bytes:
        """The payload of the packet with that sequence number."""
        counter = int.from_bytes(self._salt[:_NONCE_BYTES] + bytes(2), "big") ^ sequence << 16
        mode = modes.CTR(counter.to_bytes(16, "big"))
        encryptor = Cipher(algorithms.AES(self._key), mode).encryptor()
        return encryptor.update(payload) + encryptor.finalize()
