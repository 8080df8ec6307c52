"""What a power cut leaves, where kill -9 leaves all: of a data directory what syncs confirmed, and any part of the rest.

The confirmed is what preload/shadow.h keeps. Of what was written and not synced:
  a file's end     is gone; or there up to some byte; or there, with some of its pages as zeros;
  a small file     has old pages, new pages, or some of each;
  a directory      has the entries that were confirmed, or those that the dead process left. Never a part of them: that
                   would tear renames, which no file system does.
"""
import shutil

_PAGE = 4096
_NEVER_SYNCED = "never"
_REWRITTEN_MAX = 64 * 1024


def lose_unsynced(data, shadow, prng):
    """Rebuilds the directory `data` of a dead broker, and empties its shadow: the next start takes all for confirmed.

    One that died before it could do that has written nothing that could be lost.
    """
    if not (shadow / "begun").exists():
        return
    rebuilt = shadow.with_name(f"{shadow.name}.rebuilt")
    shutil.rmtree(rebuilt, ignore_errors=True)
    rebuild(data, shadow, rebuilt, prng)
    shutil.rmtree(data, ignore_errors=True)
    shutil.move(rebuilt, data)
    shutil.rmtree(shadow)
    shadow.mkdir()


def rebuild(data, shadow, target, prng):
    """Makes the new directory `target`: what `data` might be after a power cut."""
    _rebuild_folder(shadow, "root", data, target, prng)


def _rebuild_folder(shadow, name, live, target, prng):
    target.mkdir()
    entries = _confirmed_entries(shadow / name)
    if live and prng.random() < 0.3:
        entries = _live_entries(live, shadow)
    for entry, (own, is_folder) in sorted(entries.items()):
        there = live / entry if live and _is_same(live / entry, own) else None
        if is_folder:
            _rebuild_folder(shadow, own, there, target / entry, prng)
        else:
            _rebuild_file(shadow / own, there, target / entry, prng)


def _confirmed_entries(listing):
    """Name to (name of its shadow, whether it is a directory)."""
    if not listing.exists():
        return {}
    parts = [line.split(" ", 2) for line in listing.read_text().splitlines()]
    return {entry: (own, kind == "d") for own, kind, entry in parts}


def _live_entries(live, shadow):
    """Those that the process left. A file that was never synced has no shadow."""
    shadows = sorted((each for each in shadow.iterdir() if "-" in each.name), key=lambda each: each.stat().st_mtime_ns)
    newest = {_inode(each.name): each.name for each in shadows}
    return {path.name: (newest.get(path.stat().st_ino, _NEVER_SYNCED), path.is_dir()) for path in live.iterdir()}


def _inode(own):
    return int(own.split("-")[0], 16)


def _is_same(path, own):
    return path.exists() and (own == _NEVER_SYNCED or path.stat().st_ino == _inode(own))


def _rebuild_file(confirmed, live, target, prng):
    kept = confirmed.read_bytes() if confirmed.exists() else b""
    written = live.read_bytes() if live else b""
    target.write_bytes(_mixed(kept, written, prng))


def _mixed(kept, written, prng):
    if prng.random() < 0.5:
        return kept
    if written.startswith(kept):
        if prng.random() < 0.5:
            return written[:prng.randint(len(kept), len(written))]
        return kept + b"".join(page if prng.random() < 0.7 else bytes(len(page))
                               for page in _pages(written[len(kept):], len(kept)))
    if len(written) != len(kept) or len(kept) > _REWRITTEN_MAX:
        return kept
    return b"".join(prng.choice(pair) for pair in zip(_pages(kept, 0), _pages(written, 0)))


def _pages(content, position):
    """The content, which begins at `position` in its file, cut where pages begin."""
    first = -position % _PAGE
    ends = range(first, len(content) + _PAGE, _PAGE)
    return [content[max(0, end - _PAGE):end] for end in ends if content[max(0, end - _PAGE):end]]
