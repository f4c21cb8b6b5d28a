"use strict";
// One case of test_foreign_stubs.py in JavaScript; status 0 means that it went as it should.
// usage: drive.js CASE, with COFFER_SOCKET, COFFER_ADMIN_SOCKET, COFFER_TOKEN and COFFER_RUN_ID
const assert = require("node:assert/strict");
const path = require("node:path");
const protobuf = require("protobufjs");
const { Refused, connect } = require("./coffer_channel.js");

const root = protobuf.loadSync(path.join(__dirname, "../../../proto/coffer.proto"));
const Code = root.lookupEnum("coffer.v1.Code").values;
const RunState = root.lookupEnum("coffer.v1.RunState").values;
const { COFFER_SOCKET, COFFER_ADMIN_SOCKET, COFFER_TOKEN, COFFER_RUN_ID } = process.env;

const refusal = (code, message) => (error) => {
	assert(error instanceof Refused, String(error));
	assert.equal(error.code, Code[code]);
	assert.match(error.message, message);
	return true;
};

const names = (list) => list.map((item) => item.name);

const hello = (runner, token = COFFER_TOKEN) =>
	runner.hello({ protocol: 1, client: "javascript/1", token });

const put = (operator, name, value) =>
	operator.putSecret({ scope: "global", writes: [{ name, value: Buffer.from(value) }] });

// The items of all pages, and how many pages there were.
async function pages(ask) {
	const items = [];
	for (let after = "", count = 1; ; count++) {
		const page = await ask({ after });
		items.push(...page.secrets);
		if (page.next === "")
			return { items, count };
		after = page.next;
	}
}

const cases = {
	async every_method(runner, operator) {
		const binary = Buffer.from([0, 255, 10, 128]);
		const where = { scope: "global", name: "A" };
		await put(operator, "A", "one");
		await put(operator, "A", "two");
		assert.equal((await operator.rollbackSecret({ ...where, version: 1 })).version, 3);
		assert.equal((await operator.listVersions(where)).versions.length, 3);
		const revealed = await operator.revealSecret({ ...where, version: 2 });
		assert.deepEqual(revealed.value, Buffer.from("two"));
		const run = await operator.createRun({
			meta: { pipeline: "app", ref: "main", pushedAtMs: 2 ** 50 + 1 },
			gitDir: "/srv",
			extras: [{ key: "k", value: "vä" }],
			secrets: [{ name: "OWN", value: binary }],
		});

		await assert.rejects(runner.getSecret({ name: "A" }), refusal("UNAUTHENTICATED", /Hello/));
		const greeting = await hello(runner, run.token);
		assert.deepEqual(greeting.scopes, [`run/${run.runId}`, "pipeline/app", "global"]);
		assert.equal(greeting.expiresAtMs.toString(), run.expiresAtMs.toString());
		assert(greeting.expiresAtMs.toNumber() > 2 ** 40);
		const boot = await runner.bootstrap({ nonce: Buffer.alloc(16, 7) });
		assert.equal(boot.meta.pushedAtMs.toNumber(), 2 ** 50 + 1);
		assert.deepEqual([boot.gitDir, boot.extras[0].value], ["/srv", "vä"]);
		await assert.rejects(runner.bootstrap({}), refusal("GONE", /claimed/));
		const { value, version, scope } = await runner.getSecret({ name: "OWN" });
		assert.deepEqual([value, version, scope], [binary, 1, `run/${run.runId}`]);
		const both = await runner.getSecrets({ names: ["OWN", "A"] });
		assert.deepEqual(both.secrets.map((secret) => secret.value), [binary, Buffer.from("one")]);
		await assert.rejects(runner.getSecrets({ names: ["A", "X", "Y"] }), refusal("NOT_FOUND", /'X'.*'Y'/));
		assert.deepEqual(names((await runner.listSecrets({})).secrets), ["A", "OWN"]);
		const environment = await runner.getEnvironment({});
		assert.deepEqual(names(environment.secrets), ["A", "OWN"]);
		assert.equal((await runner.why({ name: "A" })).scopes.at(-1).version, 3);
		const now = await runner.waitForChange({});
		assert.equal(now.revision.toString(), environment.revision.toString());
		assert.equal((await runner.waitForChange({ afterRevision: now.revision, timeoutMs: 1 })).changed, false);

		await operator.deleteSecret(where);
		await assert.rejects(runner.getSecret({ name: "A" }), refusal("NOT_FOUND", /'A'/));
		assert.equal((await operator.listRuns({})).runs[0].runId, run.runId);
		assert.deepEqual(names((await operator.listAllSecrets({})).secrets), ["OWN"]);
		await operator.finishRun({ runId: run.runId, result: RunState.SUCCEEDED });
		await assert.rejects(runner.listSecrets({}), refusal("UNAUTHENTICATED", /token/));
		await operator.revokeGrant({ id: COFFER_RUN_ID });
		const service = await operator.createService({ name: "ci", scopes: ["system/ci", "global"] });
		const renewed = await operator.renewGrant({ id: service.id, ttlMs: 60000 });
		const [grant] = (await operator.listGrants({ name: "ci" })).grants;
		assert.deepEqual([grant.id, grant.scopes], [service.id, ["system/ci", "global"]]);
		assert.equal(grant.expiresAtMs.toString(), renewed.expiresAtMs.toString());
		const inMemory = refusal("FAILED_PRECONDITION", /no key opens it/);
		await assert.rejects(operator.rewrapKey({ keyFile: true }), inMemory);
		await assert.rejects(operator.rotateKey({}), inMemory);
		await assert.rejects(operator.beginBackup({}), inMemory);
		await assert.rejects(operator.readBackup({ backup: 1 }),
			refusal("ABORTED", /no longer being made/));
		await assert.rejects(operator.finishBackup({ backup: 1 }),
			refusal("FAILED_PRECONDITION", /not the last backup/));
		assert.equal((await operator.migrate({ rules: ["X_*=x"] })).secrets.length, 0);
		const noBucket = refusal("FAILED_PRECONDITION", /no bucket/);
		await assert.rejects(operator.sync({}), noBucket);
		await assert.rejects(operator.mirrorTasks({ max: 1 }), noBucket);
		await assert.rejects(operator.mirrorOffer({ keys: ["v1/x"] }), noBucket);
		await assert.rejects(operator.mirrorApply({}), noBucket);
		const why = await operator.whyGrant({ name: "OWN", id: service.id });
		assert.deepEqual(why.scopes.map(({ scope }) => scope), ["system/ci", "global"]);
		assert((await operator.readAudit({})).lines.length > 0);
		const verdict = await operator.verifyAudit({});
		assert.deepEqual([verdict.done, verdict.problem], [true, ""]);
		assert.match((await operator.status({})).server, /^cofferd\//);
	},

	async pipelined(runner) {
		const [greeting, missing] = await Promise.allSettled([hello(runner), runner.getSecret({ name: "X" })]);
		assert.equal(greeting.value.runId, COFFER_RUN_ID);
		assert(refusal("NOT_FOUND", /unknown secret 'X'/)(missing.reason));
	},

	async pages(runner) {
		await hello(runner);
		const listed = await pages((request) => runner.listSecrets(request));
		const environment = await pages((request) => runner.getEnvironment(request));
		assert(listed.count > 1 && environment.count > 1);
		assert.equal(new Set(names(listed.items)).size, listed.items.length);
		assert.deepEqual(names(environment.items), names(listed.items));
		console.log(listed.items.length);
	},

	async overtaken(runner, operator) {
		await hello(runner);
		const { revision } = await runner.waitForChange({});
		const came = [];
		const wait = runner.waitForChange({ afterRevision: revision, timeoutMs: 600000 });
		const waited = wait.then((reply) => came.push("WaitForChange") && reply);
		await assert.rejects(runner.getSecret({ name: "A" }), refusal("NOT_FOUND", /'A'/));
		came.push("GetSecret");
		await put(operator, "A", "one");
		const reply = await waited;
		assert.deepEqual(came, ["GetSecret", "WaitForChange"]);
		assert(reply.changed && reply.revision.greaterThan(revision));
	},

	async hung_up(runner) {
		await assert.rejects(hello(runner), refusal("RESOURCE_EXHAUSTED", /too many/));
		await assert.rejects(hello(runner), refusal("RESOURCE_EXHAUSTED", /too many/));
	},

	async cut(runner) {
		const closed = /the daemon has closed the connection/;
		await assert.rejects(hello(runner), closed);
		await assert.rejects(hello(runner), closed);
	},
};

async function main() {
	const runner = connect(root, "Runner", COFFER_SOCKET);
	const operator = connect(root, "Operator", COFFER_ADMIN_SOCKET);
	try {
		await cases[process.argv[2]](runner, operator);
	} finally {
		runner.end();
		operator.end();
	}
}

// Node ends in peace when nothing is left that could settle a promise, so success has to be reached.
process.exitCode = 1;
main().then(() => {
	process.exitCode = 0;
}, console.error);
