/* coffer-s3: what stands between cofferd and a bucket. It holds no key of coffer's; see docs/architecture.md. */
#include <curl/curl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/process.h"
#include "base/sandbox.h"
#include "s3/oneshot.h"
#include "s3/serve.h"
#include "s3/settings.h"

enum { EXIT_USAGE = 2, EXIT_NONE = 3, EXIT_EXISTS = 4 };

static int usage(FILE *out)
{
	fputs("usage: coffer-s3 serve            work for the daemon\n"
	      "       coffer-s3 check            look whether the bucket can be used\n"
	      "       coffer-s3 get KEY          write an object to standard output\n"
	      "       coffer-s3 put KEY FILE     store an object, if there is none\n"
	      "       coffer-s3 --help | --version\n\n"
	      "Settings are lines \"name = value\" on standard input: see coffer-s3(8).\n"
	      "Exit status: 0 done, 1 failed, 2 wrong call, 3 get: no such object, 4 put: it "
	      "exists.\n",
	      out);
	return out == stdout ? EXIT_SUCCESS : EXIT_USAGE;
}

static coffer_err act(const struct settings *settings, int argc, char **argv)
{
	if (argc == 4)
		return oneshot_put(settings, argv[2], argv[3]);
	if (argc == 3)
		return oneshot_get(settings, argv[2]);
	return strcmp(argv[1], "check") == 0 ? oneshot_check(settings) : serve_run(settings);
}

static bool is_call(int argc, char **argv)
{
	if (argc == 2)
		return strcmp(argv[1], "serve") == 0 || strcmp(argv[1], "check") == 0;
	return (argc == 3 && strcmp(argv[1], "get") == 0) ||
	       (argc == 4 && strcmp(argv[1], "put") == 0);
}

static int run(int argc, char **argv)
{
	struct settings settings;
	coffer_err err;

	if ((err = settings_read(&settings, STDIN_FILENO)) == COFFER_OK) {
		if (curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK)
			err = act(&settings, argc, argv);
		else
			err = COFFER_INTERNAL;
		curl_global_cleanup();
	}
	settings_free(&settings);
	if (err == COFFER_NOT_FOUND && argc == 3)
		return EXIT_NONE;
	if (err == COFFER_ALREADY_EXISTS && argc == 4)
		return EXIT_EXISTS;
	return err == COFFER_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "--help") == 0)
		return usage(stdout);
	if (argc == 2 && strcmp(argv[1], "--version") == 0)
		return puts("coffer-s3 " COFFER_VERSION) < 0;
	if (!is_call(argc, argv))
		return usage(stderr);
	signal(SIGPIPE, SIG_IGN);
	if (process_harden() != COFFER_OK || sandbox_forbid() != COFFER_OK)
		return EXIT_FAILURE;
	return run(argc, argv);
}
