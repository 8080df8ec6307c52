"""Real lines to publish: the project's own text, numbered so that each is there once."""
from .cluster import ROOT


def real_lines(count):
    """`count` lines of bytes without newline."""
    texts = sorted(path for folder in ("docs", "include", "src") for path in (ROOT / folder).rglob("*.[hcm]*"))
    lines = [line for path in texts if path.is_file() for line in path.read_bytes().splitlines()]
    return [b"%d: %s" % (number, lines[number % len(lines)]) for number in range(count)]
