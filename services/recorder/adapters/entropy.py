"""Random bytes from the kernel, read in blocks: a record takes five draws, and each would be a journey of its own."""

import os

BLOCK_BYTES = 4096


class Entropy:
    """Hands out every byte of the kernel's generator once; for one thread.

    A block that waits in memory is as secret as the keys that are made from it, which stay there for longer.
    """

    def __init__(self, block_bytes: int = BLOCK_BYTES) -> None:
        self._block_bytes = block_bytes
        self._block, self._used = b"", 0

    def draw(self, count: int) -> bytes:
        """Return ``count`` random bytes that no other draw returns."""
        if self._used + count > len(self._block):
            if count > self._block_bytes:
                return os.urandom(count)
            self._block, self._used = os.urandom(self._block_bytes), 0
        start, self._used = self._used, self._used + count
        return self._block[start : self._used]
