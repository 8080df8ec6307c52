"""Kafka's RecordBatch v2, encoded independently of the broker: what the `vnd.aviary.batch` body is."""
import struct

MEDIA_TYPE = "application/vnd.aviary.batch"
_TABLE = []


def crc32c(data):
    """Castagnoli's CRC, bit by bit into a table."""
    if not _TABLE:
        for byte in range(256):
            for _ in range(8):
                byte = (byte >> 1) ^ (0x82F63B78 if byte & 1 else 0)
            _TABLE.append(byte)
    crc = 0xFFFFFFFF
    for byte in data:
        crc = (crc >> 8) ^ _TABLE[(crc ^ byte) & 0xFF]
    return crc ^ 0xFFFFFFFF


def varint(number):
    """Zig-zag, seven bits a byte."""
    number = (number << 1) ^ (number >> 63)
    encoded = bytearray()
    while number > 0x7F:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes(encoded) + bytes([number])


def _field(value):
    return varint(-1) if value is None else varint(len(value)) + value


def _record(index, key, value):
    body = b"\0" + varint(0) + varint(index) + _field(key) + _field(value) + varint(0)
    return varint(len(body)) + body


def encode(records, timestamp_ms=1_700_000_000_000, count=None):
    """`records`: (key, value) pairs of bytes or None. `count` lies about how many there are."""
    count = len(records) if count is None else count
    body = b"".join(_record(index, key, value) for index, (key, value) in enumerate(records))
    covered = struct.pack(">hiqqqhii", 0, count - 1, timestamp_ms, timestamp_ms, -1, -1, -1, count) + body
    rest = struct.pack(">ibI", -1, 2, crc32c(covered)) + covered
    return struct.pack(">qi", 0, len(rest)) + rest
