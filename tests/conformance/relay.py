"""Daemons that are not quite cofferd: each stands between a stub and the real one."""

import contextlib
import fcntl
import socket
import struct
import termios
import threading

from coffer_test import Wire, delimited, eventually, pb

UNKNOWN = b"\xc2\x3e\xc8\x01" + b"n" * 200  # field 1000, of 200 bytes, which no message has


@contextlib.contextmanager
def listening(path, serve, daemon):
    """Serves one connection to path with serve(wire, daemon), in a thread."""
    def run():
        with contextlib.suppress(OSError), Wire(listener.accept()[0]) as wire:
            serve(wire, daemon)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        thread = threading.Thread(target=run)
        thread.start()
        try:
            yield
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()


def of_a_later_version(stub, daemon):
    """Replies have fields that nobody knows yet, and come in pieces."""
    with Wire(daemon) as wire:
        while (request := stub.recv_frame()) is not None:
            wire.send_frame(request)
            response = pb.Response.FromString(wire.recv_frame())
            if response.code == pb.OK:
                response.body += UNKNOWN
            send_in_pieces(stub, delimited(response.SerializeToString() + UNKNOWN))


def send_in_pieces(wire, data):
    """Each is sent when the one before has been read; the first ends inside the length."""
    for piece in (data[:1], data[1:2], data[2:len(data) // 2], data[len(data) // 2:]):
        wire.send(piece)
        eventually(lambda: not unread(wire.socket), "the stub reads")


def unread(sock):
    """Whether something that was sent has not been read yet."""
    return struct.unpack("i", fcntl.ioctl(sock, termios.TIOCOUTQ, bytes(4)))[0] != 0


def that_waits_for_two(stub, daemon):
    """Answers nothing before two requests have come, and then the second one first."""
    with Wire(daemon) as wire:
        for request in [stub.recv_frame(), stub.recv_frame()]:
            wire.send_frame(request)
        for response in reversed([wire.recv_frame(), wire.recv_frame()]):
            stub.send_frame(response)
        stub.recv_frame()


def that_is_full(stub, _):
    """Refuses the connection, with a response to no request."""
    stub.recv_frame()
    stub.send_frame(pb.Response(code=pb.RESOURCE_EXHAUSTED,
                                message="too many connections").SerializeToString())


def that_ends_inside_a_reply(stub, _):
    """What has come of it then could be taken for a whole one that is empty."""
    stub.recv_frame()
    stub.send(b"\x10" + pb.Response(id=1).SerializeToString())
