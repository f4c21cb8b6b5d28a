-- errors.lua - every failure is an error object with a code, and wrong arguments are ordinary errors.
local check = require "check"
local coffer = require "coffer"
local case, equal = check.case, check.equal

local secret = coffer.connect()

case("an unknown secret is told by name", function()
	local problem = check.fails("NOT_FOUND", secret, "DEPLOY_KEY")
	equal(problem.name, "DEPLOY_KEY")
	equal(problem.message, "unknown secret 'DEPLOY_KEY'")
	equal(tostring(problem), "coffer: unknown secret 'DEPLOY_KEY'")
	equal(check.fails("NOT_FOUND", secret.get, secret, "DEPLOY_KEY").name, "DEPLOY_KEY")
end)

case("what is no name is refused", function()
	for _, name in ipairs { "", "A B", "secret:A", ("A"):rep(129), 42 } do
		check.fails("INVALID_ARGUMENT", secret, name)
	end
end)

case("a name with a NUL does not pass for what stands before it", function()
	check.wrong("NUL", secret, "GREETING\0X")
	check.wrong("NUL", secret.get, secret, "GREETING\0")
	check.wrong("NUL", coffer.connect, { token = os.getenv "COFFER_TOKEN" .. "\0" })
end)

case("a secret that the run is not allowed is refused", function()
	local narrow = coffer.connect { token = os.getenv "NARROW_TOKEN" }
	equal(narrow "MANY_001", "value number 001")
	equal(check.fails("PERMISSION_DENIED", narrow, "GREETING").name, "GREETING")
	check.fails("PERMISSION_DENIED", narrow.resolve, narrow, { "secret:GREETING", "secret:MANY_001" })
	narrow:close()
end)

case("an ended run, an unknown token and another run's id are refused", function()
	check.fails("UNAUTHENTICATED", coffer.connect, { token = os.getenv "ENDED_TOKEN" })
	check.fails("UNAUTHENTICATED", coffer.connect, { token = ("x"):rep(32) })
	assert(not pcall(coffer.connect, { run_id = os.getenv "OTHER_RUN_ID" }))
end)

case("a run that ends takes its session with it", function()
	local session = coffer.connect { token = os.getenv "ENDING_TOKEN" }
	equal(session "GREETING", check.value)
	check.operator("finish", os.getenv "ENDING_RUN_ID")
	check.fails("UNAUTHENTICATED", session, "GREETING")
	session:close()
end)

case("nobody at the socket, and a token that is none, are told before anything is sent", function()
	check.fails("UNAVAILABLE", coffer.connect, { socket = "/nonexistent/coffer.sock" })
	check.fails("INVALID_ARGUMENT", coffer.connect, { token = "too short" })
	check.fails("INVALID_ARGUMENT", coffer.connect, { transport = "pigeon" })
	check.fails("NOT_FOUND", coffer.connect, { transport = "filesystem", bootstrap = "/nonexistent/file" })
end)

case("options that are wrong are named", function()
	check.wrong("no option 'tokn'", coffer.connect, { tokn = "x" })
	check.wrong("no option '1'", coffer.connect, { "x" })
	check.wrong("'token' is not a string", coffer.connect, { token = 42 })
	check.wrong("'timeout_ms' is not a number", coffer.connect, { timeout_ms = "1" })
	check.wrong("table of options", coffer.connect, "/run/coffer.sock")
	for _, timeout in ipairs { -1, 0.5, 1e10, 0 / 0, 1 / 0 } do
		check.wrong("out of range", coffer.connect, { timeout_ms = timeout })
	end
end)

case("wrong arguments are ordinary errors that name no value", function()
	check.wrong("string expected", secret, {})
	check.wrong("string expected", secret)
	check.wrong("coffer.session expected", secret.secret, {}, "GREETING")
	check.wrong("coffer.session expected", secret.get, secret:redactor(), "GREETING")
	check.wrong("coffer.session expected", secret.resolve, "secret:GREETING")
	check.wrong("coffer.redactor expected", secret:redactor().add, secret, "value of eight")
	check.wrong("coffer.redactor expected", secret:redactor().redact, io.stdout, "text")
	check.wrong("out of range", secret.wait, secret, -1)
	check.wrong("out of range", secret.wait, secret, 0, 1e10)
end)

case("an error object is told from everything else", function()
	local _, problem = pcall(secret, "MISSING")
	equal(coffer.is_error(problem), true)
	for _, other in ipairs { "text", 42, {}, setmetatable({}, {}), secret, print } do
		equal(coffer.is_error(other), false)
	end
	equal(coffer.is_error(nil), false)
end)

case("an error goes through pcall, xpcall and error unchanged", function()
	local _, problem = pcall(secret, "MISSING")
	local _, again = pcall(error, problem)
	equal(again, problem)
	local _, handled = xpcall(function()
		return secret "MISSING"
	end, function(raised)
		return raised
	end)
	equal(handled.code, "NOT_FOUND")
	equal(handled.name, "MISSING")
end)

case("a session goes on after a failure", function()
	for _ = 1, 3 do
		check.fails("NOT_FOUND", secret, "MISSING")
		equal(secret "GREETING", check.value)
	end
end)

secret:close()
check.finish()
