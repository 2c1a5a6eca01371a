"""EME: AES as one wide block over a whole name. Arithmetic only; knows no padding, no encoding."""

from __future__ import annotations

from functools import reduce
from operator import xor
from threading import Lock

from cryptography.hazmat.primitives.ciphers import Cipher, CipherContext, algorithms, modes

_BLOCK_BITS = 128
_MASK = (1 << _BLOCK_BITS) - 1
MAX_BYTES = 128 * 16
"""EME is defined for 1 to 128 blocks of 16 bytes."""


def _double(value: int) -> int:
    value <<= 1
    return (value & _MASK) ^ 0x87 if value >> _BLOCK_BITS else value


class Eme:
    """EME with AES-256 under one key and one tweak; safe to share between threads.

    Whole messages are xored as Python integers, so that a name costs three AES calls whatever its
    length.

    Source: Halevi and Rogaway, "A Parallelizable Enciphering Mode" (2003); vaults.md 0.5.
    """

    def __init__(self, key: bytes, tweak: bytes) -> None:
        # ECB is the bare block cipher here; the mode around it is this class.
        cipher = Cipher(algorithms.AES(key), modes.ECB())  # noqa: S305
        self._encryptor: CipherContext = cipher.encryptor()
        self._decryptor: CipherContext = cipher.decryptor()
        self._lock = Lock()
        self._tweak = int.from_bytes(tweak, "little")
        self._masks = self._masks_by_length(
            int.from_bytes(self._encryptor.update(bytes(16)), "little")
        )

    @staticmethod
    def _masks_by_length(value: int) -> list[int]:
        """``L[0] .. L[m-1]`` side by side as one integer, for every m from 0 to 128."""
        masks, mask = [0], 0
        for block in range(MAX_BYTES // 16):
            value = _double(value)
            mask |= value << (block * _BLOCK_BITS)
            masks.append(mask)
        return masks

    def encrypt(self, message: bytes) -> bytes:
        """Seal a message of 16 to 2048 bytes, a multiple of 16."""
        return self._transform(self._encryptor, message)

    def decrypt(self, message: bytes) -> bytes:
        """Open a message of 16 to 2048 bytes, a multiple of 16."""
        return self._transform(self._decryptor, message)

    def _transform(self, aes: CipherContext, message: bytes) -> bytes:
        length = len(message)
        blocks, rest = divmod(length, 16)
        if rest or not 1 <= blocks <= MAX_BYTES // 16:
            raise ValueError(f"EME takes 16 to {MAX_BYTES} bytes in blocks of 16, not {length}")
        mask = self._masks[blocks]
        with self._lock:
            ppp = aes.update((int.from_bytes(message, "little") ^ mask).to_bytes(length, "little"))
            parts = [int.from_bytes(ppp[at : at + 16], "little") for at in range(0, length, 16)]
            mp = reduce(xor, parts, self._tweak)
            mc = int.from_bytes(aes.update(mp.to_bytes(16, "little")), "little")
            doubled = mp ^ mc
            first = mc ^ self._tweak
            whole = 0
            for block in range(1, blocks):
                doubled = _double(doubled)
                part = parts[block] ^ doubled
                first ^= part
                whole |= part << (block * _BLOCK_BITS)
            whole |= first
            sealed = aes.update(whole.to_bytes(length, "little"))
        return (int.from_bytes(sealed, "little") ^ mask).to_bytes(length, "little")
