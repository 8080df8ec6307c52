"""Every check over the project itself."""
import os
from pathlib import Path

import includes
import pytest
import source
import symbols

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / os.environ.get("AVIARY_BUILD", "build/release")

CHECKS = [
    includes.check_rooms,
    includes.check_third_party,
    includes.check_guards,
    includes.check_listed_in_meson,
    source.check_file_length,
    source.check_function_length,
    source.check_banned_functions,
    source.check_todo,
    source.check_text,
    source.check_layout,
    source.check_shell,
    source.check_links,
]


def _assert_none(findings):
    assert not findings, "\n" + "\n".join(map(str, findings))


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_project(check):
    _assert_none(check(ROOT))


def test_pure_symbols():
    _assert_none(symbols.check_pure_symbols(ROOT, BUILD))


def test_the_broker_has_the_allocator_that_is_measured():
    assert "libjemalloc.so.2" in symbols.libraries(BUILD / "src/server/aviaryd")
