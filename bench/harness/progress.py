"""The progress file of the closed loop: how far the clients of each process are."""

import mmap
import os
import struct
import tempfile
import time

from harness.process import BenchError

SLOTS = 64
SLOT_BYTES = 64
UNUSED = 2**64 - 1
POLL_SECONDS = 0.0005


class Progress:
    def __init__(self, folder, used):
        """A file with so many slots in use."""
        slots = [0] * used + [UNUSED] * (SLOTS - used)
        fd, self.path = tempfile.mkstemp(dir=folder)
        os.write(fd, b"".join(struct.pack("=Q", value).ljust(SLOT_BYTES, b"\0") for value in slots))
        self._memory = mmap.mmap(fd, SLOTS * SLOT_BYTES, access=mmap.ACCESS_READ)
        os.close(fd)

    def least(self):
        """What the slowest client has."""
        return min(struct.unpack_from("=Q", self._memory, slot * SLOT_BYTES)[0] for slot in range(SLOTS))

    def wait_for_change(self, timeout):
        """Until the slowest client moves on."""
        deadline = time.monotonic() + timeout
        start = self.least()
        while self.least() == start:
            if time.monotonic() > deadline:
                raise BenchError(f"the slowest client has had nothing for {timeout} s")
            time.sleep(POLL_SECONDS)

    def remove(self):
        self._memory.close()
        os.unlink(self.path)
