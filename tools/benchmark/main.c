/* coffer-bench: the workers of tools/bench, which starts the servers and reads what is printed here. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "fill.h"
#include "hold.h"
#include "latency.h"
#include "pingpong.h"
#include "process.h"
#include "target.h"
#include "throughput.h"

static bool parse(const char *text, size_t *out)
{
	char *end;
	unsigned long number = strtoul(text, &end, 10);

	*out = number;
	if (number > 0 && *end == '\0')
		return true;
	(void)fprintf(stderr, "coffer-bench: '%s' is not a number above 0\n", text);
	return false;
}

static bool parse_plan(char **words, struct latency_plan *out)
{
	return parse(words[0], &out->rounds) && parse(words[1], &out->slices) &&
	       parse(words[2], &out->count);
}

static bool run_ping_pong(char **words, size_t len)
{
	(void)len;
	return pingpong_serve(words[0]);
}

static bool run_fill(char **words, size_t len)
{
	size_t count;

	(void)len;
	return parse(words[1], &count) && fill_home(words[0], count);
}

static bool run_trips(char **words, size_t len, bool visit)
{
	struct latency_plan plan;
	struct target *targets;
	bool ok;

	if (!parse_plan(words, &plan) || !target_make_all(&targets, words + 3, len - 3))
		return false;
	ok = latency_measure(&plan, visit, targets, len - 3);
	target_free_all(targets, len - 3);
	return ok;
}

static bool run_latency(char **words, size_t len)
{
	return run_trips(words, len, false);
}

static bool run_visit(char **words, size_t len)
{
	return run_trips(words, len, true);
}

static bool run_throughput(char **words, size_t len)
{
	struct latency_plan plan;
	struct target *targets;
	size_t connections;
	bool ok;

	if (!parse_plan(words, &plan) || !parse(words[3], &connections) ||
	    !target_make_all(&targets, words + 4, len - 4))
		return false;
	ok = throughput_measure(&plan, connections, targets, len - 4);
	target_free_all(targets, len - 4);
	return ok;
}

static bool run_hold(char **words, size_t len)
{
	struct target target;
	size_t count;
	bool ok;

	(void)len;
	ok = parse(words[0], &count) && target_make(&target, words[1]);
	if (!ok)
		return false;
	ok = hold_connections(&target, count);
	target_free(&target);
	return ok;
}

static bool run_process(char **words, size_t len)
{
	size_t rounds, count;

	return parse(words[0], &rounds) && parse(words[1], &count) &&
	       process_measure(rounds, count, words + 2, len - 2);
}

static bool run_start(char **words, size_t len)
{
	size_t rounds, count;

	return parse(words[0], &rounds) && parse(words[1], &count) &&
	       process_measure_start(rounds, count, words + 2, len - 2);
}

static const struct {
	const char *name;
	const char *usage;
	size_t words_min;
	bool (*run)(char **words, size_t len);
} commands[] = {
	{ "ping-pong", "SOCKET", 1, run_ping_pong },
	{ "fill", "HOME COUNT", 2, run_fill },
	{ "latency", "ROUNDS SLICES COUNT TARGET...", 4, run_latency },
	{ "visit", "ROUNDS SLICES COUNT TARGET...", 4, run_visit },
	{ "throughput", "ROUNDS SLICES COUNT CONNECTIONS TARGET...", 5, run_throughput },
	{ "hold", "COUNT TARGET", 2, run_hold },
	{ "process", "ROUNDS COUNT LABEL COMMAND... [::: ...]", 4, run_process },
	{ "start", "ROUNDS COUNT TARGET COMMAND... [::: ...]", 4, run_start },
};
#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

static int usage(void)
{
	(void)fputs("TARGET is LABEL=KIND:PATH[:NUMBER], see target.h\n", stderr);
	for (size_t i = 0; i < COMMANDS; i++)
		(void)fprintf(stderr, "coffer-bench %s %s\n", commands[i].name, commands[i].usage);
	return 2;
}

/* Thousands of connections need as many descriptors; a hard limit that is too low shows when they fail. */
static void raise_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &limit);
	}
}

int main(int argc, char **argv)
{
	size_t words_len = argc > 2 ? (size_t)argc - 2 : 0;

	raise_limit();
	for (size_t i = 0; i < COMMANDS && argc > 1; i++)
		if (strcmp(argv[1], commands[i].name) == 0 && words_len >= commands[i].words_min)
			return commands[i].run(argv + 2, words_len) ? EXIT_SUCCESS : EXIT_FAILURE;
	return usage();
}
