/* The method table: no row may forget what it needs. */
#include "rpc/methods.h"

#include "world_test.h"

static const char *const runner[] = { "Hello",         "Bootstrap",   "GetSecret",
				      "GetSecrets",    "ListSecrets", "GetEnvironment",
				      "WaitForChange", "Why" };
static const char *const operator_methods[] = {
	"PutSecret",     "DeleteSecret", "ListVersions", "RollbackSecret", "ListAllSecrets",
	"RevealSecret",  "CreateRun",    "FinishRun",    "ListRuns",       "RevokeGrant",
	"CreateService", "ListGrants",   "RenewGrant",   "WhyGrant",       "RewrapKey",
	"RotateKey",     "BeginBackup",  "ReadBackup",   "FinishBackup",   "Migrate",
	"ReadAudit",     "VerifyAudit",  "Status",       "Sync",           "MirrorTasks",
	"MirrorOffer",   "MirrorApply"
};

static void the_table_has_the_services_methods_and_no_others(void **state)
{
	size_t len;
	const struct method *all = methods_all(&len);

	(void)state;
	assert_int_equal(len, CASES(runner) + CASES(operator_methods));
	for (size_t i = 0; i < len; i++) {
		size_t found = 0;
		for (size_t k = 0; k < CASES(runner); k++)
			found +=
			    all[i].service == SERVICE_RUNNER && strcmp(all[i].name, runner[k]) == 0;
		for (size_t k = 0; k < CASES(operator_methods); k++)
			found += all[i].service == SERVICE_OPERATOR &&
				 strcmp(all[i].name, operator_methods[k]) == 0;
		assert_int_equal(found, 1);
		assert_ptr_equal(methods_find(TEXT(all[i].name)), &all[i]);
	}
}

static void every_row_names_its_authority(void **state)
{
	size_t len;
	const struct method *all = methods_all(&len);

	(void)state;
	for (size_t i = 0; i < len; i++) {
		bool hello = strcmp(all[i].name, "Hello") == 0;
		method_needs want = hello                              ? NEEDS_NOTHING
				    : all[i].service == SERVICE_RUNNER ? NEEDS_GRANT
								       : NEEDS_OPERATOR;
		assert_int_equal(all[i].needs, want);
		assert_non_null(all[i].request);
		assert_non_null(all[i].handle);
	}
	assert_int_equal(methods_expire_runs.needs, NEEDS_OPERATOR);
	assert_int_equal(methods_expire_runs.service, SERVICE_OPERATOR);
	assert_null(methods_find(TEXT(methods_expire_runs.name)));
}

/* H1: what touches a secret, a grant or a run leaves a record, or does not happen. A change's record is
 * stored with it, so there is no change without one. */
static void every_row_is_audited_but_those_that_read_the_log_or_the_state(void **state)
{
	size_t len;
	const struct method *all = methods_all(&len);

	(void)state;
	for (size_t i = 0; i < len; i++) {
		/* A backup leaves a record when it begins and when it is safe, not one for each piece. */
		bool none =
		    all[i].handle == operator_read_backup || all[i].handle == operator_read_audit ||
		    all[i].handle == operator_verify_audit || all[i].handle == operator_status;
		/* What coffer-s3 is told and tells is ciphertext; what it changes is applied with a record. */
		none |= all[i].handle == operator_mirror_tasks ||
			all[i].handle == operator_mirror_offer;
		bool hello = all[i].handle == job_hello;
		assert_int_equal(all[i].audit, none    ? AUDIT_NONE
					       : hello ? AUDIT_IF_POSSIBLE
						       : AUDIT_REQUIRED);
		assert_true(!all[i].changes || all[i].audit == AUDIT_REQUIRED);
		assert_true(!all[i].frees || all[i].changes);
	}
}

static void a_name_is_found_as_a_whole_or_not_at_all(void **state)
{
	static const struct slice names[] = {
		SLICE_LITERAL(""),
		SLICE_LITERAL("getsecret"),
		SLICE_LITERAL("GetSecre"),
		SLICE_LITERAL("GetSecretss"),
		SLICE_LITERAL("GetSecret\0"),
		SLICE_LITERAL("coffer.v1.Runner/GetSecret"),
	};

	(void)state;
	for (size_t i = 0; i < CASES(names); i++)
		assert_null(methods_find(names[i]));
	assert_null(methods_find(SLICE_EMPTY));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_table_has_the_services_methods_and_no_others),
		cmocka_unit_test(every_row_names_its_authority),
		cmocka_unit_test(every_row_is_audited_but_those_that_read_the_log_or_the_state),
		cmocka_unit_test(a_name_is_found_as_a_whole_or_not_at_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
