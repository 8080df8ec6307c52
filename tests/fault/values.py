"""What the clients write: values that are there once in the world, and from which their own bytes can be told.

A value is its name, a point, and a filler that follows from the name. In a history a value stands as its name
alone while it is whole; anything else stands as a description that is no value's name, so that altered bytes
are seen without keeping the bytes.
"""
import hashlib
import re

_NAME = re.compile(rb"([a-z0-9-]{1,60})\.(t|b)([0-9]{1,7})\.")
_NAME_BYTES_MAX = 80


def make(name, filler=0, binary=False):
    """The bytes of the value `name` with `filler` bytes behind it: text without a newline, or any bytes."""
    return b"%s.%s%d." % (name.encode(), b"b" if binary else b"t", filler) + _filler(name, filler, binary)


def _filler(name, size, binary):
    stream = hashlib.shake_128(name.encode())
    return stream.digest(size) if binary else stream.hexdigest((size + 1) // 2)[:size].encode()


def describe(value, key=None):
    """The name of a whole value; of anything else a text that begins with `!`, and the name it seems to have had.

    `key`: of the record, where it has one; it must be the value's name.
    """
    if value is None:
        return "!null"
    match = _NAME.match(value[:_NAME_BYTES_MAX])
    if not match:
        return f"!?:{len(value)}:{hashlib.sha1(value).hexdigest()[:16]}"
    name = match[1].decode()
    if make(name, int(match[3]), match[2] == b"b") != value:
        return f"!{name}:{len(value)}:{hashlib.sha1(value).hexdigest()[:16]}"
    if key is not None and key != match[1]:
        return f"!{name}:key:{hashlib.sha1(key).hexdigest()[:16]}"
    return name


def name_of(description):
    """The name in a description; None where it has none."""
    name = description.removeprefix("!").split(":")[0]
    return None if name in ("?", "null") else name


def is_whole(description):
    return not description.startswith("!")
