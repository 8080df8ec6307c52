"""The switches of the library that is loaded in front of a broker (preload/control.h): shared memory."""
import mmap
import struct

_BYTES = 4096
_EVERY = 2**64 - 1


def _field(at, form):
    def read(self):
        return struct.unpack_from(form, self._page, at)[0]

    def write(self, value):
        struct.pack_into(form, self._page, at, value)
    return property(read, write)


class Switches:
    syncs_to_fail = _field(0, "=Q")
    sync_delay_us = _field(8, "=Q")
    realtime_offset_ms = _field(16, "=q")
    syncs_total = _field(24, "=Q")
    syncs_failed_total = _field(32, "=Q")

    def __init__(self, path):
        path.write_bytes(bytes(_BYTES))
        with path.open("r+b") as file:
            self._page = mmap.mmap(file.fileno(), _BYTES)

    def fail_every_sync(self):
        self.syncs_to_fail = _EVERY

    def reset(self):
        """All faults off."""
        self.syncs_to_fail = self.sync_delay_us = self.realtime_offset_ms = 0

    def close(self):
        self._page.close()
