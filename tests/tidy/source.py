"""Length, banned functions, and how text files are written."""
import ast
import re
import subprocess

from tree import RULES, Finding, c_files, code_only, files, line_of, without_directives

FILE_LINES_MAX = 600
FUNCTION_LINES_MAX = 70
_LENGTH_SUFFIXES = (".c", ".h", ".py", ".sh", "")


def check_file_length(root):
    findings = []
    for path in files(root, *_LENGTH_SUFFIXES):
        if path.name == "LICENSE":
            continue
        lines = len((root / path).read_bytes().splitlines())
        if lines > FILE_LINES_MAX:
            findings.append(Finding(str(path), lines, f"{lines} lines, {FILE_LINES_MAX} at most"))
    return findings


def c_functions(source):
    """Yields (name, first line, last line) of each function defined in C source."""
    code = without_directives(code_only(source))
    depth, start = 0, 0
    for match in re.finditer(r"[{};]", code):
        if match.group() == "{":
            if depth == 0:
                head = code[start:match.start()]
                name = re.search(r"(\w+)\s*\(", head)
                opened = (name.group(1), start) if name and head.rstrip().endswith(")") else None
            depth += 1
        elif match.group() == "}":
            depth -= 1
            if depth == 0 and opened:
                first = re.compile(r"\S").search(code, opened[1]).start()
                yield opened[0], line_of(code, first), line_of(code, match.start())
        if depth == 0:
            start = match.end()


def _python_functions(source):
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node.name, node.lineno, node.end_lineno


def check_function_length(root):
    findings = []
    for path in files(root, ".c", ".h", ".py"):
        functions = _python_functions if path.suffix == ".py" else c_functions
        for name, first, last in functions((root / path).read_text()):
            lines = last - first + 1
            if lines > FUNCTION_LINES_MAX:
                findings.append(Finding(str(path), first, f"{name} has {lines} lines, {FUNCTION_LINES_MAX} at most"))
    return findings


def check_banned_functions(root):
    findings = []
    for path in c_files(root):
        banned = dict(RULES["banned_everywhere"])
        if path.parts[0] in ("src", "include"):
            banned |= RULES["banned_in_src"]
        code = code_only((root / path).read_text())
        for match in re.finditer(r"(?<![\w.>])(\w+)\s*\(", code):
            if match.group(1) in banned:
                findings.append(Finding(str(path), line_of(code, match.start()),
                                        f"{match.group(1)}: {banned[match.group(1)]}"))
    return findings


def check_todo(root):
    """TODO only with the issue that will do it and words that say what: TODO(#12): ..."""
    findings = []
    for path in files(root):
        if path.parts[:2] == ("tests", "tidy"):
            continue
        for number, line in enumerate(_lines(root / path), 1):
            if re.search(r"\bFIXME\b|\bXXX\b|\bTODO\b(?!\(#\d+\): \w)", line):
                findings.append(Finding(str(path), number, "do it now, or write TODO(#issue): why later"))
    return findings


def _lines(path):
    """The lines of a text file; none of a binary one."""
    content = path.read_bytes()
    return [] if b"\0" in content else content.decode().split("\n")


def check_text(root):
    findings = []
    for path in files(root):
        lines = _lines(root / path)
        if lines and lines != [""] and lines[-1] != "":
            findings.append(Finding(str(path), len(lines), "no newline at the end"))
        for number, line in enumerate(lines, 1):
            if "\t" in line:
                findings.append(Finding(str(path), number, "a tab"))
            # In a patch, the space of an empty line says that it is context.
            if line != line.rstrip() and (path.suffix, line) != (".patch", " "):
                findings.append(Finding(str(path), number, "white space at the end of the line"))
    return findings


def _run_over(root, command, paths):
    """What `command` says of the paths; empty where it is content."""
    if not paths:
        return ""
    return subprocess.run([*command, *map(str, paths)], cwd=root, check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True).stdout


def check_layout(root):
    output = _run_over(root, ["clang-format-14", "--dry-run", "-Werror"], c_files(root))
    first_lines = {}
    for path, line in re.findall(r"^(\S+?):(\d+):\d+: error", output, re.MULTILINE):
        first_lines.setdefault(path, int(line))
    return [Finding(path, line, "run clang-format-14 -i") for path, line in first_lines.items()]


def check_shell(root):
    scripts = [path for path in files(root, ".sh", "")
               if (root / path).read_bytes().startswith((b"#!/usr/bin/env bash", b"#!/bin/bash", b"#!/bin/sh"))]
    findings = [Finding(str(path), 2, "wants set -euo pipefail (sh: set -eu)") for path in scripts
                if not re.search(r"^set -eu", (root / path).read_text(), re.MULTILINE)]
    output = _run_over(root, ["shellcheck", "--format=gcc", "--external-sources"], scripts)
    return findings + [Finding(path, int(line), message)
                       for path, line, message in re.findall(r"^(\S+?):(\d+):\d+: (.*)", output, re.MULTILINE)]


def check_links(root):
    """A relative link in a Markdown file leads to a file that is there."""
    findings = []
    for path in files(root, ".md"):
        for number, line in enumerate(_lines(root / path), 1):
            for target in re.findall(r"\]\(([^)#\s]+)", line):
                if "://" not in target and not (root / path.parent / target).exists():
                    findings.append(Finding(str(path), number, f"{target} is not there"))
    return findings
