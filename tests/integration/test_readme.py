"""The first ten minutes of the README work when pasted, line by line, beside scripts/up."""
import os
import re
import shutil
import subprocess

import pytest
from harness.cluster import AVIARYD, ROOT
from harness.process import COMPLAINTS

# A network and processes of its own: scripts/up has fixed ports, and nothing outlives the test.
ISOLATED = ["unshare", "--net", "--pid", "--fork", "--kill-child", "--mount-proc"]
READER = r"""
set -euo pipefail
ip link set lo up
setsid scripts/up >up.log 2>&1 &
up=$!
trap 'kill $up && wait $up' EXIT
for _ in $(seq 600); do
    ! grep -q '^Aviary is up' up.log || break
    kill -0 $up || { cat up.log; exit 1; }
    sleep 0.1
done
export CURL_HOME=$PWD
"""
# In this order, among what the lines print.
SEEN = ['"node_id":1', '"status":"ok","seq":1', '"payload":"hi"', '"name":"birds"', '"offset":0', '"value": "wren"',
        '"count":10000', '"duplicate":false', '"count":10000', '"duplicate":true', '"offset":10001', "still here",
        "[1, 2, 3]", '"brokerid":', '"leader_epoch":']


def _pasted():
    """The shell blocks of the section."""
    readme = (ROOT / "README.md").read_text()
    section = re.search(r"^## The first ten minutes\n(.*?)^## ", readme, re.DOTALL | re.MULTILINE).group(1)
    return "".join(re.findall(r"^```sh\n(.*?)^```$", section, re.DOTALL | re.MULTILINE))


@pytest.fixture(name="checkout")
def _checkout(tmp_path):
    """What scripts/up needs, and a curl that fails where HTTP says so."""
    if subprocess.run([*ISOLATED, "true"], check=False, capture_output=True).returncode != 0:
        pytest.skip("a network of its own needs root")
    shutil.copytree(ROOT / "scripts", tmp_path / "scripts")
    (tmp_path / ".curlrc").write_text("silent\nshow-error\nfail-with-body\n")
    return tmp_path


def test_first_ten_minutes(checkout):
    run = subprocess.run(
        [*ISOLATED, "bash", "-c", READER + _pasted()], cwd=checkout, check=False, timeout=180,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        env=os.environ | {"AVIARYD": str(AVIARYD)})
    assert run.returncode == 0, run.stdout
    position = 0
    for seen in SEEN:
        position = run.stdout.find(seen, position)
        assert position >= 0, f"{seen} is not seen in its place:\n{run.stdout}"
    for log in (checkout / "run").glob("broker-*.log"):
        assert not COMPLAINTS.search(log.read_text()), log.read_text()
