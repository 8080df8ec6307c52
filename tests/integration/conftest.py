"""Fixtures: clusters that are stopped and looked over at the end, and whose logs are shown where a test fails."""
import contextlib
import itertools
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from harness.cluster import AVIARYD, Cluster  # noqa: E402  (the path first)
from harness.process import Process  # noqa: E402
from harness.zookeeper import ZooKeeper  # noqa: E402

LOG_LINES_SHOWN = 60


def pytest_addoption(parser):
    parser.addoption("--full", action="store_true", help="the long form of tests that have one")


@pytest.fixture(name="full")
def _full(request):
    return request.config.getoption("--full")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item):
    """Adds the end of each process's log to the report of a failure."""
    report = (yield).get_result()
    if not report.failed:
        return
    for log in _logs(item.funcargs.values()):
        lines = log.read_text(errors="replace").splitlines()[-LOG_LINES_SHOWN:]
        report.sections.append((f"{log.name} of {report.when}, its last {len(lines)} lines", "\n".join(lines)))


def _logs(fixtures):
    """The logs in the folders of the test itself and of the brokers it shares with others."""
    folders = {fixture if isinstance(fixture, Path) else fixture.log_path.parent
               for fixture in fixtures if isinstance(fixture, (Path, Process))}
    # RocksDB's write-ahead logs are numbers.
    return sorted({log for folder in folders for log in folder.rglob("*.log") if not log.stem.isdigit()})


@pytest.fixture(name="zookeeper")
def _zookeeper(tmp_path):
    server = ZooKeeper(tmp_path)
    yield server.start()
    server.kill()


@contextlib.contextmanager
def _clusters(folder):
    assert AVIARYD.is_file(), f"{AVIARYD} is not there: scripts/build makes it"
    numbers = itertools.count()
    with contextlib.ExitStack() as ends:
        def make(count=3, mode="static", **more):
            own = folder / f"cluster-{next(numbers)}"
            own.mkdir()
            cluster = Cluster(own, count, mode, **more)
            ends.callback(cluster.remove_data)
            ends.callback(cluster.stop)
            return cluster
        yield make


@pytest.fixture(name="make_cluster")
def _make_cluster(tmp_path):
    """Makes clusters, not yet started; stops and checks them at the end."""
    with _clusters(tmp_path) as make:
        yield make


@pytest.fixture(name="cluster")
def _cluster(make_cluster):
    """Three brokers on a static list, ready."""
    return make_cluster().start()


@pytest.fixture(name="zookeeper_cluster")
def _zookeeper_cluster(make_cluster, zookeeper):
    """Three brokers and a ZooKeeper, ready."""
    return make_cluster(mode="zookeeper", zookeeper=zookeeper).start()


@pytest.fixture(name="alone")
def _alone(make_cluster):
    """One broker without anything, ready."""
    return make_cluster(1, "alone").start()[1]


@pytest.fixture(name="shared_broker", scope="module")
def _shared_broker(tmp_path_factory):
    """One broker without anything, ready, for all tests of a file: for those that leave it as it was.

    It takes as many connections as one does by default.
    """
    with _clusters(tmp_path_factory.mktemp("shared")) as make:
        yield make(1, "alone", connections_max=2048).start()[1]
