# exec --watch: what happens when secrets change while a command runs. (F3)
load helper

marker='***REDACTED***'

# Tells its value to the pipe at each start, and whatever it is sent; ends when told to by a line in $WORK/go.
job='trap "echo hup >>\"$PIPE\"" HUP
	trap "echo end >>\"$PIPE\"; exit 3" TERM
	echo "start $V" >>"$PIPE"
	while read -r word <"$GO"; [ "$word" != go ]; do :; done
	echo "goes $V"'

# start_job [option...]: the job in the background, as the run of create_run.
start_job() {
	mkfifo "$WORK/pipe" "$WORK/go"
	exec 5<>"$WORK/pipe"
	env -i PATH="$PATH" COFFER_SOCKET="$SOCKET" COFFER_TOKEN="$TOKEN" V="${V:-secret:A}" \
		PIPE="$WORK/pipe" GO="$WORK/go" "$COFFER" exec "$@" sh -c "$job" \
		>"$OUT" 2>"$ERR" 3>&- 5>&- &
	PID=$!
}

# next_is LINE: what the job says next, however long it takes.
next_is() {
	local line
	IFS= read -r -t 60 line <&5 || fail "it says nothing instead of: $1"
	[[ $line == "$1" ]] || fail "it says '$line' instead of: $1"
}

# until_true COMMAND...: returns when it succeeds.
until_true() {
	local start=$SECONDS
	until "$@"; do
		((SECONDS < start + 60)) || fail "not in a minute: $*"
		read -r -t 0.05 <>"$WORK/nothing" || true
	done
}

# job_ends STATUS: it does, of what was done before, with that status.
job_ends() {
	status=0
	wait "$PID" || status=$?
	[[ $status == "$1" ]] || fail "the status is not $1"
	! IFS= read -r -t 0 <&5 || fail "it says more"
	exec 5<&-
}

# end_job: ends it.
end_job() {
	kill -TERM "$PID"
	next_is end
	job_ends 3
}

# calls OPERATION COUNT: so many calls are in the audit log, at least.
calls() {
	"$COFFER" audit --json 3>&- | grep -c "\"op\":\"$1\"" >"$WORK/calls"
	(($(<"$WORK/calls") >= $2))
}

setup() {
	setup_home
	mkfifo "$WORK/nothing"
	"$COFFER" init >/dev/null 2>&1
	start_daemon
	put A first-value
	create_run
}

teardown() {
	stop_daemon
	rm -rf "$WORK"
}

@test "restart: two quick changes of the command's own value restart it once, with the newest" {
	start_job --watch restart
	next_is "start first-value"
	put A second-value
	put A third-value
	next_is end
	next_is "start third-value"
	end_job
	[[ $(grep -c "values have changed: restarting the command" "$ERR") == 1 ]] || fail "told"
	lacks "$ERR" second-value third-value
}

@test "a change of another name, or to the same value, is looked at and does nothing" {
	start_job --watch restart
	next_is "start first-value"
	put B other-value
	put A first-value
	until_true calls GetSecrets 2
	put A second-value
	next_is end
	next_is "start second-value"
	end_job
	[[ $(grep -c "restarting" "$ERR") == 1 ]] || fail "told"
}

@test "signal: the command gets one signal, and goes on" {
	start_job --watch signal:HUP
	next_is "start first-value"
	put A second-value
	next_is hup
	put B other-value
	until_true calls GetSecrets 3
	end_job
	[[ $(grep -c "values have changed: sending the command signal" "$ERR") == 1 ]] || fail "told"
}

@test "signals are named with SIG or without" {
	start_job --watch signal:SIGHUP
	next_is "start first-value"
	put A second-value
	next_is hup
	end_job
}

@test "ignore: a change is told, and that is all" {
	start_job --watch ignore
	next_is "start first-value"
	put A second-value
	until_true grep -q "values have changed: the command goes on with the old ones" "$ERR"
	end_job
}

@test "after a change old and new value are redacted" {
	start_job --watch restart
	next_is "start first-value"
	put A second-value
	next_is end
	next_is "start second-value"
	echo go >"$WORK/go"
	job_ends 0
	prints "goes $marker"$'\n'
	rm "$WORK/pipe" "$WORK/go"
	start_job --watch ignore
	next_is "start second-value"
	put A third-value
	until_true grep -q "values have changed" "$ERR"
	echo go >"$WORK/go"
	job_ends 0
	prints "goes $marker"$'\n'
}

@test "--no-redact watches too" {
	start_job --watch restart --no-redact
	next_is "start first-value"
	put A second-value
	next_is end
	next_is "start second-value"
	echo go >"$WORK/go"
	job_ends 0
	prints $'goes second-value\n'
}

@test "under --all a secret that is new, or gone, is a change" {
	V=plain start_job --watch restart --all
	next_is "start plain"
	put B other-value
	next_is end
	next_is "start plain"
	coffer rm A
	next_is end
	next_is "start plain"
	end_job
}

@test "the first secret of an empty store is a change" {
	coffer --home "$WORK/empty" init
	stop_daemon
	export COFFER_HOME="$WORK/empty"
	start_daemon
	create_run
	V=plain start_job --watch restart --all
	next_is "start plain"
	put A first-value
	next_is end
	next_is "start plain"
	end_job
}

@test "a secret that is gone is told by name, and the command keeps its value" {
	start_job --watch restart
	next_is "start first-value"
	coffer rm A
	until_true grep -q "the command keeps its values" "$ERR"
	grep -qF "coffer: exec: V: unknown secret 'A'" "$ERR"
	put A second-value
	next_is end
	next_is "start second-value"
	end_job
}

@test "a run that ends is told once, and its command goes on" {
	start_job --watch restart
	next_is "start first-value"
	until_true calls GetSecrets 1
	coffer run finish "$RUN" --result succeeded
	until_true grep -q "changes are no longer watched for" "$ERR"
	echo go >"$WORK/go"
	job_ends 0
	prints "goes $marker"$'\n'
	[[ $(wc -l <"$ERR") == 1 ]] || fail "more is told"
}

@test "a change survives a restart of the daemon" {
	start_job --watch restart
	next_is "start first-value"
	stop_daemon
	start_daemon
	put A second-value
	next_is end
	next_is "start second-value"
	end_job
}

@test "a change that cannot be fetched at once is fetched when the daemon is back" {
	start_job --watch restart
	next_is "start first-value"
	put A second-value
	stop_daemon
	until_true grep -q "the command keeps its values, which may have changed" "$ERR"
	start_daemon
	next_is end
	next_is "start second-value"
	end_job
	[[ $(grep -c "which may have changed" "$ERR") == 1 ]] || fail "told more than once"
}

@test "a value from the cache is replaced when the daemon is there again" {
	env -i PATH="$PATH" COFFER_SOCKET="$SOCKET" COFFER_TOKEN="$TOKEN" V=secret:A \
		"$COFFER" exec --cache "$WORK/cache" true 3>&-
	put A second-value
	stop_daemon
	start_job --watch restart --cache "$WORK/cache" --timeout 1s
	next_is "start first-value"
	start_daemon
	next_is end
	next_is "start second-value"
	end_job
	stop_daemon
	env -i PATH="$PATH" COFFER_SOCKET="$SOCKET" COFFER_TOKEN="$TOKEN" V=secret:A \
		"$COFFER" exec --cache "$WORK/cache" --timeout 1s --no-redact sh -c 'echo $V' \
		>"$OUT" 2>"$ERR" 3>&-
	prints $'second-value\n'
}

@test "with no value that can change nothing is watched, which is told" {
	V=plain start_job --watch restart
	next_is "start plain"
	end_job
	grep -qF "warning: nothing is watched" "$ERR"
}
