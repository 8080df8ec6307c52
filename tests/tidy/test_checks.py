"""Every check is seen to catch what it is for, and to let good files pass, over small trees of its own."""
import subprocess

import includes
import pytest
import source
import symbols


@pytest.fixture(name="tree")
def _tree(tmp_path):
    """Writes files into a git tree of its own; returns the function that does."""
    subprocess.run(["git", "init", "--quiet", str(tmp_path)], check=True)

    def write(contents):
        for name, content in contents.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)
        return tmp_path
    return write


def messages(findings):
    return [f"{finding.path}:{finding.line} {finding.message}" for finding in findings]


@pytest.mark.parametrize("path, text", [
    ("src/raft/a.c", '#include "aviary/storage.h"\n'),
    ("src/storage/a.c", '#include "aviary/raft/core.h"\n'),
    ("src/base/a.c", '#  include "aviary/json.h"\n'),
    ("src/json/a.c", '#include "../http/server.h"\n'),
    ("include/aviary/record/b.h", '#include "aviary/raft.h"\n'),
    ("src/broker/a.c", '#include "aviary/coordination/zookeeper.h"\n'),
    ("src/attic/a.c", "int x;\n"),
])
def test_rooms_catches(tree, path, text):
    assert len(includes.check_rooms(tree({path: text}))) == 1


def test_rooms_passes(tree):
    assert not includes.check_rooms(tree({
        "src/raft/a.c": '#include "aviary/raft.h"\n#include "log.h"\n#include "aviary/base.h"\n#include <string.h>\n',
        "src/storage/a.c": '#include "aviary/raft/types.h"\n#include "aviary/record.h"\n',
        "src/server/a.c": '#include "aviary/api.h"\n#include "aviary/coordination/zookeeper.h"\n',
        "src/broker/a.c": '#include "aviary/coordination.h"\n',
        "tests/unit/test_raft_a.c": '#include "aviary/storage.h"\n',
    }))


@pytest.mark.parametrize("path, header", [
    ("src/api/a.c", "cjson/cJSON.h"),
    ("src/broker/a.c", "rocksdb/c.h"),
    ("src/server/a.c", "civetweb.h"),
    ("src/transport/a.c", "curl/curl.h"),
    ("src/broker/a.c", "zookeeper/zookeeper.h"),
    ("src/api/a.c", "zlib.h"),
    ("src/api/a.c", "snappy-c.h"),
    ("src/api/a.c", "lz4frame.h"),
    ("src/record/a.c", "zstd.h"),
    ("include/aviary/storage.h", "rocksdb/c.h"),
    ("tests/unit/test_api_a.c", "curl/curl.h"),
])
def test_third_party_catches(tree, path, header):
    assert len(includes.check_third_party(tree({path: f"#include <{header}>\n"}))) == 1


def test_third_party_passes(tree):
    assert not includes.check_third_party(tree({
        "src/http/a.c": "#include <civetweb.h>\n#include <curl/curl.h>\n",
        "tests/unit/test_compress_a.c": "#include <zstd.h>\n",
    }))


def test_guards(tree):
    def header(guard):
        return f"/* What. */\n#ifndef {guard}\n#define {guard}\n\n#endif\n"
    root = tree({
        "src/raft/log.h": header("AVIARY_RAFT_LOG_H"),
        "src/raft/peer.h": header("RAFT_PEER_H"),
        "src/raft/none.h": "int x;\n",
        "include/aviary/raft.h": header("AVIARY_RAFT_RAFT_H"),
        "tests/unit/help.h": header("AVIARY_TESTS_UNIT_HELP_H"),
    })
    assert [finding.path for finding in includes.check_guards(root)] == ["include/aviary/raft.h", "src/raft/none.h"]


def test_guards_are_used_once(tree):
    text = "#ifndef AVIARY_RAFT_LOG_H\n#define AVIARY_RAFT_LOG_H\n#endif\n"
    root = tree({"src/raft/log.h": text, "include/aviary/raft/log.h": text})
    assert [finding.path for finding in includes.check_guards(root)] == ["src/raft/log.h"]


def test_listed_in_meson(tree):
    root = tree({"src/raft/meson.build": "files('log.c')\n", "src/raft/log.c": "", "src/raft/lost.c": ""})
    assert [finding.path for finding in includes.check_listed_in_meson(root)] == ["src/raft/lost.c"]


def test_file_length(tree):
    root = tree({"src/a/long.c": "\n" * 601, "src/a/good.c": "\n" * 600})
    assert messages(source.check_file_length(root)) == ["src/a/long.c:601 601 lines, 600 at most"]


def _function(name, lines):
    return f"static int {name}(int a,\n               int b) {{\n" + "    a++;\n" * (lines - 3) + "}\n"


def test_function_length(tree):
    root = tree({
        "src/a/a.c": "struct s {\n    int x;\n};\n" + _function("good", 70) + "\n" + _function("long", 71),
        "tests/a.py": "def good():\n    pass\n\n\ndef long():\n" + "    pass\n" * 70,
    })
    assert messages(source.check_function_length(root)) == [
        "src/a/a.c:75 long has 71 lines, 70 at most", "tests/a.py:5 long has 71 lines, 70 at most"]


def test_function_length_reads_c():
    text = '#define F(x) { \\\n  x }\nint table[] = {1, 2};\nconst char *s = "}";\nint f(void) {\n  if (1) { /* } */ }\n}\n'
    assert list(source.c_functions(text)) == [("f", 5, 7)]


@pytest.mark.parametrize("call", [
    "strcpy(a, b)", "strcat(a, b)", "sprintf(a, b)", "strtok(a, b)", "gets(a)", "atoi (a)", "rand()", "alloca(3)",
    "sleep(1)", "usleep(1)",
])
def test_banned_catches(tree, call):
    root = tree({"src/a/a.c": f"void f(void) {{\n    {call};\n}}\n"})
    assert [finding.line for finding in source.check_banned_functions(root)] == [2]


def test_banned_passes(tree):
    assert not source.check_banned_functions(tree({
        "src/a/a.c": '/* strcpy(a) */ // gets(b)\nconst char *s = "rand()";\nvoid g(void) { snprintf(); port->sleep(1); }\n',
        "tests/unit/test_a.c": "void f(void) { usleep(1); }\n",
    }))


def test_todo(tree):
    root = tree({"src/a/a.c": "/* TODO later */\n/* FIXME */\n/* TODO(#12): until the group room stands */\n"})
    assert [finding.line for finding in source.check_todo(root)] == [1, 2]


def test_text(tree):
    root = tree({"a.md": "no end", "b.c": "\tx\n", "c.c": "x \n", "d.c": "x\n", "empty": "", "picture": "\0\t"})
    assert messages(source.check_text(root)) == [
        "a.md:1 no newline at the end", "b.c:1 a tab", "c.c:1 white space at the end of the line"]


def test_layout(tree):
    root = tree({".clang-format": "BasedOnStyle: LLVM\n", "a.c": "int  x;\n", "b.c": "int x;\n"})
    assert {finding.path for finding in source.check_layout(root)} == {"a.c"}


def test_shell(tree):
    head = "#!/usr/bin/env bash\n"
    root = tree({"a.sh": head + "set -euo pipefail\nrm $1\n", "b": head + "true\n", "c": head + "set -euo pipefail\n"})
    assert {finding.path for finding in source.check_shell(root)} == {"a.sh", "b"}


def test_links(tree):
    root = tree({"docs/a.md": "[b](b.md) [c](../c.md#x) [d](https://d.example/) [e](#e)\n", "docs/b.md": "\n"})
    assert messages(source.check_links(root)) == ["docs/a.md:1 ../c.md is not there"]


def _library(root, room, code):
    folder = root / "build/src" / room
    folder.mkdir(parents=True)
    (root / "src" / room).mkdir(parents=True)
    (folder / "x.c").write_text(code)
    subprocess.run(["cc", "-c", "x.c", "-o", "x.o"], cwd=folder, check=True)
    subprocess.run(["ar", "rc", f"lib{room}.a", "x.o"], cwd=folder, check=True)


@pytest.mark.parametrize("body, foreign", [
    ("void time_it(void); void clock_monotonic_ms(void); void f(void) { clock_monotonic_ms(); }", "clock_monotonic_ms"),
    ("int pthread_self(void); int f(void) { return pthread_self(); }", "pthread_self"),
    ("long write(int, const void *, unsigned long); void f(void) { write(1, 0, 0); }", "write"),
    ("void record_encode(void); void f(void) { record_encode(); }", "record_encode"),
    ("void *malloc(unsigned long); void buffer_clear(void); void *f(void) { buffer_clear(); return malloc(3); }", None),
])
def test_pure_symbols(tmp_path, body, foreign):
    _library(tmp_path, "base", "void buffer_clear(void) {} void clock_monotonic_ms(void) {}")
    _library(tmp_path, "raft", body)
    expected = [f"src/raft:1 a pure room may not call {foreign}"] if foreign else []
    assert messages(symbols.check_pure_symbols(tmp_path, tmp_path / "build")) == expected
