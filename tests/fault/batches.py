"""Reads the record batches that a broker gives verbatim: Kafka's RecordBatch v2, as our clients' writes are stored."""
import struct

# Base offset, length, leader epoch, magic, CRC, attributes, last delta, two times, producer (3), count.
_HEAD = struct.Struct(">qiibIhiqqqhii")
_BEFORE_LENGTH = 12  # the base offset and the length itself are not counted by it


def split(data):
    """(base offset, bytes) of each batch; all must be whole."""
    position = 0
    while position < len(data):
        base_offset, length = _HEAD.unpack_from(data, position)[:2]
        end = position + _BEFORE_LENGTH + length
        if end > len(data):
            raise ValueError(f"a batch at byte {position} ends beyond the answer")
        yield base_offset, data[position:end]
        position = end


def records(batch):
    """(offset, key, value) of each record of one batch, which must not be compressed."""
    head = _HEAD.unpack_from(batch)
    yield from _records(batch, _HEAD.size, head[-1], head[0])


def _records(data, position, count, base_offset):
    for _ in range(count):
        size, position = _varint(data, position)
        after = position + size
        _, position = _varint(data, position + 1)  # behind the attributes: the time
        delta, position = _varint(data, position)
        key, position = _field(data, position)
        value, position = _field(data, position)
        yield base_offset + delta, key, value
        position = after


def _field(data, position):
    size, position = _varint(data, position)
    return (None, position) if size < 0 else (data[position:position + size], position + size)


def _varint(data, position):
    """Seven bits a byte, zig-zag."""
    number = shift = 0
    while True:
        byte = data[position]
        number |= (byte & 0x7F) << shift
        position, shift = position + 1, shift + 7
        if byte < 0x80:
            return (number >> 1) ^ -(number & 1), position
