"""coffer exec --watch beside a daemon that does not answer: the command's output does not wait for it. (F3)"""

import contextlib
import os
import select
import socket
import subprocess
import threading

from coffer_test import DEADLINE


class Relay:
    """A socket before the daemon's, which passes everything on but the second request for values."""

    def __init__(self, daemon):
        self.path = daemon.folder / "relay.sock"
        self.daemon = daemon
        self.asked = 0
        self.holding = threading.Event()
        self.held = None
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(self.path))
        self.listener.listen()
        self.conns = [self.listener]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                client = self.listener.accept()[0]
                server = socket.socket(socket.AF_UNIX)
                server.connect(str(self.daemon.socket))
                self.conns += [client, server]
                threading.Thread(target=self.ask, args=(client, server), daemon=True).start()
                threading.Thread(target=self.answer, args=(client, server), daemon=True).start()

    def ask(self, client, server):
        with contextlib.suppress(OSError):
            while data := client.recv(65536):
                self.asked += b"GetSecrets" in data
                if self.asked == 2:
                    self.held = client
                    self.holding.set()
                    return
                server.sendall(data)

    @staticmethod
    def answer(client, server):
        with contextlib.suppress(OSError):
            while data := server.recv(65536):
                client.sendall(data)

    def is_waited_for(self):
        """Whether the client still waits for the answer that it does not get."""
        return not select.select([self.held], [], [], 0)[0]

    def close(self):
        for conn in self.conns:
            with contextlib.suppress(OSError):
                conn.shutdown(socket.SHUT_RDWR)
            conn.close()


# New values were fetched by the one that passes output and signals on, which had them wait for the daemon.
def test_output_is_passed_on_while_the_daemon_is_asked_for_new_values(daemon):
    daemon.put("A", b"first value")
    run = daemon.create()
    relay = Relay(daemon)
    job = subprocess.Popen(
        [os.environ["COFFER"], "exec", "--watch", "ignore", "--", "cat"], stdin=subprocess.PIPE,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env={**daemon.clean_environ(), "COFFER_SOCKET": str(relay.path), "COFFER_TOKEN": run.token,
             "V": "secret:A"})
    try:
        job.stdin.write(b"begins\n")
        job.stdin.flush()
        assert job.stdout.readline() == b"begins\n"
        daemon.put("A", b"second value")
        assert relay.holding.wait(DEADLINE)
        job.stdin.write(b"goes on\n")
        job.stdin.flush()
        assert job.stdout.readline() == b"goes on\n"
        assert relay.is_waited_for()
        relay.close()
        assert job.communicate(timeout=DEADLINE)[0] == b""
        assert job.returncode == 0
    finally:
        relay.close()
        job.kill()
        job.communicate()
