-- callbacks.lua - secrets come wherever a script gets to run: callbacks, coroutines, finalizers.
local check = require "check"
local coffer = require "coffer"
local case, equal = check.case, check.equal

local secret = coffer.connect()

case("callbacks of the library fetch secrets", function()
	local text = ("<GREETING> and <SHORT>"):gsub("<(%w+)>", function(name)
		return secret(name)
	end)
	equal(text, check.value .. " and abc")
	local names = { "MANY_009", "MANY_001", "MANY_005", "MANY_003" }
	table.sort(names, function(a, b)
		return secret(a) < secret(b)
	end)
	equal(table.concat(names, " "), "MANY_001 MANY_003 MANY_005 MANY_009")
	local object = setmetatable({}, {
		__index = function(_, name)
			return secret(name)
		end,
		__tostring = function()
			return secret "SHORT"
		end,
	})
	equal(object.GREETING, check.value)
	equal(tostring(object), "abc")
	for name in pairs { GREETING = true } do
		equal(secret(name), check.value)
	end
end)

case("an error in a callback comes out of what called it", function()
	local problem = check.fails("NOT_FOUND", string.gsub, "x", "x", function()
		return secret "MISSING"
	end)
	equal(problem.name, "MISSING")
	check.fails("NOT_FOUND", table.sort, { 1, 2, 3 }, function()
		return secret "MISSING"
	end)
	equal(secret "GREETING", check.value)
end)

case("coroutines use a session of another one, across resume and yield", function()
	local session
	local maker = coroutine.wrap(function()
		session = coffer.connect()
		coroutine.yield(session "GREETING")
		coroutine.yield(session "SHORT")
		check.fails("NOT_FOUND", session, "MISSING")
		return "done"
	end)
	equal(maker(), check.value)
	local user = coroutine.create(function(name)
		while true do
			name = coroutine.yield(session(name))
		end
	end)
	local _, value = coroutine.resume(user, "GREETING")
	equal(value, check.value)
	equal(maker(), "abc")
	_, value = coroutine.resume(user, "MANY_001")
	equal(value, "value number 001")
	equal(maker(), "done")
	local passed, problem = coroutine.resume(user, "MISSING")
	equal(passed, false)
	equal(problem.code, "NOT_FOUND")
	session:close()
end)

case("a stream's write function may yield", function()
	local redactor = coffer.redactor()
	redactor:add "correct horse"
	local stream = redactor:stream(coroutine.yield)
	local writer = coroutine.wrap(function()
		stream:write "a correct horse"
		stream:write " b"
		stream:finish()
		return "done"
	end)
	equal(writer(), "a " .. coffer.marker)
	check.fails("FAILED_PRECONDITION", stream.write, stream, "from outside")
	equal(writer(), " b")
	equal(writer(), "done")
end)

-- An object whose finalizer is body, in every Lua.
local function finalized(body)
	if newproxy then
		local proxy = newproxy(true)
		getmetatable(proxy).__gc = body
		return proxy
	end
	return setmetatable({}, { __gc = body })
end

case("finalizers use and close sessions while these are at work", function()
	local problems, runs = {}, 0
	collectgarbage()
	collectgarbage("setpause", 100)
	for round = 1, 30 do
		local session = coffer.connect { token = os.getenv "OTHER_TOKEN" }
		local redactor = session:redactor()
		for _ = 1, 20 do
			finalized(function()
				runs = runs + 1
				local passed, problem = pcall(function()
					local text = redactor:redact(secret "GREETING")
					if runs % 7 == 0 then
						session:close()
					end
					pcall(session, "MISSING")
					return text
				end)
				if not passed then
					problems[#problems + 1] = tostring(problem)
				end
			end)
		end
		if _VERSION == "Lua 5.4" then
			collectgarbage(round % 2 == 0 and "generational" or "incremental")
		end
		for i = 1, 20 do
			pcall(session.resolve, session, { "secret:LARGE", "secret:BINARY", "secret:MISSING_" .. i })
			pcall(session, "LARGE")
			pcall(session.list, session)
			pcall(session.bootstrap, session)
			pcall(session.environment, session)
			collectgarbage("step", i)
		end
		session:close()
	end
	collectgarbage()
	equal(table.concat(problems, "\n"), "")
	assert(runs > 100, runs)
end)

-- The collector runs a whole cycle at every allocation that asks it, so that the finalizer below runs at the first
-- one, or the second, and so on.
local function close_at(session, allocation)
	local function arm()
		finalized(function()
			allocation = allocation - 1
			if allocation > 0 then
				arm()
			else
				session:close()
			end
		end)
	end
	arm()
end

case("a session that a finalizer closes in the middle of a call gives an error or a result", function()
	local acts = {
		secret = { "MANY_000" }, get = { "MANY_001" }, missing = { "MANY_00_NOT" }, list = {}, environment = {},
		resolve = { { "secret:MANY_002", { "secret:MANY_003" } } }, lost = { "secret:MANY_00_NOT" }, wait = {},
		bootstrap = {}, run_id = {}, redactor = {}, tostring = {},
	}
	local methods = { missing = "secret", lost = "resolve" }
	local closed = 0
	if jit then
		jit.off() -- compiled, it comes to no end with finalizers and the following
		jit.flush()
	end
	if _VERSION == "Lua 5.4" then
		collectgarbage "incremental"
	end
	collectgarbage("setpause", 0)
	collectgarbage("setstepmul", 100000)
	for name, arguments in pairs(acts) do
		for allocation = 1, 40 do
			local session = coffer.connect { token = os.getenv "FEW_TOKEN" }
			local act = name == "tostring" and tostring or session[methods[name] or name]
			close_at(session, allocation)
			local passed, problem = pcall(act, session, arguments[1])
			if not passed then
				assert(coffer.is_error(problem), problem)
				closed = closed + (problem.message == "the session is closed" and 1 or 0)
			end
			session:close()
		end
	end
	assert(closed > 0)
	collectgarbage("setpause", 200)
	collectgarbage("setstepmul", 200)
	if jit then
		jit.on()
	end
end)

case("garbage collection at every step disturbs nothing", function()
	if not jit then -- see above
		collectgarbage("setpause", 1)
		collectgarbage("setstepmul", 10000)
	end
	local stored = { a = { "secret:LARGE", "secret:MANY_001" } }
	for i = 1, 50 do
		equal(secret "GREETING", check.value)
		equal(secret:resolve(stored).a[1], check.large)
		equal(#secret:list(), 157)
		check.fails("NOT_FOUND", secret, "MISSING_" .. i)
		collectgarbage()
	end
end)

case("sessions that are dropped are closed by the collector", function()
	for _ = 1, 200 do
		coffer.connect()
		collectgarbage()
		collectgarbage()
	end
	local count = tonumber(check.operator "connections")
	assert(count < 10, count)
end)

case("the module can be loaded anew beside itself", function()
	package.loaded.coffer = nil
	local again = require "coffer"
	local session = again.connect()
	equal(session "GREETING", check.value)
	equal(secret "GREETING", check.value)
	equal(again.redactor():add "correct horse", true)
	local _, problem = pcall(secret, "MISSING")
	equal(again.is_error(problem), true)
	equal(coffer.is_error(problem), true)
	session:close()
	package.loaded.coffer = coffer
end)

secret:close()
check.finish()
