"""What is needed from outside: by pure libraries no I/O, no clock, no thread; by programs, which libraries."""
import subprocess

from tree import RULES, Finding


def _nm(library, option):
    assert library.is_file(), f"{library} is not there: scripts/build makes it"
    output = subprocess.run(["nm", "--format=posix", option, str(library)],
                            check=True, capture_output=True, text=True).stdout
    return {line.split()[0] for line in output.splitlines() if len(line.split()) >= 2}


def _library(build, room):
    return build / "src" / room / f"lib{room}.a"


def _allowed(build, room):
    pure = RULES["pure"]
    base = {name for name in _nm(_library(build, "base"), "--defined-only")
            if not name.startswith(tuple(pure["base_not_allowed"]))}
    names = set(pure["libc"]) | set(pure["compiler"]) | base
    for used in [room, *RULES["may_use"][room]]:
        names |= _nm(_library(build, used.split("/")[0]), "--defined-only")
    return names


def check_pure_symbols(root, build):
    """Over the static libraries of a build without sanitizers, which would bring symbols of their own."""
    findings = []
    for room in RULES["pure"]["rooms"]:
        if not (root / "src" / room).is_dir():
            continue
        foreign = _nm(_library(build, room), "--undefined-only") - _allowed(build, room)
        findings += [Finding(f"src/{room}", 1, f"a pure room may not call {name}") for name in sorted(foreign)]
    return findings


def libraries(program):
    """The shared libraries that it is linked with."""
    output = subprocess.run(["readelf", "--dynamic", str(program)], check=True, capture_output=True, text=True).stdout
    return {line.split("[")[1].rstrip("]") for line in output.splitlines() if "(NEEDED)" in line}
