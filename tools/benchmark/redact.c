/* redact-bench - how fast text goes through the redactor, beside memcpy and Hyperscan. Chunks of 64 KiB that are in
 * the cache, patterns of 20 to 40 bytes, none of them in the text. Never installed.
 *
 * usage: redact-bench [ROUNDS]
 *
 * Prints a line a figure: what, with how many patterns, the figure and its unit. Of a rate the best round is taken:
 * what disturbs a measurement only makes it slower. */
#include <coffer/redact.h>

#ifdef HAVE_HYPERSCAN
#include <hs.h>
#endif
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define CHUNK        65536
#define TOKEN_MAX    64
#define PATTERNS_MAX 10000
#define SLICE_NS     30000000 /* how long one round of one figure takes */

/* Letters of the texts, and how many are used. */
static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

struct set {
	char (*tokens)[TOKEN_MAX];
	size_t len;
};

struct subject {
	struct coffer_redactor *redactor;
	struct coffer_redact_stream *stream;
	size_t written;
};

static void die(const char *what)
{
	(void)fprintf(stderr, "redact-bench: %s\n", what);
	exit(1);
}

static int64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static void append_token(uint64_t *random, char *token, size_t len)
{
	size_t at = strlen(token);

	while (at < len)
		token[at++] = letters[(next_random(random) >> 32) % (sizeof(letters) - 1)];
	token[at] = '\0';
}

/* Tokens that begin with header, of 20 to 40 random characters behind it. */
static void fill_set(struct set *set, size_t len, const char *header)
{
	uint64_t random = 0x2545f4914f6cdd1d;

	set->len = len;
	for (size_t i = 0; i < len; i++) {
		(void)snprintf(set->tokens[i], TOKEN_MAX, "%s", header);
		append_token(&random, set->tokens[i],
			     strlen(header) +
				 (*header ? 20 : 20 + (next_random(&random) >> 32) % 21));
	}
}

/* What a build prints: times, commands, paths, numbers. */
static void fill_log(char *chunk)
{
	uint64_t random = 88172645463325252;
	size_t at = 0;
	char line[256], word[16];

	while (at < CHUNK) {
		word[0] = '\0';
		append_token(&random, word, 7);
		unsigned number = (unsigned)(next_random(&random) >> 40);
		int len =
		    snprintf(line, sizeof(line),
			     "2026-11-22T03:%02u:%02u.%03uZ [%u/2048] cc -O2 -Wall -Iinclude -c "
			     "src/module_%s.c -o build/module_%u.o ... ok (0x%08x)\n",
			     number % 60, number / 60 % 60, number % 1000, number % 2048, word,
			     number % 977, number * 2654435761U);
		size_t part = (size_t)len < CHUNK - at ? (size_t)len : CHUNK - at;
		memcpy(chunk + at, line, part);
		at += part;
	}
}

static void fill_repeated(char *chunk, const char *text)
{
	size_t len = strlen(text);

	for (size_t at = 0; at < CHUNK; at++)
		chunk[at] = text[at % len];
}

static coffer_err count(void *context, const uint8_t *data, size_t len)
{
	size_t *written = context;

	(void)data;
	*written += len;
	return COFFER_OK;
}

static void open_subject(struct subject *subject, const struct set *set)
{
	if (coffer_redactor_new(&subject->redactor) != COFFER_OK ||
	    coffer_redact_stream_new(&subject->stream, subject->redactor, count,
				     &subject->written) != COFFER_OK)
		die("no memory");
	for (size_t i = 0; i < set->len; i++)
		if (coffer_redactor_add_exact(subject->redactor, "PATTERN",
					      (uint8_t *)set->tokens[i],
					      strlen(set->tokens[i])) != COFFER_OK)
			die(coffer_redactor_message(subject->redactor));
}

static void close_subject(struct subject *subject)
{
	coffer_redact_stream_free(subject->stream);
	coffer_redactor_free(subject->redactor);
}

static void feed(struct subject *subject, const char *chunk, size_t len)
{
	if (coffer_redact_feed(subject->stream, (const uint8_t *)chunk, len) != COFFER_OK)
		die("the stream failed");
}

static double run_redactor(struct subject *subject, const char *chunk)
{
	int64_t start = now_ns(), end;
	uint64_t bytes = 0;

	do {
		for (int i = 0; i < 8; i++, bytes += CHUNK)
			feed(subject, chunk, CHUNK);
	} while ((end = now_ns()) - start < SLICE_NS);
	return (double)bytes / (double)(end - start);
}

static void measure_redactor(const char *what, int rounds, const struct set *set, const char *chunk)
{
	struct subject subject = { 0 };
	double best = 0;

	open_subject(&subject, set);
	feed(&subject, chunk, CHUNK);
	for (int i = 0; i < rounds; i++) {
		double rate = run_redactor(&subject, chunk);
		best = rate > best ? rate : best;
	}
	close_subject(&subject);
	(void)printf("%s %zu %.3f GB/s\n", what, set->len, best);
}

static void measure_memcpy(int rounds, const char *chunk)
{
	char *copy = malloc(CHUNK);
	double best = 0;

	if (!copy)
		die("no memory");
	for (int i = 0; i < rounds; i++) {
		int64_t start = now_ns(), end;
		uint64_t bytes = 0;
		do {
			for (int k = 0; k < 8; k++, bytes += CHUNK) {
				memcpy(copy, chunk, CHUNK);
				/* Keeps the compiler from leaving out the copies before the last. */
				__asm__ volatile("" : : "r"(copy) : "memory");
			}
		} while ((end = now_ns()) - start < SLICE_NS);
		double rate = (double)bytes / (double)(end - start);
		best = rate > best ? rate : best;
	}
	free(copy);
	(void)printf("memcpy 0 %.3f GB/s\n", best);
}

#ifdef HAVE_HYPERSCAN
static int on_match(unsigned id, unsigned long long from, unsigned long long to, unsigned flags,
		    void *context)
{
	(void)id, (void)from, (void)to, (void)flags, (void)context;
	return 0;
}

/* As \xNN: its interface for literals does not take what has a newline in it. */
static hs_database_t *compile_hyperscan(const struct set *set)
{
	char(*texts)[4 * TOKEN_MAX + 1] = calloc(set->len, sizeof(*texts));
	const char **expressions = calloc(set->len, sizeof(*expressions));
	unsigned *flags = calloc(set->len, sizeof(*flags)), *ids = calloc(set->len, sizeof(*ids));
	hs_database_t *database = NULL;
	hs_compile_error_t *error = NULL;

	if (!texts || !expressions || !flags || !ids)
		die("no memory");
	for (unsigned i = 0; i < set->len; i++) {
		for (size_t k = 0; set->tokens[i][k]; k++)
			(void)snprintf(texts[i] + 4 * k, 5, "\\x%02x",
				       (unsigned char)set->tokens[i][k]);
		expressions[i] = texts[i];
		ids[i] = i;
	}
	if (hs_compile_multi(expressions, flags, ids, (unsigned)set->len, HS_MODE_STREAM, NULL,
			     &database, &error) != HS_SUCCESS)
		die(error ? error->message : "Hyperscan takes no patterns");
	free(texts);
	free(expressions);
	free(flags);
	free(ids);
	return database;
}

static void measure_hyperscan(int rounds, const struct set *set, const char *chunk)
{
	hs_database_t *database = compile_hyperscan(set);
	hs_scratch_t *scratch = NULL;
	hs_stream_t *stream = NULL;
	double best = 0;

	if (hs_alloc_scratch(database, &scratch) != HS_SUCCESS ||
	    hs_open_stream(database, 0, &stream) != HS_SUCCESS)
		die("Hyperscan has no memory");
	for (int i = 0; i < rounds; i++) {
		int64_t start = now_ns(), end;
		uint64_t bytes = 0;
		do {
			for (int k = 0; k < 8; k++, bytes += CHUNK)
				if (hs_scan_stream(stream, chunk, CHUNK, 0, scratch, on_match,
						   NULL) != HS_SUCCESS)
					die("Hyperscan failed");
		} while ((end = now_ns()) - start < SLICE_NS);
		double rate = (double)bytes / (double)(end - start);
		best = rate > best ? rate : best;
	}
	hs_close_stream(stream, NULL, NULL, NULL);
	hs_free_scratch(scratch);
	hs_free_database(database);
	(void)printf("hyperscan %zu %.3f GB/s\n", set->len, best);
}
#else
static void measure_hyperscan(int rounds, const struct set *set, const char *chunk)
{
	(void)rounds, (void)set, (void)chunk;
}
#endif

/* What the process has in memory. */
static double resident_mb(void)
{
	FILE *file = fopen("/proc/self/statm", "r");
	char line[128] = "";
	char *second;

	if (!file || !fgets(line, sizeof(line), file) || !(second = strchr(line, ' ')))
		die("cannot read /proc/self/statm");
	unsigned long pages = strtoul(second, NULL, 10);
	(void)fclose(file);
	return (double)pages * (double)sysconf(_SC_PAGESIZE) / 1e6;
}

/* Called first, for memory is counted in the first round, when the heap has nothing to reuse. */
static void measure_build(int rounds, const struct set *set)
{
	double best = 1e9, mb = 0;

	for (int i = 0; i < rounds; i++) {
		struct subject subject = { 0 };
		double before = resident_mb();
		int64_t start = now_ns();

		open_subject(&subject, set);
		feed(&subject, "x", 1);
		double ms = (double)(now_ns() - start) / 1e6;
		best = ms < best ? ms : best;
		if (i == 0)
			mb = resident_mb() - before;
		close_subject(&subject);
	}
	(void)printf("build-time %zu %.3f ms\n", set->len, best);
	(void)printf("build-memory %zu %.3f MB\n", set->len, mb);
}

/* Text and patterns made to be slow. */
static void measure_adversarial(int rounds, struct set *set, char *chunk)
{
	static const char header[] = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9";
	char text[TOKEN_MAX];

	(void)snprintf(set->tokens[0], TOKEN_MAX, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
	set->len = 1;
	fill_repeated(chunk, "a");
	measure_redactor("one-byte", rounds, set, chunk);
	set->tokens[0][31] = 'b';
	measure_redactor("one-byte-near-miss", rounds, set, chunk);
	fill_set(set, 1000, header);
	fill_repeated(chunk, header);
	measure_redactor("header", rounds, set, chunk);
	/* All of a token but its last characters, over and over. */
	(void)snprintf(text, sizeof(text), "%.50s", set->tokens[500]);
	fill_repeated(chunk, text);
	measure_redactor("header-near-miss", rounds, set, chunk);
	/* What the filter stops at everywhere, and where no pattern begins. */
	fill_repeated(chunk, header + 1);
	measure_redactor("header-inside", rounds, set, chunk);
	(void)snprintf(text, sizeof(text), "%.10s.", header + 2);
	fill_repeated(chunk, text);
	measure_redactor("header-piece", rounds, set, chunk);
}

int main(int argc, char **argv)
{
	static const size_t counts[] = { 1, 10, 100, 1000, PATTERNS_MAX };
	int rounds = argc > 1 ? (int)strtol(argv[1], NULL, 10) : 5;
	char *chunk = malloc(CHUNK + 1);
	struct set set = { .tokens = calloc(PATTERNS_MAX, TOKEN_MAX) };

	if (!chunk || !set.tokens || rounds < 1)
		die("usage: redact-bench [ROUNDS]");
	fill_set(&set, PATTERNS_MAX, "");
	measure_build(rounds, &set);
	fill_log(chunk);
	measure_memcpy(rounds, chunk);
	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		fill_set(&set, counts[i], "");
		measure_redactor("redact", rounds, &set, chunk);
		measure_hyperscan(rounds, &set, chunk);
		/* One short password among long tokens. */
		(void)snprintf(set.tokens[0], TOKEN_MAX, "tR0ub4dor&3");
		measure_redactor("redact-one-short", rounds, &set, chunk);
	}
	measure_adversarial(rounds, &set, chunk);
	free(set.tokens);
	free(chunk);
	return 0;
}
