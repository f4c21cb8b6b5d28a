/* The smallest program that uses the library; ends with 0 if it does what it should without a daemon. */
#include <coffer/admin.h>
#include <coffer/client.h>

int main(void)
{
	struct coffer_options options = { .socket = "/nonexistent/coffer.sock",
					  .token = "abcdefghijklmnopqrstuvwxyz012345" };
	struct coffer_session *session;
	struct coffer_admin *admin;
	coffer_err err = coffer_open(&session, &options);
	coffer_err admin_err = coffer_admin_open(&admin, "/nonexistent/admin.sock", 0);

	coffer_close(session);
	coffer_admin_close(admin);
	return err == COFFER_UNAVAILABLE && admin_err == COFFER_UNAVAILABLE ? 0 : 1;
}
