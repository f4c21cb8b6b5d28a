"""Many at once: every reply arrives, and each is the one that was asked for. COFFER_HTTP_LONG=SECONDS goes on for
so long; by default it is a fixed number of requests."""

import os
import threading
import time

from coffer_test import is_sanitized
from talk import connect, exchange, make_world

CLIENTS = 100
REQUESTS = 10 if is_sanitized() else 50
SECONDS = float(os.environ.get("COFFER_HTTP_LONG", "0"))


def play(world, number, token, wrong):
    """Asks for the client's own secret; each tenth request on a new connection."""
    end = time.monotonic() + SECONDS
    connection, count = connect(world.shim), 0
    try:
        while count < REQUESTS or time.monotonic() < end:
            answer = exchange(connection, f"/api/run/secrets/S{number}", token)
            if (answer.status, answer.body) != (200, b'{"value":"value of %d"}' % number):
                wrong.append((number, answer))
            count += 1
            if count % 10 == 0:
                connection.close()
    except OSError as error:
        wrong.append((number, repr(error)))
    finally:
        connection.close()
    return count


def test_a_hundred_clients_at_once_get_their_replies():
    """None is lost, and none is another's."""
    with make_world() as world:
        for number in range(CLIENTS):
            world.daemon.put(f"S{number}", b"value of %d" % number)
        runs = [world.daemon.create(pipeline=f"p{number}", allow=[f"S{number}"]) for number in range(CLIENTS)]
        wrong, counts = [], [0] * CLIENTS

        def run(number):
            counts[number] = play(world, number, runs[number].token, wrong)
        threads = [threading.Thread(target=run, args=(number,)) for number in range(CLIENTS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not wrong, wrong[:5]
        reads = sum(record["op"] == "GetSecret" and record["outcome"] == "OK" for record in world.daemon.audit())
        assert reads == sum(counts) >= CLIENTS * REQUESTS
        world.shim.stop()
        world.shim.launch()  # the world looks whether it still runs
        world.shim.wait_ready()
