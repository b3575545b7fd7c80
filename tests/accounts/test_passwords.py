"""Password hashes in the process that streams: computing one stops nobody else, and errors come back."""

from __future__ import annotations

import json
import subprocess
import sys

from app.config import PROJECT_ROOT

PROGRAM = """
from gevent import monkey; monkey.patch_all()
import json, time
import gevent
from app.accounts.passwords import hash_password, is_right_password

moments = []
def tick():
    while True:
        moments.append(time.monotonic())
        gevent.sleep(0.001)

ticking = gevent.spawn(tick)
gevent.sleep(0.01)
began = time.monotonic()
jobs = [gevent.spawn(hash_password, f"a long password {number}") for number in range(8)]
gevent.joinall(jobs, raise_error=True)
took = time.monotonic() - began
ticking.kill()
ticks = sum(began < moment < began + took for moment in moments)
hashes = [job.value for job in jobs]
right = [is_right_password(each, f"a long password {number}") for number, each in enumerate(hashes)]
wrong = [is_right_password(each, "another") for each in (*hashes[:2], None, "no hash")]
print(json.dumps({"ticks": ticks, "took": took, "right": right, "wrong": wrong}))
"""


def test_the_hub_goes_on_while_passwords_are_hashed() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], cwd=PROJECT_ROOT, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr[-2000:]
    told = json.loads(done.stdout)
    # Hashed on the hub, none of these greenlets would run before the last hash is there.
    assert told["ticks"] >= 5
    assert told["right"] == [True] * 8 and told["wrong"] == [False] * 4
