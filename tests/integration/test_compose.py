"""The compose file itself: images built, a flock up, a leader killed, everything still there."""
import os
import shutil
import subprocess

import pytest
from harness.client import publish, read_all, sha256, values
from harness.cluster import ROOT
from harness.http import request
from harness.lines import real_lines
from harness.waiting import wait_until

PROJECT = "aviary-test"
BUILD_SECONDS, UP_SECONDS = 900, 120
# Brings up an engine where the machine has none; without one these tests are skipped.
ENGINE = os.environ.get("AVIARY_DOCKER_ENGINE", str(ROOT.parent / "shared/tools/docker-engine"))

pytestmark = pytest.mark.compose


def _run(*command, seconds=120):
    done = subprocess.run(command, cwd=ROOT, check=False, timeout=seconds, text=True, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert done.returncode == 0, f"{' '.join(command)}:\n{done.stdout[-5000:]}"
    return done.stdout


def _engine_runs():
    return shutil.which("docker") and subprocess.run(["docker", "info"], check=False, capture_output=True).returncode == 0


@pytest.fixture(name="docker", scope="module")
def _docker():
    """A running engine; started for these tests, and stopped after them, where there is none."""
    if _engine_runs():
        yield
        return
    if os.geteuid() != 0 or not os.access(ENGINE, os.X_OK):
        pytest.skip("no Docker engine runs here")
    _run(ENGINE, "up", seconds=600)
    yield
    _run(ENGINE, "down")


def _compose(*arguments, seconds=120):
    compose = ["docker-compose"] if shutil.which("docker-compose") else ["docker", "compose"]
    return _run(*compose, "--project-name", PROJECT, *arguments, seconds=seconds)


class Container:
    """A broker of the compose file, as the client sees it: by its port on the host."""

    def __init__(self, number):
        self.name, self.port = f"broker{number}", 7999 + number

    @property
    def id(self):
        return _compose("ps", "-q", self.name).strip()

    def request(self, *arguments, **more):
        return request(self.port, *arguments, **more)

    @property
    def ready(self):
        return self.request("GET", "/readyz", timeout=2).status == 200

    def health(self):
        return _run("docker", "inspect", "--format", "{{.State.Health.Status}}", self.id).strip()


@pytest.fixture(name="brokers", scope="module")
def _brokers(docker):
    del docker
    _compose("build", seconds=BUILD_SECONDS)
    try:
        _compose("up", "-d")
        brokers = [Container(number) for number in (1, 2, 3)]
        for broker in brokers:
            wait_until(lambda broker=broker: broker.ready, UP_SECONDS, f"{broker.name} is ready")
        yield brokers
    finally:
        print(_compose("logs", "--no-color", "--tail", "40"))
        _compose("--profile", "five", "down", "--volumes", "--remove-orphans")


def _leader_id(broker, topic):
    partitions = broker.request("GET", "/v1/partitions").json()["partitions"]
    return next(each["leader"] for each in partitions if each["topic"] == topic)


def test_a_file_survives_docker_kill(brokers):
    lines = real_lines(10_000)
    assert brokers[0].request("PUT", "/v1/topics/lines", {"replication_factor": 3}).status in (200, 201)
    victim = None
    for start in range(0, len(lines), 100):
        if start == 5000:
            victim = brokers[_leader_id(brokers[0], "lines") - 1]
            _run("docker", "kill", victim.id)
        publish(brokers, "lines", lines[start:start + 100], key=f"file-{start}")
    others = [broker for broker in brokers if broker is not victim]
    assert sha256(values(read_all(others[0], "lines"))) == sha256(lines)
    _run("docker", "start", victim.id)
    wait_until(lambda: victim.ready, UP_SECONDS, f"{victim.name} is back")
    assert sha256(values(read_all(victim, "lines"))) == sha256(lines)


def test_all_are_healthy_and_not_root(brokers):
    for broker in brokers:
        wait_until(lambda broker=broker: broker.health() == "healthy", 60, f"{broker.name} is healthy")
        assert _compose("exec", "-T", broker.name, "id", "-u").strip() != "0"
    for number in (1, 2, 3):
        assert _compose("exec", "-T", f"zookeeper{number}", "id", "-u").strip() != "0"


def test_zkcli_in_the_service(brokers):
    del brokers
    assert "[1, 2, 3]" in _compose("exec", "-T", "zookeeper1", "zkCli", "ls", "/aviary/brokers/ids")


def test_five(brokers):
    _compose("--profile", "five", "up", "-d", seconds=BUILD_SECONDS)
    for number in (4, 5):
        added = Container(number)
        wait_until(lambda added=added: added.ready, UP_SECONDS, f"{added.name} is ready")
    wait_until(lambda: len(brokers[0].request("GET", "/v1/brokers").json()["brokers"]) == 5, 30, "five brokers")


def test_down_and_up_again(brokers):
    """Volumes outlive the containers: of all five, since each may hold a replica."""
    sent = brokers[0].request("POST", "/send", {"payload": "stays"})
    assert sent.status == 200, sent
    _compose("--profile", "five", "down")
    _compose("--profile", "five", "up", "-d")
    for broker in brokers:
        wait_until(lambda broker=broker: broker.ready, UP_SECONDS, f"{broker.name} is ready")
    found = wait_until(lambda: brokers[2].request("GET", "/messages").json().get("messages"), UP_SECONDS, "messages")
    assert "stays" in [message["payload"] for message in found]
