-- memory.lua - all that allocates, once. host.c runs it again and again, each time with less memory.
local coffer = require "coffer"
local secret = coffer.connect { client = "memory" }
local redactor = secret:redactor()
local parts = {}
local stream = redactor:stream(function(text)
	parts[#parts + 1] = text
end)

assert(secret "MANY_000" == "value number 000")
assert(select(2, secret:get "MANY_001").version == 1)
assert(#secret:list() == 10)
assert(secret:environment().MANY_009 == "value number 009")
assert(secret:resolve({ { "secret:MANY_002" }, "secret:MANY_003" })[1][1] == "value number 002")
assert(select(2, pcall(secret, "MANY_00_NOT")).code == "NOT_FOUND")
assert(not pcall(secret.resolve, secret, "secret:MANY_00_NOT"))
assert(tostring(secret):find "run")
stream:write "text with value number 000 and "
stream:write "more"
stream:idle()
stream:finish()
assert(table.concat(parts) == "text with " .. coffer.marker .. " and more")
assert(redactor:redact "value number 009" == coffer.marker)
assert(coffer.redactor():add "correct horse")
secret:wait()
secret:close()
