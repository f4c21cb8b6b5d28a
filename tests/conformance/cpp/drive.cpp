/* One case of test_foreign_stubs.py in C++; status 0 means that it went as it should.
 * usage: drive CASE, with COFFER_SOCKET, COFFER_ADMIN_SOCKET, COFFER_TOKEN and COFFER_RUN_ID */
#include "coffer_channel.hpp"

#include <google/protobuf/text_format.h>

#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>
#include <vector>

namespace v1 = coffer::v1;
using google::protobuf::Closure;
using google::protobuf::RpcController;

#define CHECK(condition)                                                                \
	((condition) ? (void)0                                                          \
		     : throw std::logic_error(__FILE__ ":" + std::to_string(__LINE__) + \
					      ": not so: " #condition))

static std::string variable(const char *name)
{
	const char *value = getenv(name);
	return value != nullptr ? value : "";
}

/* The two services, each on a connection of its own. */
struct Services {
	coffer::Channel jobs{ variable("COFFER_SOCKET") };
	coffer::Channel operators{ variable("COFFER_ADMIN_SOCKET") };
	v1::Runner::Stub runner{ &jobs };
	v1::Operator::Stub admin{ &operators };
};

/* A message from its text, as in 'name: "TEA"'. */
template <class Message> static Message message(const std::string &text)
{
	Message made;
	CHECK(google::protobuf::TextFormat::ParseFromString(text, &made));
	return made;
}

/* A call that waits for its reply. */
template <class Stub, class Request, class Reply>
static Reply call(Stub &stub,
		  void (Stub::*method)(RpcController *, const Request *, Reply *, Closure *),
		  const std::string &request = "")
{
	Request sent = message<Request>(request);
	Reply reply;
	(stub.*method)(nullptr, &sent, &reply, nullptr);
	return reply;
}

/* How a call is refused, as "CODE: message". */
template <class Stub, class Request, class Reply>
static std::string refusal(Stub &stub,
			   void (Stub::*method)(RpcController *, const Request *, Reply *,
						Closure *),
			   const std::string &request = "")
{
	try {
		call(stub, method, request);
	} catch (const coffer::Refused &refused) {
		return v1::Code_Name(refused.code) + ": " + refused.what();
	}
	return "not refused";
}

template <class List> static std::vector<std::string> names(const List &list)
{
	std::vector<std::string> found;
	for (const auto &item : list)
		found.push_back(item.name());
	return found;
}

static std::string greeting(const std::string &token)
{
	return "protocol: 1 client: 'cpp/1' token: '" + token + "'";
}

static std::string greeting()
{
	return greeting(variable("COFFER_TOKEN"));
}

using Names = std::vector<std::string>;
using R = v1::Runner::Stub;
using O = v1::Operator::Stub;

static v1::CreateRunResponse fill(O &admin)
{
	call(admin, &O::PutSecret, "scope: 'global' writes { name: 'A' value: 'one' }");
	call(admin, &O::PutSecret, "scope: 'global' writes { name: 'A' value: 'two' }");
	auto back = call(admin, &O::RollbackSecret, "scope: 'global' name: 'A' version: 1");
	CHECK(back.version() == 3);
	auto history = call(admin, &O::ListVersions, "scope: 'global' name: 'A'");
	CHECK(history.versions_size() == 3);
	auto old = call(admin, &O::RevealSecret, "scope: 'global' name: 'A' version: 2");
	CHECK(old.value() == "two");
	return call(admin, &O::CreateRun,
		    "meta { pipeline: 'app' ref: 'main' pushed_at_ms: 1125899906842625 }"
		    "git_dir: '/srv' extras { key: 'k' value: 'v' }"
		    "secrets { name: 'OWN' value: '\\000\\377\\n\\200' }");
}

static void read_everything(R &runner, const v1::CreateRunResponse &run)
{
	const std::string binary("\0\xff\n\x80", 4);

	CHECK(refusal(runner, &R::GetSecret, "name: 'A'").rfind("UNAUTHENTICATED: ", 0) == 0);
	auto hello = call(runner, &R::Hello, greeting(run.token()));
	CHECK(hello.run_id() == run.run_id() && hello.expires_at_ms() == run.expires_at_ms());
	CHECK(hello.scopes_size() == 3 && hello.scopes(1) == "pipeline/app");
	auto boot = call(runner, &R::Bootstrap, "nonce: '0123456789abcdef'");
	CHECK(boot.git_dir() == "/srv" && boot.meta().pushed_at_ms() == 1125899906842625);
	CHECK(refusal(runner, &R::Bootstrap).rfind("GONE: ", 0) == 0);
	auto own = call(runner, &R::GetSecret, "name: 'OWN'");
	CHECK(own.value() == binary && own.scope() == "run/" + run.run_id());
	auto both = call(runner, &R::GetSecrets, "names: ['OWN', 'A']");
	CHECK(both.secrets(0).value() == binary && both.secrets(1).value() == "one");
	CHECK(refusal(runner, &R::GetSecret, "name: 'X'") == "NOT_FOUND: unknown secret 'X'");
	CHECK((names(call(runner, &R::ListSecrets).secrets()) == Names{ "A", "OWN" }));
	auto environment = call(runner, &R::GetEnvironment);
	CHECK((names(environment.secrets()) == Names{ "A", "OWN" }));
	CHECK(call(runner, &R::Why, "name: 'A'").outcome() == v1::WHY_FOUND);
	auto now = call(runner, &R::WaitForChange);
	CHECK(now.revision() == environment.revision());
	auto after = "after_revision: " + std::to_string(now.revision()) + " timeout_ms: 1";
	CHECK(!call(runner, &R::WaitForChange, after).changed());
}

static void every_method(Services &services)
{
	O &admin = services.admin;
	R &runner = services.runner;
	v1::CreateRunResponse run = fill(admin);

	read_everything(runner, run);
	call(admin, &O::DeleteSecret, "scope: 'global' name: 'A'");
	CHECK(refusal(runner, &R::GetSecret, "name: 'A'").rfind("NOT_FOUND: ", 0) == 0);
	CHECK(call(admin, &O::ListRuns).runs(0).run_id() == run.run_id());
	CHECK(names(call(admin, &O::ListAllSecrets).secrets()) == Names{ "OWN" });
	call(admin, &O::FinishRun, "result: SUCCEEDED run_id: '" + run.run_id() + "'");
	CHECK(refusal(runner, &R::ListSecrets).rfind("UNAUTHENTICATED: ", 0) == 0);
	call(admin, &O::RevokeGrant, "id: '" + variable("COFFER_RUN_ID") + "'");
	auto service = call(admin, &O::CreateService, "name: 'ci' scopes: ['system/ci', 'global']");
	auto renewed = call(admin, &O::RenewGrant, "ttl_ms: 60000 id: '" + service.id() + "'");
	auto grant = call(admin, &O::ListGrants, "name: 'ci'").grants(0);
	CHECK(grant.scopes(0) == "system/ci" && grant.state() == v1::GRANT_LIVE);
	CHECK(grant.expires_at_ms() == renewed.expires_at_ms());
	auto why = call(admin, &O::WhyGrant, "name: 'A' id: '" + service.id() + "'");
	CHECK(why.outcome() == v1::WHY_NOT_FOUND && why.scopes(1).outcome() == v1::SCOPE_DELETED);
	/* No key opens a store in memory. */
	CHECK(refusal(admin, &O::RewrapKey, "key_file: true").rfind("FAILED_PRECONDITION: ", 0) == 0);
	CHECK(refusal(admin, &O::RotateKey).rfind("FAILED_PRECONDITION: ", 0) == 0);
	CHECK(refusal(admin, &O::BeginBackup).rfind("FAILED_PRECONDITION: ", 0) == 0);
	CHECK(refusal(admin, &O::ReadBackup, "backup: 1").rfind("ABORTED: ", 0) == 0);
	CHECK(refusal(admin, &O::FinishBackup, "backup: 1").rfind("FAILED_PRECONDITION: ", 0) == 0);
	CHECK(call(admin, &O::Migrate, "rules: 'X_*=x'").secrets_size() == 0);
	/* There is no bucket. */
	CHECK(refusal(admin, &O::Sync).rfind("FAILED_PRECONDITION: ", 0) == 0);
	CHECK(refusal(admin, &O::MirrorTasks, "max: 1").rfind("FAILED_PRECONDITION: ", 0) == 0);
	CHECK(refusal(admin, &O::MirrorOffer, "keys: 'v1/x'").rfind("FAILED_PRECONDITION: ", 0) == 0);
	CHECK(refusal(admin, &O::MirrorApply).rfind("FAILED_PRECONDITION: ", 0) == 0);
	CHECK(call(admin, &O::ReadAudit).lines_size() > 0);
	auto verdict = call(admin, &O::VerifyAudit);
	CHECK(verdict.done() && verdict.problem().empty());
	CHECK(call(admin, &O::Status).server().rfind("cofferd/", 0) == 0);
}

static void nothing()
{
}

static void pipelined(Services &services)
{
	auto hello = message<v1::HelloRequest>(greeting());
	auto get = message<v1::GetSecretRequest>("name: 'X'");
	v1::HelloResponse welcome;
	v1::GetSecretResponse secret;
	coffer::Outcome first, second;

	services.runner.Hello(&first, &hello, &welcome, google::protobuf::NewCallback(nothing));
	services.runner.GetSecret(&second, &get, &secret, google::protobuf::NewCallback(nothing));
	services.jobs.Finish();
	CHECK(!first.Failed() && welcome.run_id() == variable("COFFER_RUN_ID"));
	CHECK(second.code() == v1::NOT_FOUND && second.ErrorText() == "unknown secret 'X'");
}

/* The names on all pages. */
template <class Request, class Reply>
static Names pages_of(R &runner,
		      void (R::*method)(RpcController *, const Request *, Reply *, Closure *))
{
	Names found;
	std::string after;
	int pages = 0;

	do {
		Reply page = call(runner, method, "after: '" + after + "'");
		for (const std::string &name : names(page.secrets()))
			found.push_back(name);
		after = page.next();
		pages++;
	} while (!after.empty());
	CHECK(pages > 1);
	return found;
}

static void pages(Services &services)
{
	call(services.runner, &R::Hello, greeting());
	Names listed = pages_of(services.runner, &R::ListSecrets);
	CHECK(listed == pages_of(services.runner, &R::GetEnvironment));
	printf("%zu\n", listed.size());
}

static void set(bool *flag)
{
	*flag = true;
}

static void overtaken(Services &services)
{
	call(services.runner, &R::Hello, greeting());
	auto now = call(services.runner, &R::WaitForChange);
	v1::WaitForChangeRequest request;
	v1::WaitForChangeResponse reply;
	coffer::Outcome outcome;
	bool came = false;

	request.set_after_revision(now.revision());
	request.set_timeout_ms(600000);
	services.runner.WaitForChange(&outcome, &request, &reply,
				      google::protobuf::NewCallback(set, &came));
	CHECK(refusal(services.runner, &R::GetSecret, "name: 'A'").rfind("NOT_FOUND: ", 0) == 0);
	CHECK(!came);
	call(services.admin, &O::PutSecret, "scope: 'global' writes { name: 'A' value: 'one' }");
	services.jobs.Finish();
	CHECK(came && !outcome.Failed() && reply.changed() && reply.revision() > now.revision());
}

static void hung_up(Services &services)
{
	CHECK(refusal(services.runner, &R::Hello, greeting()) ==
	      "RESOURCE_EXHAUSTED: too many connections");
}

static void cut(Services &services)
{
	try {
		call(services.runner, &R::Hello, greeting());
	} catch (const std::runtime_error &error) {
		CHECK(error.what() == std::string("the daemon has closed the connection"));
		return;
	}
	CHECK(!"answered");
}

int main(int, char **argv)
{
	static const std::map<std::string, void (*)(Services &)> cases = {
		{ "every_method", every_method }, { "pipelined", pipelined }, { "pages", pages },
		{ "overtaken", overtaken },       { "hung_up", hung_up },     { "cut", cut },
	};
	try {
		Services services;
		cases.at(argv[1])(services);
	} catch (const std::exception &error) {
		fprintf(stderr, "%s\n", error.what());
		return EXIT_FAILURE;
	}
	return EXIT_SUCCESS;
}
