"""Faults of a disk, done to the files of a data directory."""
import os

BLOCK = 4096
DATABASE_TYPES = {"wal": ".log", "table": ".sst"}
SINGLE_FILES = {"manifest": "db/MANIFEST-*", "current": "db/CURRENT", "witness": "witness", "identity": "identity"}
FILE_TYPES = (*DATABASE_TYPES, *SINGLE_FILES)
# Of one file; `flip` and `scribble` at a drawn place, `cut` from there on.
KINDS = ("flip", "scribble", "zero", "cut", "delete", "extend")


def files_of(data, file_type):
    """The files of that type in the data directory `data`, the largest first."""
    if file_type in DATABASE_TYPES:
        found = (data / "db").glob("*" + DATABASE_TYPES[file_type])
    else:
        found = data.glob(SINGLE_FILES[file_type])
    return sorted(found, key=lambda path: (-path.stat().st_size, path.name))


def damage(path, kind, random):
    """Does one fault to one file; returns what was done in words."""
    if kind == "delete":
        path.unlink()
        return f"{path.name}: deleted"
    content = bytearray(path.read_bytes())
    at = random.randrange(len(content)) if content else 0
    if kind == "extend":
        content += random.randbytes(random.randint(1, BLOCK))
    elif kind == "cut":
        del content[at:]
    elif kind == "flip" and content:
        content[at] ^= 1 << random.randrange(8)
    elif kind == "scribble":
        content[at:at + 64] = random.randbytes(len(content[at:at + 64]))
    elif kind == "zero":
        at = at // BLOCK * BLOCK
        content[at:at + BLOCK] = bytes(len(content[at:at + BLOCK]))
    path.write_bytes(content)
    return f"{path.name}: {kind} at {at} of {len(content)} bytes"


def rot_tables(data, random, one_in=1):
    """Scribbles over blocks of all tables in place, beneath a broker that may run; returns how many blocks."""
    spoiled = 0
    for path in files_of(data, "table"):
        with path.open("r+b") as file:
            size = path.stat().st_size
            # Not the last block: a file that cannot be opened again is a coarser fault than one that cannot be read.
            for at in range(0, size - 2 * BLOCK, BLOCK):
                if random.randrange(one_in) == 0:
                    file.seek(at)
                    file.write(random.randbytes(64))
                    spoiled += 1
            file.flush()
            os.fsync(file.fileno())
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    return spoiled
