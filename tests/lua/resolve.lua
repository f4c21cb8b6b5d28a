-- resolve.lua - references in tables, at any depth.
local check = require "check"
local coffer = require "coffer"
local case, equal = check.case, check.equal

local secret = coffer.connect()

case("references become values in a new table, and the old one is as it was", function()
	local inner = { password = "secret:GREETING", user = "deploy" }
	local stored = { login = inner, list = { "a", "secret:MANY_001", "b" }, port = 22, on = true, off = false }
	local resolved = secret:resolve(stored)
	equal(resolved.login.password, check.value)
	equal(resolved.login.user, "deploy")
	equal(table.concat(resolved.list, ","), "a,value number 001,b")
	equal(resolved.port, 22)
	equal(resolved.on, true)
	equal(resolved.off, false)
	assert(resolved ~= stored and resolved.login ~= inner)
	equal(stored.login, inner)
	equal(inner.password, "secret:GREETING")
	equal(stored.list[2], "secret:MANY_001")
end)

case("what is no table resolves too", function()
	equal(secret:resolve "secret:GREETING", check.value)
	equal(secret:resolve "plain", "plain")
	equal(secret:resolve(42), 42)
	equal(secret:resolve(false), false)
	equal(secret:resolve(nil), nil)
	equal(secret:resolve(print), print)
	equal(secret:resolve(secret), secret)
end)

case("only a whole string with a name is a reference", function()
	for _, text in ipairs {
		"secret:", "secret", " secret:GREETING", "secret:GREETING ", "Secret:GREETING", "secret:GREETING\n",
		"secret:GREE TING", "secret:1A", "xsecret:GREETING", "secret:GREETING\0", "secret:GREETING\0X", "",
		"secret:" .. ("A"):rep(129),
	} do
		equal(secret:resolve { text }[1], text)
	end
end)

case("keys are left as they are", function()
	local key = { "secret:GREETING" }
	local resolved = secret:resolve { ["secret:GREETING"] = 1, [key] = 2, [1.5] = 3, [true] = 4 }
	equal(resolved["secret:GREETING"], 1)
	equal(resolved[key], 2)
	equal(key[1], "secret:GREETING")
	equal(resolved[1.5], 3)
	equal(resolved[true], 4)
end)

case("cycles and shared tables keep their shape", function()
	local shared = { "secret:GREETING" }
	local stored = { first = shared, second = shared, again = {} }
	stored.self = stored
	stored.again.up = stored
	local resolved = secret:resolve(stored)
	equal(resolved.self, resolved)
	equal(resolved.again.up, resolved)
	equal(resolved.first, resolved.second)
	equal(resolved.first[1], check.value)
	assert(resolved.first ~= shared)
end)

case("a value that looks like a reference is not resolved again", function()
	equal(secret:resolve({ "secret:REFERRING", "secret:GREETING" })[1], "secret:GREETING")
	equal(secret:resolve "secret:REFERRING", "secret:GREETING")
end)

case("an empty value and a binary one are values", function()
	local resolved = secret:resolve { empty = "secret:EMPTY", binary = "secret:BINARY" }
	equal(resolved.empty, "")
	equal(resolved.binary, check.binary)
end)

case("a hundred thousand levels deep is not too deep", function()
	local stored = { "secret:GREETING" }
	for _ = 1, 100000 do
		stored = { stored }
	end
	local resolved = secret:resolve(stored)
	for _ = 1, 100000 do
		resolved = resolved[1]
	end
	equal(resolved[1], check.value)
end)

case("no metatable is asked or copied", function()
	local function never()
		error "a metamethod was called"
	end
	local stored = setmetatable({ "secret:GREETING" }, {
		__index = never,
		__newindex = never,
		__pairs = never,
		__ipairs = never,
		__len = never,
		__call = never,
	})
	local resolved = secret:resolve { stored }
	equal(resolved[1][1], check.value)
	equal(getmetatable(resolved[1]), nil)
end)

case("more references than fit into a batch are fetched, each name once", function()
	local stored = {}
	for i = 0, 149 do
		stored[i + 1] = ("secret:MANY_%03d"):format(i)
		stored[i + 151] = stored[i + 1]
	end
	local resolved = secret:resolve(stored)
	for i = 0, 149 do
		equal(resolved[i + 1], ("value number %03d"):format(i))
		equal(resolved[i + 151], resolved[i + 1])
	end
	local session = coffer.connect { via = "counted" }
	session:resolve(stored)
	equal(check.operator("count", "counted"), "150")
	session:close()
end)

case("all that are missing are told in one error, whatever batch they are in", function()
	local stored = { "secret:LOST_A", { deep = "secret:LOST_B" }, "secret:GREETING" }
	for i = 0, 149 do
		stored[i + 4] = ("secret:MANY_%03d"):format(i)
	end
	for i = 154, 220 do
		stored[i] = "secret:GONE_" .. i
	end
	local problem = check.fails("NOT_FOUND", secret.resolve, secret, stored)
	for _, name in ipairs { "LOST_A", "LOST_B", "GONE_154", "GONE_220" } do
		assert(problem.message:find("'" .. name .. "'", 1, true), problem.message)
	end
	assert(not problem.message:find("GREETING", 1, true))
	equal(problem.name, nil)
	equal(check.fails("NOT_FOUND", secret.resolve, secret, "secret:LOST").name, "LOST")
end)

case("a table without references asks nobody", function()
	local session = coffer.connect { via = "silent" }
	session:resolve { "plain", { 1, 2 } }
	equal(check.operator("count", "silent"), "0")
	session:close()
end)

secret:close()
check.finish()
