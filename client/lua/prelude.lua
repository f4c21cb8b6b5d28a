-- prelude.lua - the half of the module that is Lua: it walks the script's tables and calls its functions, so that
-- none of that happens within C. The build puts it into coffer.so. Written in what Lua 5.1 to 5.4 have in common.
--
-- core holds the functions of C that no script gets; error_class, session_class and redactor_class are metatables,
-- whose fields __index have the methods of sessions and redactors.
local core, error_class, session_class, redactor_class = ...
local session, redactor = session_class.__index, redactor_class.__index

-- Whatever a script does to its globals later must not change what happens here.
local error, getmetatable, next, pcall, setmetatable = error, getmetatable, next, pcall, setmetatable
local concat, find, min, tostring, type = table.concat, string.find, math.min, tostring, type
local unpack = table.unpack or unpack

-- --- errors --------------------------------------------------------------------------------------------

function error_class.__tostring(problem)
	return "coffer: " .. tostring(problem.message)
end

local function is_error(value)
	return type(value) == "table" and getmetatable(value) == error_class
end

local function raise(code, name, message)
	error(setmetatable({ code = code, name = name, message = message }, error_class), 0)
end

-- For a wrong argument, as C's own: level 1 is the function that calls this one.
local function fail(level, message)
	error(message, level + 2)
end

-- --- connecting ----------------------------------------------------------------------------------------

local option_types = {
	transport = "string",
	socket = "string",
	token = "string",
	bootstrap = "string",
	run_id = "string",
	client = "string",
	via = "string",
	timeout_ms = "number",
}

-- A key that is unknown is a mistake that would otherwise show as a wrong default. C reads a string up to its
-- first NUL, and one must not pass for a shorter one.
local function check_options(options)
	if type(options) ~= "table" then
		fail(2, "coffer.connect: a table of options is wanted, not a " .. type(options))
	end
	for name, value in next, options do
		local wanted = type(name) == "string" and option_types[name]
		if not wanted then
			fail(2, "coffer.connect: there is no option '" .. tostring(name) .. "'")
		elseif type(value) ~= wanted then
			fail(2, "coffer.connect: the option '" .. name .. "' is not a " .. wanted)
		elseif wanted == "string" and find(value, "\0", 1, true) then
			fail(2, "coffer.connect: the option '" .. name .. "' holds a NUL")
		end
	end
	return options
end

local function connect(options)
	options = check_options(options == nil and {} or options)
	return core.connect(core.redactor(), options.timeout_ms, options.transport, options.socket,
		options.token, options.bootstrap, options.run_id, options.client, options.via)
end

-- --- sessions ------------------------------------------------------------------------------------------

session_class.__call = session.secret
session_class.__close = session.close

function session_class.__tostring(self)
	local id = core.run_id(self)
	return "coffer.session (" .. (id == nil and "closed" or id == "" and "service" or "run " .. id) .. ")"
end

local function check_open(self)
	return core.run_id(self) or raise("FAILED_PRECONDITION", nil, "the session is closed")
end

session.run_id = check_open

function session.list(self)
	return core.read(self, false)
end

function session.environment(self)
	local values, secrets = {}, core.read(self, true)
	for i = 1, #secrets do
		values[secrets[i].name] = secrets[i].value
	end
	return values
end

-- What is claimed is given once. Should memory run out before it has become a table, the next call has it still.
local claims = setmetatable({}, { __mode = "k" })

function session.bootstrap(self)
	check_open(self)
	local box = claims[self] or core.box()
	claims[self] = box
	local run = core.bootstrap(self, box)
	claims[self] = nil
	return run
end

-- --- references ----------------------------------------------------------------------------------------

-- The values of the references in texts, by their text. All that are missing are told in one error.
local function fetch(self, texts, names)
	local values, missing = {}, {}
	for first = 1, #names, core.batch do
		local last = min(#names, first + core.batch - 1)
		local done, got = pcall(core.fetch, self, unpack(names, first, last))
		if done then
			for i = first, last do
				values[texts[i]] = got[i - first + 1]
			end
		elseif is_error(got) and got.code == "NOT_FOUND" then
			missing[#missing + 1] = got.message
		else
			error(got, 0)
		end
	end
	if #missing > 0 then
		raise("NOT_FOUND", #names == 1 and names[1] or nil, concat(missing, "; "))
	end
	return values
end

-- A copy of a value in which references are replaced, at any depth. Tables that are met are copied once each, as
-- they are, and put on a list, not descended into: depth costs no stack, and a cycle ends. When all is copied and
-- fetched, the copies are put in order; what is put into them is not looked at again.
function session.resolve(self, root)
	local copies, tables = {}, {}
	local seen, texts, names = {}, {}, {}
	check_open(self)

	local function note(value)
		if type(value) == "table" and not copies[value] then
			copies[value] = {}
			tables[#tables + 1] = value
		elseif type(value) == "string" and not seen[value] then
			seen[value] = true
			local name = core.reference(value)
			if name then
				texts[#texts + 1], names[#names + 1] = value, name
			end
		end
	end

	note(root)
	local done = 0
	while done < #tables do
		done = done + 1
		local copy = copies[tables[done]]
		for key, value in next, tables[done] do
			copy[key] = value
			note(value)
		end
	end

	local values = fetch(self, texts, names)
	for i = 1, #tables do
		local copy = copies[tables[i]]
		for key, value in next, copy do
			copy[key] = copies[value] or values[value] or value
		end
	end
	return copies[root] or values[root] or root
end

-- --- redaction -----------------------------------------------------------------------------------------

-- Numbers are as good as strings, as everywhere in Lua.
local function check_text(what, text)
	if type(text) ~= "string" and type(text) ~= "number" then
		fail(2, what .. ": a string is wanted, not a " .. type(text))
	end
end

function redactor.redact(self, text)
	check_text("redactor:redact", text)
	local stream = core.stream(self)
	return core.step(stream, text) .. core.step(stream, nil, true)
end

-- While a step is under way the stream takes nothing: not from within its own write function, and not after an
-- error has left it, for text is missing then, and what follows could be the tail of a secret.
function redactor.stream(self, write)
	if type(write) ~= "function" then
		fail(1, "redactor:stream: a function is wanted, not a " .. type(write))
	end
	local stream, refused = core.stream(self), nil

	local function step(text, ending)
		if refused then
			raise("FAILED_PRECONDITION", nil, refused)
		end
		refused = "the stream has failed, or is being written"
		local out = core.step(stream, text, ending)
		if out ~= "" then
			write(out)
		end
		refused = ending and "the stream has ended" or nil
	end

	local methods = {}
	function methods:write(text)
		check_text("stream:write", text)
		step(text)
		return self
	end
	function methods:idle()
		step()
		return self
	end
	function methods:finish()
		step(nil, true)
	end
	return methods
end

-- --- the module ----------------------------------------------------------------------------------------

return {
	connect = connect,
	redactor = core.redactor,
	is_error = is_error,
	marker = core.marker,
	version = core.version,
}
