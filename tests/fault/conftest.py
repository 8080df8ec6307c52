"""Lets the tests find the modules beside them, and the harness of the integration tests; clusters to be hurt."""
import contextlib
import os
import random
import sys
from pathlib import Path

import pytest

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "integration")]

from cluster import FaultCluster  # noqa: E402  (the path first)
from harness.cluster import AVIARYD  # noqa: E402

LOG_LINES_SHOWN = 40


def pytest_addoption(parser):
    parser.addoption("--full", action="store_true", help="the long form of tests that have one")


@pytest.fixture(name="full")
def _full(request):
    return request.config.getoption("--full")


@pytest.fixture(name="make_cluster", scope="module")
def _make_cluster(tmp_path_factory):
    """Starts clusters, which end with the tests of a file; what is given is for FaultCluster."""
    if os.geteuid() != 0:
        pytest.skip("network namespaces need root")
    with contextlib.ExitStack() as ends:
        def make(**features):
            folder = tmp_path_factory.mktemp("cluster")
            return ends.enter_context(FaultCluster(folder, aviaryd=AVIARYD, prng=random.Random(1), **features)).start()
        yield make


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item):
    """Adds the end of each broker's log to the report of a failure."""
    report = (yield).get_result()
    clusters = [each for each in getattr(item, "funcargs", {}).values() if isinstance(each, FaultCluster)]
    for broker in (broker for cluster in clusters for broker in cluster.brokers if report.failed):
        lines = broker.log().splitlines()[-LOG_LINES_SHOWN:]
        report.sections.append((f"{broker.name}, its last {len(lines)} lines", "\n".join(lines)))
