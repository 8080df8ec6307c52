"""What a broker sends on to another one means a partition of a topic, and none that took over its name since."""
from harness.client import read_all, values
from harness.http import request


def _send_on(leader, group):
    """A write as another broker sends it on."""
    return request(leader.peer_port, "POST", "/v1/topics/t/messages?partition=0", b"x",
                   {"X-Aviary-Forwarded": "1", "X-Aviary-Group": str(group)})


def test_a_write_that_is_sent_on_meets_no_topic_made_since(cluster):
    cluster.create_topic("t", replication_factor=3)
    leader = cluster.leader("t")
    group = cluster.partition("t")["group"]
    refused = _send_on(leader, group + 1)
    assert refused.status == 503 and b"another topic" in refused.body, refused
    assert not read_all(leader, "t")
    assert _send_on(leader, group).status == 201
    assert values(read_all(leader, "t")) == [b"x"]
