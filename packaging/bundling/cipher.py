"""In the frozen app on Linux: the little of `cryptography` that SecretStorage asks for, by Python's OpenSSL.

The keyring's session with the desktop's keeper of secrets is encrypted with AES-128 in CBC mode, and SecretStorage has
`cryptography` do that: 12 MB, most of them a second OpenSSL. Python's own (libcrypto, which `ssl` is linked with) can
do it as well. Only the three names that SecretStorage imports are here; whatever else asks finds nothing.
"""

from __future__ import annotations

import ctypes
import sys
from functools import cache
from importlib import import_module
from types import ModuleType
from typing import Final, NamedTuple

_BLOCK: Final = 16  # bytes, of AES whatever the key's length


class Aes(NamedTuple):
    key: bytes  # 16, 24 or 32 bytes


class Cbc(NamedTuple):
    initialization_vector: bytes


class Cipher:
    """AES in CBC mode, without padding. Raises ValueError for a key or vector of a wrong length."""

    def __init__(self, algorithm: Aes, mode: Cbc, backend: object = None) -> None:
        if len(algorithm.key) not in (16, 24, 32) or len(mode.initialization_vector) != _BLOCK:
            raise ValueError("AES in CBC mode takes a key of 16, 24 or 32 bytes and a vector of 16")
        self._key, self._vector = algorithm.key, mode.initialization_vector

    def encryptor(self) -> Context:
        return Context(self._key, self._vector, encrypts=True)

    def decryptor(self) -> Context:
        return Context(self._key, self._vector, encrypts=False)


class Context:
    """One message: its whole blocks come back at once, what is left over must be none."""

    def __init__(self, key: bytes, vector: bytes, *, encrypts: bool) -> None:
        self._key, self._vector, self._encrypts = key, vector, encrypts
        self._left = b""

    def update(self, data: bytes) -> bytes:
        data = self._left + bytes(data)
        whole = len(data) // _BLOCK * _BLOCK
        data, self._left = data[:whole], data[whole:]
        if not data:
            return b""
        done = _blocks(self._key, self._vector, data, encrypts=self._encrypts)
        self._vector = (done if self._encrypts else data)[-_BLOCK:]  # what the next block is mixed with
        return done

    def finalize(self) -> bytes:
        """Raises ValueError where the message isn't a multiple of 16 bytes."""
        if self._left:
            raise ValueError("the length of the message is no multiple of AES's block")
        return b""


@cache
def _openssl() -> ctypes.CDLL:
    import_module("_hashlib")  # it's linked with the libcrypto that is meant: that one is loaded then
    library = ctypes.CDLL("libcrypto.so.3")
    library.EVP_CIPHER_CTX_new.restype = ctypes.c_void_p
    for bits in (128, 192, 256):
        getattr(library, f"EVP_aes_{bits}_cbc").restype = ctypes.c_void_p
    # https://docs.openssl.org/3.0/man3/EVP_EncryptInit/
    pointer, number = ctypes.c_void_p, ctypes.c_int
    library.EVP_CipherInit_ex.argtypes = [pointer, pointer, pointer, ctypes.c_char_p, ctypes.c_char_p, number]
    library.EVP_CIPHER_CTX_set_padding.argtypes = [pointer, number]
    library.EVP_CipherUpdate.argtypes = [pointer, pointer, ctypes.POINTER(number), ctypes.c_char_p, number]
    library.EVP_CIPHER_CTX_free.argtypes = [pointer]
    return library


def _blocks(key: bytes, vector: bytes, data: bytes, *, encrypts: bool) -> bytes:
    openssl, length = _openssl(), ctypes.c_int()
    out = ctypes.create_string_buffer(len(data) + _BLOCK)
    context = openssl.EVP_CIPHER_CTX_new()
    try:
        kind = getattr(openssl, f"EVP_aes_{8 * len(key)}_cbc")()
        good = openssl.EVP_CipherInit_ex(context, kind, None, key, vector, int(encrypts))
        good = good and openssl.EVP_CIPHER_CTX_set_padding(context, 0)
        good = good and openssl.EVP_CipherUpdate(context, out, ctypes.byref(length), data, len(data))
    finally:
        openssl.EVP_CIPHER_CTX_free(context)
    if not good or length.value != len(data):
        raise RuntimeError("OpenSSL refuses AES in CBC mode")
    return out.raw[: len(data)]


def default_backend() -> None:
    """There is but one."""


def install() -> None:
    """Put the modules that SecretStorage imports where `import` looks first."""
    inner = "cryptography.hazmat.primitives.ciphers"
    contents: dict[str, dict[str, object]] = {
        "cryptography": {},
        "cryptography.hazmat": {},
        "cryptography.hazmat.backends": {"default_backend": default_backend},
        "cryptography.hazmat.primitives": {},
        f"{inner}.algorithms": {"AES": Aes},
        f"{inner}.modes": {"CBC": Cbc},
        inner: {"Cipher": Cipher},
    }
    for name, values in contents.items():
        module = ModuleType(name)
        vars(module).update(values, __path__=[])
        sys.modules[name] = module
    vars(sys.modules[inner]).update(algorithms=sys.modules[f"{inner}.algorithms"], modes=sys.modules[f"{inner}.modes"])
