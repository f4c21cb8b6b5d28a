-- redactor.lua - what jobs print goes out without the values of secrets.
local check = require "check"
local coffer = require "coffer"
local case, equal = check.case, check.equal

local marker = coffer.marker

-- A stream whose output is collected.
local function collecting(redactor)
	local parts = {}
	local stream = redactor:stream(function(text)
		parts[#parts + 1] = text
	end)
	return stream, parts
end

case("a value is found in a text, in other forms too", function()
	local redactor = coffer.redactor()
	equal(redactor:add("correct horse", "PHRASE"), true)
	equal(redactor:redact "a correct horse!", "a " .. marker .. "!")
	equal(redactor:redact "Y29ycmVjdCBob3JzZQ==", marker .. "Q==")
	equal(redactor:redact "636f727265637420686f727365", marker)
	equal(redactor:redact "correct%20horse", marker)
	equal(redactor:redact "nothing", "nothing")
	equal(redactor:redact "", "")
	equal(redactor:add "another value", true)
	equal(redactor:redact "another value\0correct horse", marker .. "\0" .. marker)
end)

case("a value that is too short is told, and not looked for", function()
	local redactor = coffer.redactor()
	equal(redactor:add("abc", "SHORT"), false)
	equal(redactor:add "", false)
	equal(redactor:redact "abc", "abc")
end)

case("values and texts are any bytes", function()
	local redactor = coffer.redactor()
	redactor:add(check.binary)
	equal(redactor:redact("\0" .. check.binary .. "\255\0"), "\0" .. marker .. "\255\0")
	redactor:add(check.large)
	equal(redactor:redact("<" .. check.large .. ">"), "<" .. marker .. ">")
end)

case("a stream finds a value wherever it is cut", function()
	local redactor = coffer.redactor()
	redactor:add "correct horse"
	local text = "one correct horse, two correct horse"
	for cut = 0, #text do
		local stream, parts = collecting(redactor)
		equal(stream:write(text:sub(1, cut)), stream)
		stream:write(text:sub(cut + 1))
		stream:finish()
		equal(table.concat(parts), "one " .. marker .. ", two " .. marker)
	end
end)

case("a pause lets a short beginning go, and no long one", function()
	local redactor = coffer.redactor()
	redactor:add "correct horse"
	local stream, parts = collecting(redactor)
	stream:write "co"
	equal(table.concat(parts), "")
	equal(stream:idle(), stream)
	equal(table.concat(parts), "co")
	stream:write "rrect horse"
	stream:idle()
	stream:finish()
	equal(table.concat(parts), "co" .. marker)
	stream, parts = collecting(redactor)
	stream:write "correct"
	stream:idle()
	equal(table.concat(parts), "")
	stream:finish()
	equal(table.concat(parts), "correct")
end)

case("a stream that has ended takes nothing more", function()
	local stream = collecting(coffer.redactor())
	stream:write "text"
	stream:finish()
	for _, method in ipairs { "write", "idle", "finish" } do
		check.fails("FAILED_PRECONDITION", stream[method], stream, "more")
	end
end)

case("an error of the write function is raised by write, and the stream has failed", function()
	local raised, calls = { "mine" }, 0
	local stream = coffer.redactor():stream(function()
		calls = calls + 1
		error(raised)
	end)
	local passed, problem = pcall(stream.write, stream, "text")
	equal(passed, false)
	equal(problem, raised)
	check.fails("FAILED_PRECONDITION", stream.write, stream, "more")
	check.fails("FAILED_PRECONDITION", stream.finish, stream)
	equal(calls, 1)
end)

case("the write function can use the redactor, another stream and a session, but not its own stream", function()
	local session = coffer.connect()
	local redactor = session:redactor()
	local inner, parts = collecting(redactor)
	local stream
	stream = redactor:stream(function(text)
		redactor:add "learnt while writing"
		inner:write(text .. session "GREETING" .. "learnt while writing")
		check.fails("FAILED_PRECONDITION", stream.write, stream, "loop")
	end)
	stream:write "outer "
	stream:write "again "
	stream:finish()
	inner:finish()
	equal(table.concat(parts), "outer " .. marker .. "again " .. marker)
	session:close()
end)

case("a session's redactor knows the token and every value that was handed out", function()
	local session = coffer.connect()
	local redactor = session:redactor()
	equal(redactor, session:redactor())
	equal(redactor:redact(check.token), marker)
	equal(redactor:redact "value number 001", "value number 001")
	session "MANY_001"
	session:get "MANY_002"
	session:resolve { "secret:MANY_003", "secret:MANY_070" }
	equal(redactor:redact "value number 001", marker)
	equal(redactor:redact "value number 002", marker)
	equal(redactor:redact "value number 003", marker)
	equal(redactor:redact "value number 004", "value number 004")
	session:environment()
	equal(redactor:redact "value number 004", marker)
	local second = coffer.connect { token = os.getenv "OTHER_TOKEN" }
	equal(second:redactor():redact(os.getenv "OTHER_TOKEN"), marker)
	equal(second:redactor():redact "value number 001", "value number 001")
	second:close()
	session:close()
end)

case("a value that was fetched before the redactor was asked for is known to it", function()
	local session = coffer.connect()
	local value = session "GREETING"
	equal(session:redactor():redact(value), marker)
	session:close()
end)

case("a stream outlives the names of its redactor and its session", function()
	local parts = {}
	local stream
	do
		local session = coffer.connect()
		session "GREETING"
		stream = session:redactor():stream(function(text)
			parts[#parts + 1] = text
		end)
	end
	for _ = 1, 5 do
		collectgarbage()
	end
	stream:write(check.value)
	stream:finish()
	equal(table.concat(parts), marker)
end)

case("wrong arguments are ordinary errors", function()
	local redactor = coffer.redactor()
	check.wrong("string expected", redactor.add, redactor, {})
	check.wrong("string is wanted", redactor.redact, redactor)
	check.wrong("function is wanted", redactor.stream, redactor, "write")
	local stream = collecting(redactor)
	check.wrong("string is wanted", stream.write, stream, {})
	check.wrong("string is wanted", stream.write, stream)
	stream:write(42)
	stream:finish()
end)

check.finish()
