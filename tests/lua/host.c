/* host.c - a program that has a Lua inside and fails its allocations, or forks under it.
 *
 * usage: host allocations SCRIPT    the script must fail or pass, whichever allocation fails, and lose nothing
 *        host bootstrap             bootstrap data must not be lost: each try takes the next of $TOKENS
 *        host fork                  a session must refuse the child and go on serving the parent */
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* From the allocation on that brings it to 0, every one fails; a negative one never comes to that. */
struct memory {
	long left;
	bool failed;
};

static void *allocate(void *context, void *block, size_t old_size, size_t size)
{
	struct memory *memory = context;

	if (size == 0) {
		free(block);
		return NULL;
	}
	/* Lua takes it for granted that a block can be made smaller. */
	if (block == NULL || size > old_size) {
		memory->failed = memory->failed || memory->left == 0;
		memory->left -= memory->left > 0;
		if (memory->failed)
			return NULL;
	}
	return realloc(block, size);
}

static void limit(struct memory *memory, long allocations)
{
	*memory = (struct memory){ allocations, false };
}

static lua_State *new_state(struct memory *memory)
{
	lua_State *L;

	limit(memory, -1);
	L = lua_newstate(allocate, memory);
	if (L == NULL) {
		(void)fprintf(stderr, "host: no state\n");
		exit(2);
	}
	luaL_openlibs(L);
	return L;
}

static int complain(lua_State *L, const char *what, long allocations)
{
	const char *text = lua_tostring(L, -1);

	(void)fprintf(stderr, "host: %s, %ld allocations: %s\n", what, allocations,
		      text != NULL ? text : "an error object");
	return 1;
}

/* Fails the first allocation, then the second, and so on until the script needs no more of them. */
static int run_allocations(const char *script)
{
	struct memory memory;
	bool passed = false;

	for (long i = 0; !passed; i++) {
		lua_State *L = new_state(&memory);

		if (luaL_loadfile(L, script) != 0)
			return complain(L, "cannot load", i);
		limit(&memory, i);
		passed = lua_pcall(L, 0, 0, 0) == 0;
		if (!passed && !memory.failed)
			return complain(L, "failed without need", i);
		passed = passed && !memory.failed;
		limit(&memory, -1);
		lua_close(L);
	}
	return 0;
}

#define CONNECT "local coffer = require 'coffer' local token = ... "

static int run_bootstrap(char *tokens)
{
	struct memory memory;
	bool whole = false;
	char *rest, *token = strtok_r(tokens, " ", &rest);

	for (long i = 0; !whole && token != NULL; i++, token = strtok_r(NULL, " ", &rest)) {
		lua_State *L = new_state(&memory);

		if (luaL_loadstring(L, CONNECT "session = coffer.connect { token = token }") != 0)
			return complain(L, "cannot load", i);
		lua_pushstring(L, token);
		if (lua_pcall(L, 1, 0, 0) != 0 ||
		    luaL_loadstring(L, "return session:bootstrap().meta.pipeline") != 0)
			return complain(L, "cannot connect", i);
		lua_pushvalue(L, -1);
		limit(&memory, i);
		whole = lua_pcall(L, 0, 1, 0) == 0 && !memory.failed;
		limit(&memory, -1);
		if (!whole) {
			lua_pop(L, 1);
			if (lua_pcall(L, 0, 1, 0) != 0)
				return complain(L, "the bootstrap data is lost", i);
		}
		if (strcmp(lua_tostring(L, -1), "app") != 0)
			return complain(L, "other bootstrap data", i);
		lua_close(L);
	}
	return whole ? 0 : 1;
}

static int run_fork(void)
{
	static const char use[] =
	    "local passed, result = pcall(session, 'GREETING')"
	    "return passed and result or result.code, passed or session:close()";
	struct memory memory;
	lua_State *L = new_state(&memory);
	int status = 1;
	pid_t child;

	if (luaL_loadstring(L, CONNECT "session = coffer.connect()") != 0 ||
	    lua_pcall(L, 0, 0, 0) != 0)
		return complain(L, "cannot connect", 0);
	child = fork();
	if (luaL_loadstring(L, use) != 0 || lua_pcall(L, 0, 1, 0) != 0)
		return complain(L, "cannot use the session", 0);
	if (child == 0)
		_exit(strcmp(lua_tostring(L, -1), "FAILED_PRECONDITION") != 0);
	if (child < 0 || waitpid(child, &status, 0) != child || status != 0)
		return complain(L, "in the child", 0);
	if (strcmp(lua_tostring(L, -1), "hello, world") != 0)
		return complain(L, "in the parent", 0);
	lua_close(L);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 3 && strcmp(argv[1], "allocations") == 0)
		return run_allocations(argv[2]);
	if (argc == 2 && strcmp(argv[1], "bootstrap") == 0 && getenv("TOKENS") != NULL)
		return run_bootstrap(getenv("TOKENS"));
	if (argc == 2 && strcmp(argv[1], "fork") == 0)
		return run_fork();
	(void)fprintf(stderr, "usage: host allocations SCRIPT | bootstrap | fork\n");
	return 2;
}
