/* lua_coffer.c - libcoffer as the Lua module "coffer", with prelude.lua. Layer: a client of the public API.
 *
 * A Lua error is a jump past this code, and whatever allocates in Lua may raise one. So nothing that must be freed
 * is ever held by a C variable alone: it lies in a userdata with a finalizer before it is filled. What allocates may
 * also collect garbage, and so run a finalizer of the script's that uses, or closes, the very session: a handle is
 * looked up after the last allocation before its use, and a session's texts are copied before they are pushed.
 *
 * No function of a script's is called from here, so that one may fail, or yield, wherever it runs. */
#include <coffer/client.h>
#include <coffer/redact.h>
#include <coffer/registry.h>
#include <lauxlib.h>
#include <lua.h>

#include "lua_prelude.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- what differs between the Luas -------------------------------------------------------------------- */

#if LUA_VERSION_NUM < 502 /* LuaJIT too */
#define lua_getuservalue lua_getfenv
#define lua_setuservalue lua_setfenv
#endif

/* Lua has integers since 5.3; before, doubles that hold 53 bits of them. */
#if LUA_VERSION_NUM < 503
#define push_integer(L, n) lua_pushnumber(L, (lua_Number)(n))
#else
#define push_integer(L, n) lua_pushinteger(L, (lua_Integer)(n))
#endif

COFFER_API_BEGIN
int luaopen_coffer(lua_State *L);
COFFER_API_END

/* --- objects ------------------------------------------------------------------------------------------ */

/* The names of metatables. Of the last two no script ever sees an object. */
#define ERROR    "coffer.error"
#define SESSION  "coffer.session"
#define REDACTOR "coffer.redactor"
#define STREAM   "coffer.stream"
#define BOX      "coffer.box"

struct redactor {
	struct coffer_redactor *handle; /* NULL: collected */
};

struct session {
	struct coffer_session *handle; /* NULL: closed */
	struct redactor *redactor;     /* knows each value before it is handed out */
};

struct stream {
	struct coffer_redact_stream *handle;
	struct redactor *redactor;
	char *out; /* redacted text, until it is pushed */
	size_t out_len;
	size_t out_cap;
};

/* What libcoffer hands out and wants back: whatever of it is not empty. */
struct box {
	struct coffer_value value;
	struct coffer_secrets secrets;
	struct coffer_bootstrap run;
};

/* Pushes a zeroed userdata. */
static void *new_object(lua_State *L, const char *type, size_t size)
{
	void *object = lua_newuserdata(L, size);

	memset(object, 0, size);
	luaL_getmetatable(L, type);
	lua_setmetatable(L, -2);
	return object;
}

/* Lets the object on top of the stack keep the redactor at index 1 from being collected. */
static void keep_redactor(lua_State *L)
{
	lua_createtable(L, 1, 0);
	lua_pushvalue(L, 1);
	lua_rawseti(L, -2, 1);
	lua_setuservalue(L, -2);
}

static int box_gc(lua_State *L)
{
	struct box *box = luaL_checkudata(L, 1, BOX);

	coffer_value_free(&box->value);
	coffer_secrets_free(&box->secrets);
	coffer_bootstrap_free(&box->run);
	return 0;
}

static int box_new(lua_State *L)
{
	(void)new_object(L, BOX, sizeof(struct box));
	return 1;
}

/* --- errors and arguments ----------------------------------------------------------------------------- */

static void set_text(lua_State *L, const char *key, const char *text)
{
	lua_pushstring(L, text);
	lua_setfield(L, -2, key);
}

static void set_integer(lua_State *L, const char *key, int64_t n)
{
	push_integer(L, n);
	lua_setfield(L, -2, key);
}

/* Raises {code, name, message}. name may be NULL. The texts must not be a session's. */
static int fail(lua_State *L, coffer_err err, const char *name, const char *message)
{
	lua_createtable(L, 0, 3);
	set_text(L, "code", coffer_err_name(err));
	set_text(L, "name", name);
	set_text(L, "message", message);
	luaL_getmetatable(L, ERROR);
	lua_setmetatable(L, -2);
	return lua_error(L);
}

/* The same of what a session's call has failed of. */
static int fail_call(lua_State *L, const struct coffer_session *session, coffer_err err,
		     const char *name)
{
	char message[COFFER_MESSAGE_MAX + 1];
	const char *text = coffer_message(session);

	(void)snprintf(message, sizeof(message), "%s",
		       text[0] != '\0' ? text : coffer_err_text(err));
	return fail(L, err, name, message);
}

/* libcoffer takes strings up to their first NUL: a name must not pass for a shorter one. */
static const char *check_name(lua_State *L, int index)
{
	size_t len;
	const char *name = luaL_checklstring(L, index, &len);

	luaL_argcheck(L, strlen(name) == len, index, "a name holds no NUL");
	return name;
}

/* A whole number from 0 to max; 0 where there is none. */
static lua_Number check_count(lua_State *L, int index, lua_Number max)
{
	lua_Number n = luaL_optnumber(L, index, 0);

	luaL_argcheck(L, n >= 0 && n <= max && (lua_Number)(uint64_t)n == n, index,
		      "not a whole number, or out of range");
	return n;
}

/* --- redactor ----------------------------------------------------------------------------------------- */

static struct coffer_redactor *open_redactor(lua_State *L, const struct redactor *redactor)
{
	if (redactor->handle == NULL)
		fail(L, COFFER_FAILED_PRECONDITION, NULL, "the redactor was collected");
	return redactor->handle;
}

static int redactor_new(lua_State *L)
{
	struct redactor *redactor = new_object(L, REDACTOR, sizeof(*redactor));
	coffer_err err = coffer_redactor_new(&redactor->handle);

	return err == COFFER_OK ? 1 : fail(L, err, NULL, coffer_redactor_message(NULL));
}

static int redactor_gc(lua_State *L)
{
	struct redactor *redactor = luaL_checkudata(L, 1, REDACTOR);

	coffer_redactor_free(redactor->handle);
	redactor->handle = NULL;
	return 0;
}

/* False if the value is too short to be looked for. One for which there is no memory must not be handed out. */
static bool add_value(lua_State *L, const struct redactor *redactor, const char *name,
		      const void *value, size_t len)
{
	coffer_err err = coffer_redactor_add(open_redactor(L, redactor), name, value, len);

	if (err != COFFER_OK && err != COFFER_FAILED_PRECONDITION)
		fail(L, err, name, "no memory for what is to be redacted");
	return err == COFFER_OK;
}

static int redactor_add(lua_State *L)
{
	const struct redactor *redactor = luaL_checkudata(L, 1, REDACTOR);
	size_t len;
	const char *value = luaL_checklstring(L, 2, &len);
	const char *name = lua_isnoneornil(L, 3) ? "unnamed" : check_name(L, 3);

	lua_pushboolean(L, add_value(L, redactor, name, value, len));
	return 1;
}

/* --- stream ------------------------------------------------------------------------------------------- */

/* What is let out has been redacted: it needs no wiping. */
static coffer_err collect(void *context, const uint8_t *data, size_t len)
{
	struct stream *stream = context;
	size_t cap = 2 * (stream->out_len + len);
	char *out;

	if (len > SIZE_MAX / 4 - stream->out_len)
		return COFFER_RESOURCE_EXHAUSTED;
	if (stream->out_cap - stream->out_len < len) {
		if ((out = realloc(stream->out, cap)) == NULL)
			return COFFER_RESOURCE_EXHAUSTED;
		stream->out = out;
		stream->out_cap = cap;
	}
	memcpy(stream->out + stream->out_len, data, len);
	stream->out_len += len;
	return COFFER_OK;
}

static int stream_new(lua_State *L)
{
	struct redactor *redactor = luaL_checkudata(L, 1, REDACTOR);
	struct stream *stream = new_object(L, STREAM, sizeof(*stream));
	coffer_err err;

	keep_redactor(L);
	stream->redactor = redactor;
	err = coffer_redact_stream_new(&stream->handle, redactor->handle, collect, stream);
	return err == COFFER_OK ? 1 : fail(L, err, NULL, "no memory for a stream");
}

static int stream_gc(lua_State *L)
{
	struct stream *stream = luaL_checkudata(L, 1, STREAM);

	coffer_redact_stream_free(stream->handle);
	free(stream->out);
	*stream = (struct stream){ 0 };
	return 0;
}

/* Feeds the text, or if there is none pauses or, with true behind it, ends. Pushes what is let out. */
static int stream_step(lua_State *L)
{
	struct stream *stream = luaL_checkudata(L, 1, STREAM);
	size_t len;
	const char *text = luaL_optlstring(L, 2, NULL, &len);
	coffer_err err;

	if (stream->handle == NULL)
		return fail(L, COFFER_FAILED_PRECONDITION, NULL, "the stream was collected");
	(void)open_redactor(L, stream->redactor);
	if (text != NULL)
		err = coffer_redact_feed(stream->handle, (const uint8_t *)text, len);
	else
		err = lua_toboolean(L, 3) ? coffer_redact_end(stream->handle)
					  : coffer_redact_idle(stream->handle);
	if (err != COFFER_OK)
		return fail(L, err, NULL, "no memory to redact; the stream has failed");
	lua_pushlstring(L, stream->out_len > 0 ? stream->out : "", stream->out_len);
	stream->out_len = 0;
	return 1;
}

/* --- session ------------------------------------------------------------------------------------------ */

/* A token is what a job's output holds most easily: in a print of its environment. Those that the session does not
 * use are known to the redactor, too. */
static coffer_err open_with(struct session *s, struct coffer_options *options,
			    const struct coffer_tokens *tokens)
{
	for (size_t i = 0; i < tokens->len; i++) {
		const char *text = tokens->items[i].text;
		if (coffer_redactor_add(s->redactor->handle, "the token", (const uint8_t *)text,
					strlen(text)) == COFFER_RESOURCE_EXHAUSTED)
			return COFFER_RESOURCE_EXHAUSTED;
	}
	options->token = tokens->len > 0 ? tokens->items[0].text : NULL;
	return coffer_open(&s->handle, options);
}

/* redactor, timeout_ms and the texts of struct coffer_options in its order, as the prelude has checked them. */
static int session_new(lua_State *L)
{
	struct redactor *redactor = luaL_checkudata(L, 1, REDACTOR);
	struct coffer_options options = {
		.timeout_ms = (int)check_count(L, 2, INT_MAX),
		.transport = luaL_optstring(L, 3, NULL),
		.socket = luaL_optstring(L, 4, NULL),
		.token = luaL_optstring(L, 5, NULL),
		.bootstrap = luaL_optstring(L, 6, NULL),
		.run_id = luaL_optstring(L, 7, NULL),
		.client = luaL_optstring(L, 8, NULL),
		.via = luaL_optstring(L, 9, NULL),
	};
	struct session *s = new_object(L, SESSION, sizeof(*s));
	struct coffer_tokens tokens;
	coffer_err err;

	keep_redactor(L);
	s->redactor = redactor;
	if ((err = coffer_tokens_find(&tokens, options.token)) != COFFER_OK)
		return fail(L, err, NULL, tokens.message);
	err = open_with(s, &options, &tokens);
	coffer_tokens_free(&tokens);
	return err == COFFER_OK ? 1 : fail_call(L, s->handle, err, NULL);
}

static struct coffer_session *open_session(lua_State *L)
{
	const struct session *s = luaL_checkudata(L, 1, SESSION);

	if (s->handle == NULL)
		fail(L, COFFER_FAILED_PRECONDITION, NULL, "the session is closed");
	return s->handle;
}

static int session_close(lua_State *L)
{
	struct session *s = luaL_checkudata(L, 1, SESSION);
	struct coffer_session *handle = s->handle;

	s->handle = NULL;
	coffer_close(handle);
	return 0;
}

/* Pushes "" for a service, nil for a session that is closed. */
static int session_run_id(lua_State *L)
{
	const struct session *s = luaL_checkudata(L, 1, SESSION);
	char id[COFFER_ID_LEN + 1];

	if (s->handle == NULL)
		return 0;
	(void)snprintf(id, sizeof(id), "%s", coffer_run_id(s->handle));
	lua_pushstring(L, id);
	return 1;
}

static int session_redactor(lua_State *L)
{
	(void)luaL_checkudata(L, 1, SESSION);
	(void)lua_getuservalue(L, 1);
	lua_rawgeti(L, -1, 1);
	return 1;
}

/* Pushes a value, after the session's redactor has learnt it. */
static bool push_value(lua_State *L, const char *name, const struct coffer_value *value)
{
	const struct session *s = luaL_checkudata(L, 1, SESSION);
	bool redacted = add_value(L, s->redactor, name, value->data, value->len);

	lua_pushlstring(L, (const char *)value->data, value->len);
	return redacted;
}

/* Pushes the value of the secret that argument 2 names. *value is the collector's to free. */
static bool push_secret(lua_State *L, struct coffer_value **value)
{
	const char *name = check_name(L, 2);
	struct box *box = new_object(L, BOX, sizeof(*box));
	struct coffer_session *session = open_session(L);
	coffer_err err = coffer_get(session, name, &box->value);

	if (err != COFFER_OK)
		fail_call(L, session, err, name);
	*value = &box->value;
	return push_value(L, name, &box->value);
}

static int session_secret(lua_State *L)
{
	struct coffer_value *value;

	(void)push_secret(L, &value);
	coffer_value_free(value);
	return 1;
}

static int session_get(lua_State *L)
{
	struct coffer_value *value;
	bool redacted = push_secret(L, &value);

	lua_createtable(L, 0, 3);
	set_integer(L, "version", value->version);
	set_text(L, "scope", value->scope);
	lua_pushboolean(L, redacted);
	lua_setfield(L, -2, "redacted");
	coffer_value_free(value);
	return 2;
}

/* Pushes an array with a table for each visible secret, with its value if argument 2 is true. */
static int session_read(lua_State *L)
{
	bool values = lua_toboolean(L, 2);
	struct box *box = new_object(L, BOX, sizeof(*box));
	struct coffer_secrets *secrets = &box->secrets;
	struct coffer_session *session = open_session(L);
	coffer_err err =
	    values ? coffer_environment(session, secrets) : coffer_list(session, secrets);

	if (err != COFFER_OK)
		return fail_call(L, session, err, NULL);
	lua_createtable(L, (int)secrets->len, 0);
	for (size_t i = 0; i < secrets->len; i++) {
		const struct coffer_secret *secret = &secrets->items[i];

		lua_createtable(L, 0, 4);
		set_text(L, "name", secret->name);
		set_text(L, "scope", secret->value.scope);
		set_integer(L, "version", secret->value.version);
		if (values)
			(void)push_value(L, secret->name, &secret->value);
		else
			push_integer(L, secret->updated_at_ms);
		lua_setfield(L, -2, values ? "value" : "updated_at_ms");
		lua_rawseti(L, -2, (int)i + 1);
	}
	coffer_secrets_free(secrets);
	return 1;
}

/* Pushes the values of the secrets that arguments 2 to at most 65 name, as an array. */
static int session_fetch(lua_State *L)
{
	const char *names[COFFER_BATCH_MAX];
	int count = lua_gettop(L) - 1;
	struct box *box = new_object(L, BOX, sizeof(*box));
	struct coffer_session *session;
	coffer_err err;

	luaL_argcheck(L, count <= COFFER_BATCH_MAX, 1, "too many names");
	for (int i = 0; i < count; i++)
		names[i] = check_name(L, i + 2);
	session = open_session(L);
	err = coffer_get_many(session, names, (size_t)count, &box->secrets);
	if (err != COFFER_OK)
		return fail_call(L, session, err, count == 1 ? names[0] : NULL);
	lua_createtable(L, count, 0);
	for (int i = 0; i < count; i++) {
		(void)push_value(L, names[i], &box->secrets.items[i].value);
		lua_rawseti(L, -2, i + 1);
	}
	coffer_secrets_free(&box->secrets);
	return 1;
}

static int session_wait(lua_State *L)
{
	/* As far as a double counts. */
	uint64_t after = (uint64_t)check_count(L, 2, 9007199254740992.0), revision;
	int timeout_ms = (int)check_count(L, 3, INT_MAX);
	struct coffer_session *session = open_session(L);
	bool changed;
	coffer_err err = coffer_wait(session, after, timeout_ms, &revision, &changed);

	if (err != COFFER_OK)
		return fail_call(L, session, err, NULL);
	push_integer(L, revision);
	lua_pushboolean(L, changed);
	return 2;
}

static void push_bootstrap(lua_State *L, const struct coffer_bootstrap *run)
{
	lua_createtable(L, 0, 5);
	set_text(L, "run_id", run->run_id);
	set_text(L, "git_dir", run->git_dir);
	lua_createtable(L, 0, 5);
	set_text(L, "pipeline", run->pipeline);
	set_text(L, "repo", run->repo);
	set_text(L, "ref", run->ref);
	set_text(L, "sha", run->sha);
	set_integer(L, "pushed_at_ms", run->pushed_at_ms);
	lua_setfield(L, -2, "meta");
	lua_createtable(L, 0, 2);
	set_text(L, "dsn", run->sentry_dsn);
	set_text(L, "trace_id", run->sentry_trace_id);
	lua_setfield(L, -2, "sentry");
	lua_createtable(L, 0, (int)run->extras_len);
	for (size_t i = 0; i < run->extras_len; i++)
		set_text(L, run->extras[i].key, run->extras[i].value);
	lua_setfield(L, -2, "extras");
}

/* Claims into the box at index 2, unless it is full, and pushes what is in it. */
static int session_bootstrap(lua_State *L)
{
	struct box *box = luaL_checkudata(L, 2, BOX);
	struct coffer_session *session = open_session(L);
	coffer_err err = box->run.run_id == NULL ? coffer_claim(session, &box->run) : COFFER_OK;

	if (err != COFFER_OK)
		return fail_call(L, session, err, NULL);
	push_bootstrap(L, &box->run);
	return 1;
}

/* The name that a text refers to, or nothing. */
static int reference(lua_State *L)
{
	size_t len;
	const char *text = luaL_checklstring(L, 1, &len);
	const char *name = strlen(text) == len ? coffer_reference(text) : NULL;

	lua_pushstring(L, name);
	return 1;
}

/* --- the module --------------------------------------------------------------------------------------- */

static const luaL_Reg core[] = {
	{ "connect", session_new },
	{ "run_id", session_run_id },
	{ "read", session_read },
	{ "fetch", session_fetch },
	{ "box", box_new },
	{ "bootstrap", session_bootstrap },
	{ "reference", reference },
	{ "redactor", redactor_new },
	{ "stream", stream_new },
	{ "step", stream_step },
	{ NULL, NULL },
};

static const luaL_Reg session_methods[] = {
	{ "secret", session_secret },     { "get", session_get },     { "wait", session_wait },
	{ "redactor", session_redactor }, { "close", session_close }, { NULL, NULL },
};

static const luaL_Reg redactor_methods[] = { { "add", redactor_add }, { NULL, NULL } };
static const luaL_Reg no_methods[] = { { NULL, NULL } };

static void push_functions(lua_State *L, const luaL_Reg *function)
{
	lua_newtable(L);
	for (; function->name != NULL; function++) {
		lua_pushcfunction(L, function->func);
		lua_setfield(L, -2, function->name);
	}
}

/* Pushes the metatable. No script can reach it, and with it the finalizer: getmetatable gets the name. */
static void push_class(lua_State *L, const char *type, lua_CFunction gc, const luaL_Reg *methods)
{
	(void)luaL_newmetatable(L, type);
	lua_pushcfunction(L, gc);
	lua_setfield(L, -2, "__gc");
	set_text(L, "__metatable", type);
	push_functions(L, methods);
	lua_setfield(L, -2, "__index");
}

int luaopen_coffer(lua_State *L)
{
	push_class(L, STREAM, stream_gc, no_methods);
	push_class(L, BOX, box_gc, no_methods);
	if (luaL_loadbuffer(L, prelude, sizeof(prelude), "=coffer") != 0)
		return lua_error(L);
	push_functions(L, core);
	set_integer(L, "batch", COFFER_BATCH_MAX);
	set_text(L, "marker", COFFER_REDACT_MARKER);
	set_text(L, "version", COFFER_VERSION);
	(void)luaL_newmetatable(L, ERROR);
	push_class(L, SESSION, session_close, session_methods);
	push_class(L, REDACTOR, redactor_gc, redactor_methods);
	lua_call(L, 4, 1);
	return 1;
}
