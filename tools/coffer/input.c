#include "input.h"

#include "prompt.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define READ_STEP 16384

static cli_exit read_all(const struct cli *cli, int fd, const char *what, size_t max,
			 struct bytes *out)
{
	for (;;) {
		if (!bytes_reserve(out, READ_STEP))
			return cli_refuse(cli, "out of memory");
		ssize_t len = read(fd, out->data + out->len, out->cap - out->len);
		if (len < 0 && errno == EINTR)
			continue;
		if (len < 0)
			return cli_refuse(cli, "cannot read %s: %s", what, strerror(errno));
		if (len == 0)
			return CLI_DONE;
		out->len += (size_t)len;
		if (out->len > max)
			return cli_refuse(cli, "%s is larger than %zu bytes", what, max);
	}
}

static cli_exit finish(cli_exit status, bool trim, struct bytes *out)
{
	if (status != CLI_DONE)
		bytes_free(out);
	else if (trim && out->len > 0 && out->data[out->len - 1] == '\n')
		out->len--;
	return status;
}

cli_exit input_file_up_to(const struct cli *cli, const char *path, size_t max, struct bytes *out)
{
	*out = (struct bytes){ 0 };
	if (strcmp(path, "-") == 0)
		return finish(read_all(cli, STDIN_FILENO, "standard input", max, out), false, out);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return cli_refuse(cli, "cannot read %s: %s", path, strerror(errno));
	cli_exit status = read_all(cli, fd, path, max, out);
	close(fd);
	return finish(status, false, out);
}

cli_exit input_file(const struct cli *cli, const char *path, bool trim, struct bytes *out)
{
	return finish(input_file_up_to(cli, path, COFFER_VALUE_MAX_CEILING, out), trim, out);
}

cli_exit input_stdin(const struct cli *cli, bool trim, struct bytes *out)
{
	if (!isatty(STDIN_FILENO))
		return input_file(cli, "-", trim, out);
	*out = (struct bytes){ 0 };
	return prompt_twice(cli, "Value (not shown): ", out);
}

static cli_exit read_word(const struct cli *cli, char *word, bool trim, struct bytes *out)
{
	if (word[0] == '@')
		return input_file(cli, word + 1, trim, out);
	if (strcmp(word, "-") == 0)
		return input_file(cli, word, trim, out);
	cli_warn(cli, "warning: a value on the command line is visible to others; "
		      "use standard input or a file");
	bytes_append(out, word, strlen(word));
	explicit_bzero(word, strlen(word));
	return out->failed ? cli_refuse(cli, "out of memory") : CLI_DONE;
}

/* Before anything is read: what cannot be meant leaves no input half used. */
static cli_exit check_words(const struct cli *cli, char **words, size_t count)
{
	size_t stdin_uses = 0;

	if (count > COFFER_BATCH_MAX)
		return cli_usage(cli, "takes at most %d secrets at once", COFFER_BATCH_MAX);
	for (size_t i = 0; i < count; i++) {
		const char *equals = strchr(words[i], '=');
		if (!equals || equals == words[i])
			return cli_usage(cli, "needs NAME=@FILE, NAME=- or NAME=VALUE");
		stdin_uses += strcmp(equals, "=-") == 0;
	}
	if (stdin_uses > 1)
		return cli_usage(cli, "standard input can be read only once");
	return CLI_DONE;
}

/* Words that check_words found good. */
static cli_exit read_words(const struct cli *cli, char **words, size_t count, bool trim,
			   struct inputs *out)
{
	cli_exit status;

	for (size_t i = 0; i < count; i++) {
		char *value = strchr(words[i], '=');
		*value++ = '\0';
		if ((status = read_word(cli, value, trim, &out->values[i])) != CLI_DONE)
			return status;
		out->writes[i] = (struct coffer_write){
			.name = words[i],
			.data = (const uint8_t *)out->values[i].data,
			.len = out->values[i].len,
		};
	}
	return CLI_DONE;
}

cli_exit input_assignments(const struct cli *cli, char **words, size_t count, bool trim,
			   struct inputs *out)
{
	cli_exit status;

	*out = (struct inputs){ 0 };
	if ((status = check_words(cli, words, count)) != CLI_DONE)
		return status;
	out->writes = calloc(count + 1, sizeof(*out->writes));
	out->values = calloc(count + 1, sizeof(*out->values));
	if (!out->writes || !out->values) {
		status = cli_refuse(cli, "out of memory");
	} else {
		out->len = count;
		status = read_words(cli, words, count, trim, out);
	}
	if (status != CLI_DONE)
		input_free(out);
	return status;
}

void input_free(struct inputs *inputs)
{
	for (size_t i = 0; i < inputs->len; i++)
		bytes_free(&inputs->values[i]);
	free(inputs->values);
	free(inputs->writes);
	*inputs = (struct inputs){ 0 };
}
