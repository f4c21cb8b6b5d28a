#!/usr/bin/env lua
-- runner.lua - a pipeline as a Lua program: jobs are tables and functions, secrets come at the moment of use.
--
--     run=$(coffer run create --pipeline shop/web --ref refs/heads/main)
--     (set -a; eval "$run"; exec lua runner.lua)
--
-- For Lua 5.1 to 5.4 and LuaJIT. Exits with 1 if a job has failed.
local coffer = require "coffer"

-- As it is stored: it names secrets and holds none.
local config = {
	deploy = {
		host = "shop.example",
		login = { user = "deploy", password = "secret:DEPLOY_PASSWORD" },
	},
	npmrc = "registry=https://npm.example/\n//npm.example/:_authToken=${NPM_TOKEN}\n",
}

local secret, out -- the session, and the stream that all output goes through

local function say(...)
	out:write(table.concat({ ... }, " ") .. "\n")
end

-- Runs a command of the shell with a text for its standard input, which goes through a named pipe: no disk holds
-- it, and no list of processes shows it. What the command leaves unread is read by the shell.
local function sh(command, input)
	local pipe = os.tmpname()
	os.remove(pipe)
	local made = os.execute("mkfifo -m 600 '" .. pipe .. "'")
	assert(made == true or made == 0, "cannot make a named pipe")
	local output = assert(io.popen("exec 2>&1 <'" .. pipe .. "'; (" .. command .. "); status=$?\n"
		.. "cat >/dev/null; echo \"exit $status\""))
	local stdin = assert(io.open(pipe, "w")) -- waits for the shell to open it
	os.remove(pipe)
	stdin:write(input or "")
	stdin:close()
	local last
	for line in output:lines() do
		if last then
			say(last)
		end
		last = line
	end
	output:close()
	local rest, status = last:match("^(.-)exit (%d+)$")
	if rest ~= "" then
		say(rest)
	end
	assert(status == "0", "the command ended with status " .. status)
end

local jobs = {}

local function job(name)
	return function(definition)
		definition.name = name
		jobs[#jobs + 1] = definition
	end
end

job "test" {
	run = function(run)
		say("testing", run.meta.pipeline, "at", run.meta.sha)
		sh "echo 42 tests passed"
	end,
}

job "package" {
	run = function()
		-- A callback of the string library's fetches what it finds.
		local npmrc = config.npmrc:gsub("%${([%w_]+)}", function(name)
			return secret(name)
		end)
		sh("sed 's/^/npmrc: /'", npmrc)
	end,
}

job "deploy" {
	only = function(run)
		return run.meta.ref == "refs/heads/main"
	end,
	run = function()
		local target = secret:resolve(config.deploy)
		say("deploying to", target.host, "as", target.login.user)
		sh("read -r password && echo \"logged in with $password\"", target.login.password .. "\n")
	end,
}

local function main()
	secret = coffer.connect()
	out = secret:redactor():stream(function(text)
		assert(io.stdout:write(text))
	end)
	local run, failed = secret:bootstrap(), false
	for _, current in ipairs(jobs) do
		if not failed and (not current.only or current.only(run)) then
			say("== " .. current.name)
			local done, problem = pcall(current.run, run)
			if not done then
				say(current.name .. " has failed: " .. tostring(problem))
				failed = true
			end
		end
	end
	out:finish()
	secret:close()
	return failed and 1 or 0
end

local done, status = pcall(main)
if not done then
	io.stderr:write("runner: ", tostring(status), "\n")
end
os.exit(done and status or 1, true)
