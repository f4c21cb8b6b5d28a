# helper.bash - a home and a daemon for each case. Needs COFFER and COFFERD, the two programs.

: "${COFFER:?the path of the program coffer}" "${COFFERD:?the path of the program cofferd}"

# Starts from an environment in which nothing of the caller's own coffer is left.
setup_home() {
	unset COFFER_SOCKET COFFER_ADMIN_SOCKET COFFER_TOKEN COFFER_TOKEN_FILE COFFER_RUN_ID
	unset COFFER_TRANSPORT COFFER_BOOTSTRAP XDG_RUNTIME_DIR XDG_STATE_HOME
	PATH="$(dirname "$COFFERD"):$PATH"
	# Short, for a socket's path has little room.
	WORK=$(mktemp -d /tmp/coffer-cli.XXXXXX)
	export COFFER_HOME="$WORK/home"
	OUT="$WORK/out" ERR="$WORK/err"
	DAEMON=
}

# Returns when both sockets accept: the daemon says so, nothing sleeps.
start_daemon() {
	local line
	rm -f "$WORK/log.fifo"
	mkfifo "$WORK/log.fifo"
	"$COFFERD" --home "$COFFER_HOME" >/dev/null 2>"$WORK/log.fifo" 3>&- &
	DAEMON=$!
	exec 4<"$WORK/log.fifo"
	while IFS= read -r -t 60 line <&4; do
		printf '%s\n' "$line" >>"$WORK/log"
		if [[ $line == *ready* ]]; then
			cat <&4 >>"$WORK/log" 3>&- &
			DRAIN=$!
			exec 4<&-
			return 0
		fi
	done
	exec 4<&-
	cat "$WORK/log" >&2
	return 1
}

stop_daemon() {
	[[ -n $DAEMON ]] || return 0
	kill -TERM "$DAEMON" 2>/dev/null || true
	wait "$DAEMON" || true
	wait "$DRAIN" || true
	DAEMON=
}

setup() {
	setup_home
	"$COFFER" init >/dev/null 2>&1
	start_daemon
}

teardown() {
	stop_daemon
	rm -rf "$WORK"
}

# Runs coffer with both outputs apart, in files, so that a NUL or a last newline is not lost.
# Sets status, OUT and ERR. Standard input is the caller's.
coffer() {
	status=0
	"$COFFER" "$@" >"$OUT" 2>"$ERR" 3>&- || status=$?
}

fail() {
	printf '%s\n' "$*"
	printf 'status %s\nout: %s\nerr: %s\n' "$status" "$(head -c 2000 "$OUT" | tr '\0' '@')" \
		"$(head -c 2000 "$ERR")"
	return 1
}

# done_silently: exit status 0 and nothing on standard error.
done_silently() {
	[[ $status == 0 ]] || fail "the status is not 0"
	[[ ! -s $ERR ]] || fail "standard error is not empty"
}

# refused STATUS TEXT...: that status, nothing on standard output, every text on standard error.
refused() {
	local text
	[[ $status == "$1" ]] || fail "the status is not $1"
	[[ ! -s $OUT ]] || fail "standard output is not empty"
	shift
	for text; do
		grep -qF -e "$text" "$ERR" || fail "not said: $text"
	done
}

# lacks FILE TEXT...: the file holds none of the texts.
lacks() {
	local file=$1 text
	shift
	for text; do
		[[ -n $text ]] || fail "an empty text is in every file"
		if grep -qF -e "$text" "$file"; then
			fail "it holds: $text"
		fi
	done
}

# prints TEXT: standard output is exactly that.
prints() {
	printf '%s' "$1" | cmp -s - "$OUT" || fail "standard output is not: $1"
}

# holds FILTER: the JSON on standard output satisfies a jq filter.
holds() {
	jq -e "$@" <"$OUT" >/dev/null || fail "does not hold: $*"
}

# put NAME VALUE [option...]: sets a secret, or fails the case.
put() {
	local name=$1 value=$2
	shift 2
	printf '%s' "$value" | "$COFFER" set "$name" "$@" 3>&-
}

# create_run [option...]: makes a run and sets SOCKET, TOKEN and RUN.
create_run() {
	coffer run create --pipeline app --ref refs/heads/main "$@"
	done_silently
	SOCKET=$(sed -n 's/^COFFER_SOCKET=//p' "$OUT")
	TOKEN=$(sed -n 's/^COFFER_TOKEN=//p' "$OUT")
	RUN=$(sed -n 's/^COFFER_RUN_ID=//p' "$OUT")
}

# as_run WORD...: coffer as the run of create_run sees it.
as_run() {
	status=0
	env -u COFFER_HOME COFFER_SOCKET="$SOCKET" COFFER_TOKEN="$TOKEN" \
		"$COFFER" "$@" >"$OUT" 2>"$ERR" 3>&- || status=$?
}

# setup_job VALUE [option...]: a setup for cases that are a job's: its run sees the secret A of that value.
setup_job() {
	setup_home
	"$COFFER" init >/dev/null 2>&1
	start_daemon
	put A "$1"
	create_run "${@:2}"
	unset COFFER_HOME
	export COFFER_SOCKET="$SOCKET" COFFER_TOKEN="$TOKEN"
}
