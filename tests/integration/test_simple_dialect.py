"""What newcomers paste first."""
from harness.waiting import wait_until


def test_quick_start(zookeeper_cluster):
    first, second, third = zookeeper_cluster.brokers
    assert first.get("/status")["port"] == first.port
    sent = first.request("POST", "/send", {"payload": "hi"}).json()
    assert sent["status"] == "ok"
    for broker in (first, second, third):
        messages = broker.get("/messages")["messages"]
        assert [(each["seq"], each["msg_id"], each["payload"]) for each in messages] == [
            (sent["seq"], sent["msg_id"], "hi")]
        assert (messages[0]["sender"], messages[0]["recipient"]) == ("unknown", "all")


def test_status_names_the_leader_everywhere(cluster):
    cluster[1].request("POST", "/send", {"payload": "hi"})

    def agreed():
        states = [broker.get("/status") for broker in cluster.brokers]
        leaders = {state["consensus"]["leader_id"] for state in states}
        alive = all(peer["alive"] for state in states for peer in state["peer_status"].values())
        return states if len(leaders) == 1 and None not in leaders and alive else None
    states = wait_until(agreed, 10, "one leader in all /status, and all alive")
    assert sorted(state["node_id"] for state in states) == [1, 2, 3] or \
        sorted(state["node_id"] for state in states) == ["1", "2", "3"]
    assert [state["consensus"]["role"].lower() for state in states].count("leader") == 1
    for state in states:
        assert state["quorum"] == 2
        assert len(state["peers"]) == 2


def test_a_repeated_msg_id(cluster):
    message = {"payload": "once", "sender": "me", "recipient": "you", "msg_id": "m-1"}
    first = cluster[1].request("POST", "/send", message)
    again = cluster[2].request("POST", "/send", message)
    assert (first.status, again.status) == (200, 200)
    assert first.json()["seq"] == again.json()["seq"]
    other = cluster[3].request("POST", "/send", message | {"payload": "twice"})
    assert other.status == 422
    assert len(cluster[1].get("/messages")["messages"]) == 1


def test_messages_are_filtered_and_paged(alone):
    for number in range(7):
        alone.request("POST", "/send", {"payload": str(number), "sender": f"s{number % 2}", "recipient": "r"})
    newest = alone.get("/messages?limit=3")["messages"]
    assert [each["payload"] for each in newest] == ["4", "5", "6"]
    seq = newest[0]["seq"]
    page = alone.get(f"/messages?after={seq}&limit=1")
    assert [each["payload"] for each in page["messages"]] == ["5"]
    assert page["next_after"] == page["messages"][-1]["seq"]
    assert [each["payload"] for each in alone.get("/messages?sender=s1")["messages"]] == ["1", "3", "5"]
    assert not alone.get("/messages?recipient=nobody")["messages"]
    synced = alone.request("POST", "/sync", {"since": seq}).json()["messages"]
    assert [each["payload"] for each in synced] == ["5", "6"]


def test_heartbeat(alone):
    beat = alone.get("/heartbeat")
    assert beat["status"] == "ok" and "node_id" in beat and "time" in beat


def test_send_without_a_quorum(cluster):
    cluster[1].request("POST", "/send", {"payload": "before"})
    here = "/v1/topics/messages/partitions/0/messages?offset=0&level=none"
    wait_until(lambda: cluster[1].get(here), 10, "this replica knows that it is committed")
    cluster[2].kill()
    cluster[3].kill()
    wait_until(lambda: cluster[1].request("POST", "/send", {"payload": "lost"}).status == 503, 20, "503")
    # Committed ones are still read, from this replica.
    assert "before" in [each["payload"] for each in cluster[1].get("/messages")["messages"]]
