-- session.lua - a session reads what its run may see.
local check = require "check"
local coffer = require "coffer"
local case, equal = check.case, check.equal

local secret = coffer.connect()

case("the module is a table of its own and leaves no globals", function()
	local known = {}
	for name in ("_G _VERSION assert bit bit32 collectgarbage coroutine debug dofile error gcinfo getfenv getmetatable "
		.. "io ipairs jit load loadfile loadstring math module newproxy next os package pairs pcall print "
		.. "rawequal rawget rawlen rawset require select setfenv setmetatable string table tonumber tostring "
		.. "type unpack utf8 warn xpcall arg"):gmatch "%S+" do
		known[name] = true
	end
	for name in pairs(_G) do
		assert(known[name], "a new global: " .. name)
	end
	equal(coffer, package.loaded.coffer)
	equal(coffer.marker, "***REDACTED***")
	assert(coffer.version:find "^%d+%.%d+%.%d+$")
end)

case("a secret is a string, by a method and by a call", function()
	equal(secret:secret "GREETING", check.value)
	equal(secret "GREETING", check.value)
	equal(select("#", secret "GREETING"), 1)
end)

case("values are any bytes, of any length", function()
	equal(secret "BINARY", check.binary)
	equal(secret "LARGE", check.large)
	equal(secret "EMPTY", "")
end)

case("get tells version and scope too, and whether the value will be redacted", function()
	local value, about = secret:get "GREETING"
	equal(value, check.value)
	equal(about.version, 2)
	equal(tostring(about.version), "2")
	equal(about.scope, "pipeline/app")
	equal(about.redacted, true)
	value, about = secret:get "SHORT"
	equal(value, "abc")
	equal(about.scope, "global")
	equal(about.redacted, false)
end)

case("a listing has names, scopes, versions and times, and no values", function()
	local found
	local list = secret:list()
	equal(#list, 157)
	for i, entry in ipairs(list) do
		assert(i == 1 or list[i - 1].name < entry.name)
		assert(entry.version >= 1 and entry.updated_at_ms > 1500000000000)
		assert(not tostring(entry.updated_at_ms):find "[.e]$")
		equal(entry.value, nil)
		found = found or entry.name == "GREETING" and entry
	end
	equal(found.scope, "pipeline/app")
	equal(found.version, 2)
end)

case("the environment is every visible name with its value", function()
	local values, count = secret:environment(), 0
	for _ in pairs(values) do
		count = count + 1
	end
	equal(count, 157)
	equal(values.GREETING, check.value)
	equal(values.BINARY, check.binary)
	equal(values.LARGE, check.large)
	equal(values.EMPTY, "")
	equal(values.MANY_149, "value number 149")
end)

case("the bootstrap data is given once, with all that the run was created with", function()
	local run = secret:bootstrap()
	equal(run.run_id, os.getenv "RUN_ID")
	equal(run.git_dir, "/srv/git/app.git")
	equal(run.meta.pipeline, "app")
	equal(run.meta.repo, "https://git.example/app")
	equal(run.meta.ref, "main")
	equal(run.meta.sha, ("a"):rep(40))
	equal(run.meta.pushed_at_ms, 1700000000123)
	equal(("%d"):format(run.meta.pushed_at_ms), "1700000000123")
	equal(run.sentry.dsn, "https://key@sentry.example/1")
	equal(run.sentry.trace_id, "0af7651916cd43dd8448eb211c80319c")
	equal(run.extras.color, "blau \195\164")
	equal(run.extras.empty, "")
	check.fails("GONE", secret.bootstrap, secret)
end)

case("a run without bootstrap data has none", function()
	local bare = coffer.connect { token = os.getenv "BARE_TOKEN" }
	check.fails("NOT_FOUND", bare.bootstrap, bare)
	bare:close()
end)

case("a session knows its run and shows nothing else", function()
	equal(secret:run_id(), os.getenv "RUN_ID")
	equal(tostring(secret), "coffer.session (run " .. os.getenv "RUN_ID" .. ")")
	check.silent(tostring(secret))
end)

case("no script gets at a metatable, and so at a finalizer", function()
	equal(getmetatable(secret), "coffer.session")
	equal(getmetatable(secret:redactor()), "coffer.redactor")
	assert(not pcall(setmetatable, secret, {}))
	equal(secret.__gc, nil)
	equal(secret:redactor().__gc, nil)
end)

case("waiting tells of a change, and of none", function()
	local first = secret:wait()
	assert(first > 0)
	local revision, changed = secret:wait(first, 1)
	equal(changed, false)
	equal(revision, first)
	check.operator("put", "CHANGING", "it is new")
	revision, changed = secret:wait(first, 60000)
	equal(changed, true)
	assert(revision > first)
	assert(not tostring(revision):find "%.")
	equal(secret "CHANGING", "it is new")
end)

case("options beat the environment, and two sessions do not disturb each other", function()
	local other = coffer.connect {
		socket = os.getenv "COFFER_SOCKET",
		token = os.getenv "OTHER_TOKEN",
		run_id = os.getenv "OTHER_RUN_ID",
		timeout_ms = 60000,
		client = "test/1",
		via = "another",
	}
	equal(other:run_id(), os.getenv "OTHER_RUN_ID")
	for _ = 1, 3 do
		equal(other "GREETING", "hello, others")
		equal(secret "GREETING", check.value)
	end
	other:close()
	equal(secret "GREETING", check.value)
	check.fails("FAILED_PRECONDITION", other, "GREETING")
end)

case("the bootstrap file is all that a session of the filesystem transport needs", function()
	local path = check.operator "bundle"
	local handed = coffer.connect { transport = "filesystem", bootstrap = path }
	equal(handed "GREETING", "hello from a file")
	equal(handed:bootstrap().meta.pipeline, "filed")
	equal(handed:resolve({ key = "secret:GREETING" }).key, "hello from a file")
	equal(check.fails("NOT_FOUND", handed, "MISSING").message, "unknown secret 'MISSING'")
	equal(io.open(path), nil)
	handed:close()
end)

case("a closed session stays closed, and can be closed again", function()
	local session = coffer.connect()
	local redactor = session:redactor()
	equal(session "GREETING", check.value)
	session:close()
	session:close()
	equal(tostring(session), "coffer.session (closed)")
	for _, method in ipairs { "secret", "get", "list", "environment", "bootstrap", "resolve", "wait", "run_id" } do
		check.fails("FAILED_PRECONDITION", session[method], session, method ~= "wait" and "GREETING" or nil)
	end
	equal(redactor:redact(check.value), coffer.marker)
	equal(session:redactor(), redactor)
end)

if _VERSION >= "Lua 5.4" then
	case("a to-be-closed session is closed at the end of its block", function()
		local session = load [[
			local coffer = ...
			local session <close> = coffer.connect()
			return session
		]](coffer)
		check.fails("FAILED_PRECONDITION", session, "GREETING")
	end)
end

secret:close()
check.finish()
