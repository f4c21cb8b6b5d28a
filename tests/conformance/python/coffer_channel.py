import socket

import coffer_pb2 as pb  # what protoc makes; lengths are coded here by it too, as parts of a field


class Refused(Exception):
    code = property(lambda self: self.args[0])  # as in pb.NOT_FOUND; args[1] is the message


class Channel:  # Channel(path, "Runner").GetSecret(pb.GetSecretRequest(name="TEA")).value
    def __init__(self, path, service):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(path)
        self.stream, self.responses = self.socket.makefile("rwb"), {}
        self.ids = iter(range(1, 2**32))
        for each in pb.DESCRIPTOR.services_by_name[service].methods:
            setattr(self, each.name, lambda request, m=each: self.receive(*self.send(m, request)))

    def send(self, method, request):  # leaves with the next receive, in one write
        data = pb.Request(id=next(self.ids), method=method.name, body=request.SerializeToString())
        self.stream.write(pb.Request(body=data.SerializeToString()).SerializeToString()[1:])
        return data.id, getattr(pb, method.output_type.name)

    def receive(self, request_id, reply):
        self.stream.flush()
        while not self.responses.keys() & {0, request_id}:
            header = self.read(1)
            while header[-1] > 0x7F:
                header += self.read(1)
            response = pb.Response.FromString(self.read(pb.Request.FromString(b"\x08" + header).id))
            self.responses[response.id] = response
        response = self.responses.pop(request_id, None) or self.responses[0]  # 0 answers all
        if response.code != pb.OK:
            raise Refused(response.code, response.message)
        return reply.FromString(response.body)

    def read(self, size):
        if len(data := self.stream.read(size)) < size:
            raise EOFError("the daemon has closed the connection")
        return data
