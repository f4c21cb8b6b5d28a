"""cofferd as coffer-s3 sees it: a Unix socket, tasks that wait to be fetched, verdicts, and what was applied."""

import contextlib
import socket
import threading

from coffer_test import DEADLINE, METHODS, Wire, delimited, pb

CHOICES = {"known": 0, "wanted": 1, "later": 2}


class MirrorDaemon:
    """Use it in a with statement. Everything that a test reads changes under lock, which tells of it."""

    def __init__(self, path, frame_max=69632):
        self.path = str(path)
        self.frame_max = frame_max
        self.lock = threading.Condition()
        self.tasks, self.results = [], {}
        self.offers, self.applied, self.applies = [], {}, []
        self.view_ms, self.problem, self.problems = 0, "", []
        self.verdict = lambda key: "known" if key in self.applied else "wanted"
        self.refuse = {}  # {method: (code, message)}
        self.last_id = 0
        self.waiting = None  # (wire, id, max) of a request for tasks
        self.wires = []
        self.connections = 0
        self.methods = []

    def __enter__(self):
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.listener.bind(self.path)
        self.listener.listen()
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.disconnect()

    def disconnect(self):
        with self.lock:
            for wire in self.wires:
                with contextlib.suppress(OSError):
                    wire.socket.shutdown(socket.SHUT_RDWR)
            self.waiting = None

    # -- what a test does

    def add(self, kind, key="", body=b""):
        """A new task; its id."""
        with self.lock:
            self.last_id += 1
            self.tasks.append(pb.MirrorTask(id=self.last_id, kind=kind, key=key, body=body))
            self._hand_out()
            return self.last_id

    def wait_for(self, condition, what):
        with self.lock:
            assert self.lock.wait_for(condition, DEADLINE), f"not in {DEADLINE} s: {what}"

    def result(self, task):
        """Waits for it: (name of the code, message)."""
        self.wait_for(lambda: task in self.results, f"the result of task {task}")
        return self.results[task]

    def run(self, kind, key="", body=b""):
        return self.result(self.add(kind, key, body))

    def code(self, *task):
        return self.run(*task)[0]

    # -- the protocol

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                wire = Wire(self.listener.accept()[0])
                wire.socket.settimeout(None)
                with self.lock:
                    self.wires.append(wire)
                    self.connections += 1
                    self.lock.notify_all()
                threading.Thread(target=self._serve, args=(wire,), daemon=True).start()

    def _serve(self, wire):
        with contextlib.suppress(OSError, AssertionError):
            while (frame := wire.recv_frame()) is not None:
                assert len(frame) <= self.frame_max
                request = pb.Request.FromString(frame)
                with self.lock:
                    self._answer(wire, request)
                    self.lock.notify_all()
        with self.lock:
            if self.waiting and self.waiting[0] is wire:
                self.waiting = None
            self.wires.remove(wire)
            wire.close()
            self.lock.notify_all()

    def _answer(self, wire, request):
        self.methods.append(request.method)
        if request.method in self.refuse:
            code, message = self.refuse[request.method]
            self._send(wire, pb.Response(id=request.id, code=pb.Code.Value(code), message=message))
            return
        body = METHODS[request.method].request.FromString(request.body)
        getattr(self, "_" + request.method)(wire, request.id, body)

    @staticmethod
    def _send(wire, response):
        with contextlib.suppress(OSError):
            wire.send(delimited(response.SerializeToString()))

    def _reply(self, wire, request_id, message):
        self._send(wire, pb.Response(id=request_id, body=message.SerializeToString()))

    def _MirrorTasks(self, wire, request_id, request):
        news = bool(request.results) or request.view_at_ms != self.view_ms \
            or request.problem != self.problem
        for result in request.results:
            assert result.id not in self.results, "a result came twice"
            self.results[result.id] = (pb.Code.Name(result.code), result.message)
        self.view_ms = request.view_at_ms
        if request.problem != self.problem:
            self.problem = request.problem
            self.problems.append(request.problem)
        self._end_wait()
        self.waiting = (wire, request_id, request.max)
        if news:
            self._hand_out()
            self._end_wait()
        else:
            self._hand_out()

    def _hand_out(self):
        if self.waiting and self.tasks and self.waiting[2] > 0:
            tasks, self.tasks = self.tasks[:self.waiting[2]], self.tasks[self.waiting[2]:]
            self._end_wait(tasks)

    def _end_wait(self, tasks=()):
        if self.waiting:
            wire, request_id, _ = self.waiting
            self.waiting = None
            self._reply(wire, request_id, pb.MirrorTasksResponse(tasks=tasks))

    def _MirrorOffer(self, wire, request_id, request):
        keys = list(request.keys)
        self.offers.append(keys)
        verdicts = bytes(CHOICES[self.verdict(key)] for key in keys)
        self._reply(wire, request_id, pb.MirrorOfferResponse(verdicts=verdicts))

    def _MirrorApply(self, wire, request_id, request):
        assert 0 < len(request.objects) <= 64
        self.applies.append(len(request.objects))
        for one in request.objects:
            self.applied[one.key] = one.body
        self._reply(wire, request_id, pb.MirrorApplyResponse(applied=len(request.objects)))
