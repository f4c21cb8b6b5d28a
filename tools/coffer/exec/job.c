#include "job.h"

#include <string.h>

static cli_exit add(struct job *job, const char *name, const uint8_t *value, size_t len)
{
	coffer_err err = coffer_redactor_add(job->redactor, name, value, len);
	const char *message = coffer_redactor_message(job->redactor);

	if (err != COFFER_FAILED_PRECONDITION)
		return cli_result(job->cli, err, message);
	if (*message)
		cli_warn(job->cli, "warning: %s", message);
	return CLI_DONE;
}

static cli_exit redact_values(struct job *job, const struct values *values)
{
	const struct coffer_tokens *tokens = job->environment.tokens;
	const struct value *value;
	cli_exit status = CLI_DONE;

	if (!job->redactor)
		return CLI_DONE;
	for (size_t i = 0; status == CLI_DONE && i < tokens->len; i++) {
		const struct coffer_token *token = &tokens->items[i];
		status = add(job, token->from, (const uint8_t *)token->text, strlen(token->text));
	}
	for (value = values->first; status == CLI_DONE && value; value = value->hh.next)
		if (!value->why)
			status = add(job, value->name, value->secret.data, value->secret.len);
	return status;
}

/* Whether somebody has to be asked. A file that hands everything over is not left lying about. */
static bool needs_session(const struct job *job)
{
	return environment_needs(&job->environment, NULL) || job->sources.fetch.bootstrap;
}

cli_exit job_prepare(struct job *job)
{
	struct values values = { NULL };
	cli_exit status = CLI_DONE;
	const char *why;

	if (needs_session(job))
		status = sources_fetch(job->cli, &job->sources, &values);
	if (status == CLI_DONE)
		status = environment_make(job->cli, &job->environment, &values, &job->block);
	if (status == CLI_DONE)
		status = redact_values(job, &values);
	if (status == CLI_DONE && (why = sources_keep(&job->sources, &values)))
		cli_warn(job->cli, SOURCES_CANNOT_KEEP, job->sources.cache, why);
	values_free(&values);
	return status;
}

static cli_exit remake(struct job *job, const struct values *values, struct block *block)
{
	cli_exit status = environment_make(job->cli, &job->environment, values, block);

	if (status == CLI_DONE)
		status = redact_values(job, values);
	if (status != CLI_DONE)
		cli_warn(job->cli, "the command keeps its values");
	return status;
}

cli_exit job_refresh(void *context, bool *changed, char *const **envp)
{
	struct job *job = context;
	struct block block = { 0 };
	struct watch_news news;
	cli_exit status = CLI_DONE;

	*changed = false;
	watch_take(job->watch, &news);
	if (news.note[0])
		cli_warn(job->cli, "%s", news.note);
	if (news.fetched)
		status = remake(job, &news.values, &block);
	if (news.fetched && status == CLI_DONE && !block_equal(&block, &job->block)) {
		block_free(&job->block);
		job->block = block; /* ownership moves to the job */
		block = (struct block){ 0 };
		*changed = true;
		*envp = job->block.items;
	}
	block_free(&block);
	values_free(&news.values);
	return status;
}

void job_free(struct job *job)
{
	watch_stop(job->watch);
	block_free(&job->block);
	coffer_redactor_free(job->redactor);
	fetch_close(&job->sources.fetch);
	environment_free(&job->environment);
}
