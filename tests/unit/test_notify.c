/* What the service manager is told. */
#include "base/notify.h"

#include <inttypes.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>

#include "home_test.h"

/* The manager's end, bound to a path or, with '@' in front, an abstract name; the variable names it. */
static int listen_at(const char *name)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	size_t len = strlen(name);
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	assert_true(fd >= 0 && len < sizeof(address.sun_path));
	memcpy(address.sun_path, name, len);
	if (name[0] == '@')
		address.sun_path[0] = '\0';
	len += offsetof(struct sockaddr_un, sun_path);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, (socklen_t)len), 0);
	assert_int_equal(setenv("NOTIFY_SOCKET", name, 1), 0);
	return fd;
}

/* The next message, in a static buffer; "" if there is none. */
static const char *heard(int fd)
{
	static char text[256];
	ssize_t n = recv(fd, text, sizeof(text) - 1, 0);

	text[n > 0 ? n : 0] = '\0';
	return text;
}

static void assert_tells_at(const char *name)
{
	int manager = listen_at(name);
	struct notify notify;

	must(notify_open(&notify));
	assert_null(getenv("NOTIFY_SOCKET"));
	assert_int_equal(fcntl(notify.fd, F_GETFD), FD_CLOEXEC);
	notify_ready(&notify);
	assert_string_equal(heard(manager), "READY=1\nSTATUS=Serving");
	notify_stopping(&notify);
	assert_int_equal(strncmp(heard(manager), "STOPPING=1\nSTATUS=", 18), 0);
	assert_string_equal(heard(manager), "");
	notify_close(&notify);
	close(manager);
}

static void it_is_told_at_a_path_or_an_abstract_name(void **state)
{
	struct home *home = *state;
	char name[96];

	snprintf(name, sizeof(name), "%s/notify", home->folder);
	assert_tells_at(name);
	snprintf(name, sizeof(name), "@coffer-test-%d", (int)getpid());
	assert_tells_at(name);
}

static int64_t mono_us(void)
{
	struct timespec now;

	assert_int_equal(clock_gettime(CLOCK_MONOTONIC, &now), 0);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* A time before the manager's signal, if only by a part of a millisecond, would count as an older reload's. */
static void a_reload_tells_when_it_began_in_microseconds(void **state)
{
	struct home *home = *state;
	char name[96];
	struct notify notify;
	const char *text;
	int64_t before, told;
	int manager;

	snprintf(name, sizeof(name), "%s/notify", home->folder);
	manager = listen_at(name);
	must(notify_open(&notify));
	before = mono_us();
	notify_reloading(&notify);
	text = heard(manager);
	assert_int_equal(sscanf(text, "RELOADING=1\nMONOTONIC_USEC=%" SCNd64, &told), 1);
	assert_true(told >= before && told <= mono_us());
	notify_close(&notify);
	close(manager);
}

static void without_a_manager_nothing_is_told(void **state)
{
	struct notify notify;

	(void)state;
	must(notify_open(&notify));
	assert_int_equal(notify.fd, -1);
	notify_ready(&notify);
	notify_reloading(&notify);
	notify_stopping(&notify);
	notify_close(&notify);
}

static void a_manager_that_is_gone_is_warned_about(void **state)
{
	struct notify notify;
	const char *told;
	int saved;

	(void)state;
	setenv("NOTIFY_SOCKET", "/nonexistent/notify", 1);
	saved = told_begin();
	assert_int_equal(notify_open(&notify), COFFER_OK);
	told = told_end(saved);
	assert_non_null(strstr(told, "warning: cannot reach the service manager at /nonexistent"));
	assert_int_equal(notify.fd, -1);
	assert_null(getenv("NOTIFY_SOCKET"));
}

static void what_is_no_address_is_refused(void **state)
{
	static const char *const cases[] = { "", "/", "@", "notify", "./notify", "vsock:2:1" };
	char longest[200];
	struct notify notify;
	const char *told;
	int saved;

	(void)state;
	memset(longest, 'x', sizeof(longest) - 1);
	longest[0] = '/';
	longest[sizeof(longest) - 1] = '\0';
	for (size_t i = 0; i <= CASES(cases); i++) {
		setenv("NOTIFY_SOCKET", i < CASES(cases) ? cases[i] : longest, 1);
		saved = told_begin();
		assert_int_equal(notify_open(&notify), COFFER_INVALID_ARGUMENT);
		told = told_end(saved);
		assert_non_null(strstr(told, "NOTIFY_SOCKET"));
		assert_int_equal(notify.fd, -1);
		assert_null(getenv("NOTIFY_SOCKET"));
	}
}

/* It must not hold up the loop. */
static void a_manager_that_reads_nothing_is_not_waited_for(void **state)
{
	struct home *home = *state;
	char name[96];
	struct notify notify;
	const char *told;
	int manager, saved;

	snprintf(name, sizeof(name), "%s/notify", home->folder);
	manager = listen_at(name);
	must(notify_open(&notify));
	log_set_level(LOG_ERROR);
	for (int i = 0; i < 10000; i++)
		notify_ready(&notify);
	log_set_level(LOG_INFO);
	saved = told_begin();
	notify_ready(&notify);
	told = told_end(saved);
	assert_non_null(strstr(told, "cannot tell the service manager"));
	notify_close(&notify);
	close(manager);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_A_HOME(it_is_told_at_a_path_or_an_abstract_name),
		IN_A_HOME(a_reload_tells_when_it_began_in_microseconds),
		IN_A_HOME(without_a_manager_nothing_is_told),
		IN_A_HOME(a_manager_that_is_gone_is_warned_about),
		IN_A_HOME(what_is_no_address_is_refused),
		IN_A_HOME(a_manager_that_reads_nothing_is_not_waited_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
