-- check.lua - what the Lua tests share. test_lua.py runs each file below every Lua, and reads what it prints.
local coffer = require "coffer"

local check = { value = "hello, world", token = os.getenv "COFFER_TOKEN" }
local failures = 0

io.stdout:setvbuf "line"

-- The secrets that the driver has stored.
check.large = {}
for i = 0, 65535 do
	check.large[i + 1] = string.char(i * 7 % 251)
end
check.large = table.concat(check.large)
check.binary = {}
for i = 0, 255 do
	check.binary[i + 1] = string.char(i)
end
check.binary = table.concat(check.binary)

-- A case's name is true when it passes.
function check.case(sentence, body)
	local passed, problem = xpcall(body, function(problem)
		return debug.traceback(tostring(problem))
	end)
	if not passed then
		failures = failures + 1
		print(problem)
	end
	print((passed and "ok: " or "NOT OK: ") .. sentence)
end

function check.finish()
	assert(failures == 0, failures .. " cases have failed")
end

function check.equal(got, want)
	if got ~= want then
		error(("%q is not %q"):format(tostring(got), tostring(want)), 2)
	end
end

-- The error object that body must raise, which may say nothing of any value or token.
function check.fails(code, body, ...)
	local passed, problem = pcall(body, ...)
	assert(not passed, "it did not fail")
	assert(coffer.is_error(problem), "not an error object: " .. tostring(problem))
	check.equal(problem.code, code)
	check.equal(tostring(problem), "coffer: " .. problem.message)
	check.silent(problem.message)
	return problem
end

-- The text of an ordinary error, as wrong arguments raise it.
function check.wrong(pattern, body, ...)
	local passed, problem = pcall(body, ...)
	assert(not passed, "it did not fail")
	check.equal(type(problem), "string")
	assert(problem:find(pattern), problem)
	check.silent(problem)
end

function check.silent(text)
	for _, hidden in ipairs { check.value, check.token } do
		assert(not text:find(hidden, 1, true), "a secret is told: " .. text)
	end
end

-- Asks the driver to do what an operator does, and waits until it has.
function check.operator(...)
	print("@" .. table.concat({ ... }, " "))
	return assert(io.read "*l")
end

return check
