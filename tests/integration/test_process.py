"""aviaryd as a process: what it says of itself, its configuration, and its end."""
import json
import re
import socket
import subprocess
import threading
import time

import pytest
from harness.client import Load, publish
from harness.cluster import AVIARYD
from harness.http import Unanswered

SIGTERM_SECONDS = 5


def _run(*arguments, **environment):
    return subprocess.run([AVIARYD, *map(str, arguments)], check=False, capture_output=True, text=True, timeout=20,
                          stdin=subprocess.DEVNULL, env=environment or None)


def test_help_names_every_flag():
    said = _run("--help")
    assert said.returncode == 0 and not said.stderr
    for flag in ("id", "data", "listen", "peer-listen", "advertise", "zookeeper", "expect", "peers", "config",
                 "log-level", "log-format", "help", "version", "check-config"):
        assert f"--{flag}" in said.stdout, flag
    assert "AVIARY_" in said.stdout


def test_version():
    said = _run("--version")
    assert said.returncode == 0
    assert re.fullmatch(r"aviaryd \d+\.\d+\.\d+.*\n", said.stdout)


@pytest.mark.parametrize("arguments, named", [
    (["--no-such-flag"], "--no-such-flag"),
    (["--id", "many"], "id"),
    (["--id", "0"], "id"),
    (["--listen", "nonsense"], "listen"),
    (["--listen", "127.0.0.1:70000"], "listen"),
    (["--peers", "1=127.0.0.1:1", "--zookeeper", "127.0.0.1:2/aviary"], "peers"),
    (["--peers", "2=127.0.0.1:1"], "peers"),
    (["--peers", "1=127.0.0.1:1,1=127.0.0.1:2"], "peers"),
    (["--zookeeper", "127.0.0.1"], "zookeeper"),
    (["--expect", "0", "--zookeeper", "127.0.0.1:2/aviary"], "expect"),
    (["--log-level", "loud"], "log-level"),
    (["--log-format", "xml"], "log-format"),
    (["--config", "/nowhere/aviary.conf"], "/nowhere/aviary.conf"),
])
def test_a_bad_configuration_is_named(tmp_path, arguments, named):
    said = _run("--check-config", "--data", tmp_path / "data", *arguments)
    assert said.returncode != 0
    assert named.replace("-", "_") in said.stderr.replace("-", "_"), said
    assert not (tmp_path / "data").exists()


def test_check_config_starts_nothing(tmp_path):
    said = _run("--check-config", "--data", tmp_path / "data")
    assert said.returncode == 0, said
    assert not (tmp_path / "data").exists()


def test_flags_win_over_environment_and_file(tmp_path):
    """Each setting can stand in all three places; --check-config says what came of it."""
    file = tmp_path / "aviary.conf"
    file.write_text("id = 3\nlog-level = error\nexpect = 5\n")
    said = _run("--check-config", "--config", file, "--id", 7, AVIARY_ID="4", AVIARY_LOG_LEVEL="debug",
                AVIARY_DATA=str(tmp_path / "d"))
    assert said.returncode == 0, said
    settings = dict(re.findall(r"^([\w-]+) = (.*)$", said.stdout, re.MULTILINE))
    assert (settings["id"], settings["log-level"], settings["data"]) == ("7", "debug", str(tmp_path / "d"))


def test_an_address_in_use(alone, tmp_path):
    second = type(alone)(2, tmp_path, [])
    second.command = [f"127.0.0.1:{alone.port}" if part == f"127.0.0.1:{second.port}" else part
                      for part in second.command]
    second.start()
    assert second.process.wait(10) != 0
    assert str(alone.port) in second.log()


def test_the_kernel_chooses_the_port(alone):
    alone.stop()
    alone.command = ["127.0.0.1:0" if part in (f"127.0.0.1:{alone.port}", f"127.0.0.1:{alone.peer_port}") else part
                     for part in alone.command]
    alone.start()
    found = alone.wait_for_log(r"listening.*rest=127\.0\.0\.1:(?!%d\b)(\d+).*peer=127\.0\.0\.1:(\d+)" % alone.port, 15)
    alone.port = int(found.group(1))
    alone.wait_ready()


def test_json_log(make_cluster):
    broker = make_cluster(1, "alone", options=["--log-format", "json", "--log-level", "debug"]).start()[1]
    broker.stop()
    events = [json.loads(line) for line in broker.log().splitlines()]
    assert events and all(event["broker"] == 1 and event["room"] and event["event"] for event in events)


def test_logs_hold_no_payload(make_cluster):
    broker = make_cluster(1, "alone", options=["--log-level", "debug"]).start()[1]
    broker.request("PUT", "/v1/topics/t", {})
    publish([broker], "t", [b"very-secret-payload"], key="very-secret-key")
    broker.request("POST", "/v1/topics/t/messages?acks=7", b"very-secret-payload")
    broker.stop()
    assert "very-secret" not in broker.log()


def test_sigterm_hands_over_and_ends(cluster):
    cluster.create_topic("t", replication_factor=3)
    leader = cluster.leader("t")
    with Load(cluster.others(leader), "t") as load:
        load.wait_for(30)
        stopping = time.monotonic()
        assert leader.stop(SIGTERM_SECONDS) == 0
        load.wait_for(30)
    # Handed over, not timed out: nobody waited for a request's deadline.
    assert load.longest_gap(since=stopping) < 2
    load.check(cluster.living[0])


def test_sigterm_answers_what_is_in_flight(alone):
    """A long poll that waits when the signal comes gets an answer, not a cut connection."""
    alone.request("PUT", "/v1/topics/t", {})
    answers = []

    def poll():
        try:
            answers.append(alone.request("GET", "/v1/topics/t/partitions/0/messages?offset=0&wait=30000", timeout=40))
        except Unanswered as error:
            answers.append(error)
    poller = threading.Thread(target=poll)
    poller.start()
    time.sleep(0.5)
    assert alone.stop(SIGTERM_SECONDS) == 0
    poller.join(10)
    assert not isinstance(answers[0], Unanswered) and answers[0].status in (200, 503)


def test_sigterm_with_idle_connections(alone):
    idle = [socket.create_connection(("127.0.0.1", alone.port)) for _ in range(50)]
    assert alone.stop(SIGTERM_SECONDS) == 0
    for connection in idle:
        connection.close()


def test_sigterm_before_the_flock_is_complete(make_cluster):
    cluster = make_cluster(3)
    cluster[1].start()
    cluster[1].wait_for_log("listening", 15)
    assert cluster[1].stop(SIGTERM_SECONDS) == 0
