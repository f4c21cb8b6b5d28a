"use strict";
const net = require("node:net");
const protobuf = require("protobufjs");

/** What an answer with another code than OK becomes; code is a number of coffer.v1.Code. */
class Refused extends Error {
	constructor({ code, message }) {
		super(message);
		this.name = "Refused";
		this.code = code;
	}
}

/**
 * A service of the proto over the socket at path: connect(root, "Runner", path).getSecret({ name: "TEA" })
 * is the promise of its reply. What is called in one turn leaves in one write. end() closes the connection.
 */
function connect(root, service, path) {
	const Request = root.lookupType("coffer.v1.Request");
	const Response = root.lookupType("coffer.v1.Response");
	const socket = net.connect(path);
	const waiting = new Map();
	let received = Buffer.alloc(0);
	let lastId = 0;
	let ended = null;

	function end(error) {
		ended ??= error;
		for (const callback of waiting.values())
			callback(ended);
		waiting.clear();
		socket.destroy();
	}

	function answer(response) {
		if (response.id === 0)
			return end(new Refused(response));
		const callback = waiting.get(response.id);
		waiting.delete(response.id);
		callback(response.code === 0 ? null : new Refused(response), response.body);
	}

	socket.on("data", (data) => {
		received = Buffer.concat([received, data]);
		while (received.some((byte) => byte < 0x80)) {
			const reader = protobuf.Reader.create(received);
			const size = reader.uint32();
			if (received.length < reader.pos + size)
				break;
			answer(Response.decode(reader, size));
			received = received.subarray(reader.pos);
		}
	});
	socket.on("error", end);
	socket.on("close", () => end(new Error("the daemon has closed the connection")));

	return root.lookupService(`coffer.v1.${service}`).create((method, body, callback) => {
		if (method === null)
			return socket.end();
		if (ended)
			return callback(ended);
		waiting.set(++lastId, callback);
		if (socket.writableCorked === 0) {
			socket.cork();
			process.nextTick(() => socket.uncork());
		}
		socket.write(Request.encodeDelimited({ id: lastId, method: method.name, body }).finish());
	});
}

module.exports = { Refused, connect };
