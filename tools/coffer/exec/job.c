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
	const char *token = job->environment.token;
	const struct value *value;
	cli_exit status = CLI_DONE;

	if (!job->redactor)
		return CLI_DONE;
	if (token)
		status = add(job, "COFFER_TOKEN", (const uint8_t *)token, strlen(token));
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

	if (needs_session(job))
		status = sources_fetch(job->cli, &job->sources, &values);
	if (status == CLI_DONE)
		status = environment_make(job->cli, &job->environment, &values, &job->block);
	if (status == CLI_DONE)
		status = redact_values(job, &values);
	if (status == CLI_DONE)
		sources_keep(job->cli, &job->sources, &values);
	values_free(&values);
	return status;
}

static cli_exit refetch(struct job *job, struct values *values)
{
	bool again;

	if (sources_refetch(&job->sources, values, &again) == COFFER_OK) {
		job->away = false;
		return CLI_DONE;
	}
	if (!again || !job->away)
		cli_warn(job->cli, "the command keeps its values, which may have changed: %s",
			 fetch_message(&job->sources.fetch));
	job->away = again;
	if (again)
		watch_repeat(&job->watch);
	return CLI_REFUSED;
}

static cli_exit remake(struct job *job, const struct values *values, struct block *block)
{
	cli_exit status = environment_make(job->cli, &job->environment, values, block);

	if (status == CLI_DONE)
		status = redact_values(job, values);
	if (status != CLI_DONE)
		cli_warn(job->cli, "the command keeps its values");
	else
		sources_keep(job->cli, &job->sources, values);
	return status;
}

cli_exit job_refresh(void *context, bool *changed, char *const **envp)
{
	struct job *job = context;
	struct values values = { NULL };
	struct block block = { 0 };
	cli_exit status = refetch(job, &values);

	*changed = false;
	if (status == CLI_DONE)
		status = remake(job, &values, &block);
	if (status == CLI_DONE && !block_equal(&block, &job->block)) {
		block_free(&job->block);
		job->block = block; /* ownership moves to the job */
		block = (struct block){ 0 };
		*changed = true;
		*envp = job->block.items;
	}
	block_free(&block);
	values_free(&values);
	return status;
}

void job_free(struct job *job)
{
	watch_stop(&job->watch);
	block_free(&job->block);
	coffer_redactor_free(job->redactor);
	fetch_close(&job->sources.fetch);
	environment_free(&job->environment);
}
