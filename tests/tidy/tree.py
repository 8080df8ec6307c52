"""The files of the project, and C source without its comments and strings."""
import json
import re
import subprocess
from pathlib import Path
from typing import NamedTuple

RULES = json.loads((Path(__file__).parent / "rooms.json").read_text())


class Finding(NamedTuple):
    """One place that breaks a rule, and what to do there."""

    path: str
    line: int
    message: str

    def __str__(self):
        return f"{self.path}:{self.line}: {self.message}"


def files(root, *suffixes):
    """Paths relative to root that git tracks or would track, of the given suffixes (all of them without any).

    Without the fuzzers' corpora, which are bytes of any kind.
    """
    listing = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=root, check=True, capture_output=True, text=True).stdout
    paths = sorted({Path(name) for name in listing.split("\0") if name})
    return [path for path in paths
            if (root / path).is_file() and (not suffixes or path.suffix in suffixes)
            and path.parts[:3] != ("tests", "fuzz", "corpus")]


def c_files(root):
    return files(root, ".c", ".h")


_TOKENS = re.compile(r"""
    (?P<comment> /\*.*?\*/ | //[^\n]* )
  | (?P<text> "(?:\\.|[^"\\\n])*" | '(?:\\.|[^'\\\n])*' )
""", re.VERBOSE | re.DOTALL)


def code_only(source):
    """The source with comments blanked and strings emptied; every line keeps its number."""
    def blank(match):
        if match.lastgroup == "comment":
            return "\n" * match.group().count("\n") or " "
        return match.group()[0] * 2
    return _TOKENS.sub(blank, source)


def without_directives(code):
    """The same with preprocessor directives blanked, continuation lines too."""
    return re.sub(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", lambda match: "\n" * match.group().count("\n"),
                  code, flags=re.MULTILINE)


def line_of(text, position):
    return text.count("\n", 0, position) + 1


def room_of(path):
    """The room that a source or header belongs to: src/<room>/..., include/aviary/<room>.h or .../<room>/x.h."""
    parts = path.parts
    if parts[0] == "src" and len(parts) >= 3:
        return parts[1]
    if parts[:2] == ("include", "aviary") and len(parts) >= 3:
        return path.stem if len(parts) == 3 else parts[2]
    return None
