"""A sample of what crash_points.py does with every call."""
import pytest

from crash_points import STORIES, sample

POINTS = {
    ("alone", "exit"): 6, ("alone", "torn"): 4, ("alone", "eio"): 4, ("alone", "power"): 5, ("new-disk", "exit"): 3,
    ("recover", "exit"): 4, ("salvage", "torn"): 4,
}


@pytest.mark.parametrize("name, mode", POINTS)
def test_cut_anywhere(tmp_path, name, mode):
    story = STORIES[name](tmp_path)
    try:
        assert sample(story, mode, POINTS[name, mode]) > POINTS[name, mode]
    finally:
        if hasattr(story, "close"):
            story.close()
