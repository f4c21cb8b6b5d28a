# exec --watch restart: how a command is ended and another started in its place. (F2, F3)
load helper

marker='***REDACTED***'

setup() {
	setup_job first-value
	export V=secret:A STORE="$WORK/home" LOG="$WORK/log.txt"
	export TERM=xterm
	mkfifo "$WORK/never"
}

# For commands: how they set their own secret to another value, and let the test follow. Two values have two lengths,
# as the output would be redacted.
export RENEW='renew() { printf "%s" "$1" | COFFER_HOME=$STORE "$COFFER" set A; }
	log() { echo "$@" >>"$LOG"; }'
export COFFER

# watch COMMAND: the shell's command, watched; sets OUT, ERR and status.
watch() {
	coffer exec --watch restart -- sh -c "$RENEW
		$1"
}

logged() {
	[[ $(<"$LOG") == "$1" ]] || fail "another log: $(<"$LOG")"
}

@test "a command that does not end within 10 seconds of SIGTERM is killed, and told so" {
	watch 'log "start ${#V}"
		[ "${#V}" = 11 ] || exit 5
		trap "log term" TERM
		renew second-value
		while :; do read -r x <"$STORE/../never"; done'
	[[ $status == 5 ]] || fail "another status"
	logged $'start 11\nterm\nstart 12'
	grep -qxF "coffer: exec: values have changed: restarting the command" "$ERR"
	grep -qxF "coffer: exec: the command did not end in time: killing it" "$ERR"
	[[ $(grep -c '^coffer' "$ERR") == 2 ]] || fail "more is told"
}

@test "a command that ends by itself after a change is not started again" {
	watch 'log "start ${#V}"; renew second-value; exit 6'
	[[ $status == 6 ]] || fail "another status"
	logged "start 11"
	[[ ! -s $ERR ]] || fail "something is told"
}

@test "whoever ends coffer during a restart ends the command, and no other is started" {
	# Its parent is coffer. Its child sends the signal, for one of its own would not be passed on.
	watch 'log "start ${#V}"
		restarting() { trap "log second; exit 7" TERM; log first; (kill -TERM "$PPID") & }
		trap restarting TERM
		renew second-value
		while :; do read -r x <"$STORE/../never"; done'
	[[ $status == 7 ]] || fail "another status"
	logged $'start 11\nfirst\nsecond'
}

@test "output goes on where it was, and a value cut by the restart is redacted" {
	watch 'case ${#V} in
		11) printf "one; first-"; renew second-value; exec sleep 1000 ;;
		12) printf "value; two" ;;
		esac'
	[[ $status == 0 ]] || fail "another status"
	prints "one; $marker; two"
}

@test "a command that is no longer there is told when it is to be started again" {
	printf '#!/bin/sh\n%s\nrm "$0"\nrenew second-value\nexec sleep 1000\n' "$RENEW" >"$WORK/script"
	chmod +x "$WORK/script"
	coffer exec --watch restart -- "$WORK/script"
	[[ $status == 127 ]] || fail "another status"
	grep -qF "coffer: exec: cannot run '$WORK/script'" "$ERR"
}

@test "what the ended command left running keeps neither the restart nor the end waiting" {
	watch 'log "start ${#V}"
		sleep 1000 &
		echo "$!" >>"$STORE/../left"
		[ "${#V}" = 11 ] || exit 8
		renew second-value
		exec sleep 1000'
	[[ $status == 8 ]] || fail "another status"
	logged $'start 11\nstart 12'
	xargs kill <"$WORK/left"
}

@test "a command in a terminal is started again in a terminal, with the keys" {
	/usr/bin/python3 "$BATS_TEST_DIRNAME/in_terminal.py" "see:one" "see:restarting" "see:two" raw 'type:word\n' \
		-- "$COFFER" exec --watch restart -- sh -c "$RENEW"'
		if [ "${#V}" = 11 ]; then
			echo one
			renew second-value
			exec sleep 1000
		fi
		stty size
		coffer=$(ps -o ppid= -p "$PPID" | tr -d " ")
		echo "children: $(ps -o pid= --ppid "$coffer" | grep -c .)"
		echo two
		read -r x
		echo "got $x"
		exit 9' >"$OUT" 2>"$ERR" 3>&-
	for text in "31 97" "children: 1" "got word" "modes: kept" "status: 9"; do
		grep -qF "$text" "$OUT" || fail "never shown: $text"
	done
	# It has modes of a terminal before it was made raw: what is typed is echoed.
	grep -qxF $'word\r' "$OUT" || fail "not echoed"
	# Told on a line of its own.
	grep -qxF $'coffer: exec: values have changed: restarting the command\r' "$OUT"
}
