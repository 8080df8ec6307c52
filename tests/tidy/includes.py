"""Who may include whom: rooms look only upwards in the table, and each library's headers are seen by one room."""
import re

from tree import RULES, Finding, c_files, line_of, room_of

_INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*(?P<target>"[^"\n]+"|<[^>\n]+>)', re.MULTILINE)


def _includes(source):
    for match in _INCLUDE.finditer(source):
        yield match.group("target")[1:-1], line_of(source, match.start())


def _may_include(room, target):
    """target: 'raft' or 'raft/types', a public header without aviary/ and .h."""
    allowed = RULES["may_use"][room]
    owner = target.split("/")[0]
    if owner in (room, "base") or "*" in allowed or target in allowed:
        return True
    return owner in allowed and owner not in RULES["ports"]


def _room_finding(path, room, header, line):
    if ".." in header.split("/") or header.startswith("src/"):
        return Finding(str(path), line, f'"{header}" reaches into another folder: use its public header')
    if not header.startswith("aviary/"):
        return None
    target = header.removeprefix("aviary/").removesuffix(".h")
    if _may_include(room, target):
        return None
    return Finding(str(path), line, f"room {room} may not include {header}: see tests/tidy/rooms.json")


def check_rooms(root):
    findings = []
    for path in c_files(root):
        room = room_of(path)
        if room is None:
            continue
        if room not in RULES["may_use"]:
            findings.append(Finding(str(path), 1, f"room {room} is not in tests/tidy/rooms.json"))
            continue
        for header, line in _includes((root / path).read_text()):
            findings.append(_room_finding(path, room, header, line))
    return [finding for finding in findings if finding]


def _library_owner(header):
    for prefix, room in RULES["third_party"].items():
        if header == prefix or (prefix.endswith("/") and header.startswith(prefix)):
            return room
    return None


def _may_see_library(path, owner):
    """Only private files of the room, its unit tests and fuzz targets, and what tests share to look from outside."""
    if path.parts[0] == "src":
        return room_of(path) == owner
    kind = path.parts[:2]
    return (kind == ("tests", "support")
            or kind == ("tests", "unit") and path.name.startswith(f"test_{owner}")
            or kind == ("tests", "fuzz") and path.name.startswith(f"{owner}_"))


def check_third_party(root):
    findings = []
    for path in c_files(root):
        for header, line in _includes((root / path).read_text()):
            owner = _library_owner(header)
            if owner and not _may_see_library(path, owner):
                findings.append(Finding(str(path), line, f"{header} is for src/{owner} alone"))
    return findings


def _guard(path):
    """The pattern of a header's guard, which names its folders and its file."""
    parts = path.with_suffix("").parts
    if parts[0] == "src":
        # A private header may leave out the project and, where its name says it, the room; and may say PRIVATE.
        return rf"(?:AVIARY_)?(?:{parts[1].upper()}_)?{'_'.join(parts[2:]).upper()}(?:_PRIVATE)?_H"
    if parts[:2] == ("include", "aviary"):
        parts = parts[2:]
    return "AVIARY_" + "_".join(parts).upper() + "_H"


def check_guards(root):
    """Around all of a header, named after it, and used once."""
    findings, seen = [], {}
    for path in c_files(root):
        if path.suffix != ".h":
            continue
        source = (root / path).read_text()
        opens = re.search(rf"^#ifndef ({_guard(path)})\n#define \1\n", source, re.MULTILINE)
        if not opens or not source.rstrip().endswith("#endif"):
            findings.append(Finding(str(path), 1, f"wants the header guard {_guard(path)}"))
        elif opens.group(1) in seen:
            findings.append(Finding(str(path), 1, f"{seen[opens.group(1)]} has the same guard: rename one"))
        else:
            seen[opens.group(1)] = path
    return findings


def check_listed_in_meson(root):
    """A source that no meson.build names is never built."""
    findings = []
    for path in c_files(root):
        if path.suffix != ".c" or path.parts[0] not in ("src", "tests"):
            continue
        folders = [root / folder for folder in path.parents]
        builds = [folder / "meson.build" for folder in folders if (folder / "meson.build").is_file()]
        # As 'x.c' in a list of files, or as 'x' in a table of tests.
        named = re.compile(rf"\b{re.escape(path.name)}\b|'{re.escape(path.stem)}'")
        if not any(named.search(build.read_text()) for build in builds):
            findings.append(Finding(str(path), 1, "is in no meson.build"))
    return findings
