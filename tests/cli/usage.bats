# What needs no daemon: verbs, options, help and exit statuses.
load helper

setup() {
	setup_home
}

teardown() {
	rm -rf "$WORK"
}

@test "no verb is a usage error" {
	coffer
	refused 2 "coffer: needs a verb" "usage: coffer"
}

@test "--version prints the version alone" {
	coffer --version
	done_silently
	grep -qxE 'coffer [0-9]+\.[0-9]+\.[0-9]+' "$OUT"
	[[ $(wc -l <"$OUT") == 1 ]]
}

@test "help and --help list every verb on standard output" {
	for word in help --help -h; do
		coffer "$word"
		done_silently
		for verb in init set get ls rm history rollback run bootstrap audit status; do
			grep -qE "^  $verb " "$OUT" || fail "help does not list $verb"
		done
	done
}

@test "every verb explains itself, by help VERB as by VERB --help" {
	for verb in init set get ls rm history rollback "run create" "run ls" "run show" \
		"run finish" "run revoke" run bootstrap audit "audit verify" status; do
		coffer help $verb
		done_silently
		grep -qF "usage: coffer $verb" "$OUT" || fail "no usage of $verb"
		grep -qxF "'man coffer-${verb%% *}' tells all of it." "$OUT" || fail "no page of $verb"
		cp "$OUT" "$WORK/help"
		coffer $verb --help
		done_silently
		cmp "$WORK/help" "$OUT"
	done
}

@test "an unknown verb is refused and the nearest one named" {
	coffer gte X
	refused 2 "coffer: unknown verb 'gte'; did you mean 'get'?"
	coffer histroy X
	refused 2 "did you mean 'history'?"
	coffer run crate
	refused 2 "coffer: run: unknown verb 'crate'; did you mean 'create'?"
	coffer help sett
	refused 2 "did you mean 'set'?"
}

@test "a verb that is like none is refused without a guess" {
	coffer frobnicate
	refused 2 "unknown verb 'frobnicate'"
	lacks "$ERR" "did you mean"
	coffer "$(printf 'x%.0s' {1..1000})"
	refused 2 "unknown verb"
}

@test "an unknown option is named, its value is not" {
	coffer get X --colour=crimson
	refused 2 "coffer: get: unknown option '--colour'" "usage: coffer get NAME"
	lacks "$ERR" crimson
	coffer get X -x
	refused 2 "unknown option '-x'"
	coffer --colour get X
	refused 2 "coffer: unknown option '--colour'"
}

@test "an option without its value, or with one too many, is named" {
	coffer get X --scope
	refused 2 "coffer: get: option '--scope' needs a value"
	coffer ls --json=yes
	refused 2 "coffer: ls: option '--json' takes no value"
	coffer get X --scope=
	refused 2 "option '--scope' needs a value that is not empty"
}

@test "numbers and durations are whole, or refused" {
	for number in -1 x 1x "" " 1" 4294967296 99999999999999999999; do
		coffer get X --version "$number"
		refused 2 "coffer: get: option '--version' needs a number"
	done
	for ttl in 1 s 0s 1w 1hh -1h 1.5h 99999999999999999999s 9223372036854775807d; do
		coffer run create --pipeline p --ref r --ttl "$ttl"
		refused 2 "option '--ttl' needs a duration like 90s, 15m, 1h or 2d"
	done
	coffer run create --pipeline p --ref r --pushed-at yesterday
	refused 2 "option '--pushed-at' needs milliseconds since 1970"
}

@test "missing and surplus arguments are refused, and a surplus one is not repeated" {
	for verb in set get rm history; do
		coffer "$verb"
		refused 2 "coffer: $verb: needs NAME"
	done
	coffer rollback X
	refused 2 "coffer: rollback: needs NAME and VERSION"
	coffer rollback X one
	refused 2 "VERSION is not a number from 1 on"
	coffer get X hunter2
	refused 2 "coffer: get: too many arguments"
	lacks "$ERR" hunter2
	coffer set X hunter2
	refused 2 "coffer: set: takes one NAME"
	lacks "$ERR" hunter2
	coffer run finish
	refused 2 "coffer: run finish: needs ID"
	coffer run
	refused 2 "coffer: run: needs a verb of its own" "usage: coffer run"
}

@test "run create says what it lacks" {
	coffer run create --ref r
	refused 2 "coffer: run create: needs --pipeline"
	coffer run create --pipeline p
	refused 2 "coffer: run create: needs --ref"
	coffer run create --pipeline p --ref r --extra novalue
	refused 2 "option '--extra' needs KEY=VALUE"
	coffer run create --pipeline p --ref r --secret A=- --secret B=- </dev/null
	refused 2 "standard input can be read only once"
}

@test "run finish takes three results and no other" {
	coffer run finish some-id
	refused 2 "needs --result succeeded, failed or cancelled"
	coffer run finish some-id --result pending
	refused 2 "needs --result succeeded, failed or cancelled"
}

@test "options of operators are refused to a run" {
	for words in "get X --scope global" "get X --version 1" "get X --system" \
		"ls --scope global" "ls --system"; do
		status=0
		COFFER_TOKEN=abc "$COFFER" $words >"$OUT" 2>"$ERR" || status=$?
		refused 2 "are for operators, but the environment holds a run's token"
	done
}

@test "a daemon that is not there is named by its socket" {
	coffer get X
	refused 1 "coffer: get:" "$COFFER_HOME/run/admin.sock"
	coffer --home "$WORK/other" get X
	refused 1 "$WORK/other/run/admin.sock"
	coffer get X --home "$WORK/other"
	refused 1 "$WORK/other/run/admin.sock"
	coffer --admin-socket "$WORK/third" get X
	refused 1 "$WORK/third"
	COFFER_ADMIN_SOCKET="$WORK/fourth" coffer get X
	refused 1 "$WORK/fourth"
}

@test "flags beat the environment" {
	COFFER_ADMIN_SOCKET="$WORK/environment" coffer --home "$WORK/flag" get X
	refused 1 "$WORK/flag/run/admin.sock"
	export COFFER_TOKEN=abcdefghijklmnopqrstuvwxyz012345
	COFFER_SOCKET="$WORK/environment" coffer get X
	refused 1 "$WORK/environment"
	COFFER_SOCKET="$WORK/environment" coffer --home "$WORK/flag" get X
	refused 1 "$WORK/flag/run/coffer.sock"
}

@test "a user without a home is looked up in the runtime folder" {
	[[ $(id -u) == 0 ]] || {
		XDG_RUNTIME_DIR="$WORK/runtime" COFFER_HOME='' coffer get X
		refused 1 "$WORK/runtime/coffer/admin.sock"
		return
	}
	cp "$COFFER" "$WORK/coffer"
	chmod 0755 "$WORK" "$WORK/coffer"
	status=0
	setpriv --reuid 65534 --regid 65534 --clear-groups env -u COFFER_HOME \
		XDG_RUNTIME_DIR="$WORK/runtime" "$WORK/coffer" get X >"$OUT" 2>"$ERR" || status=$?
	refused 1 "$WORK/runtime/coffer/admin.sock"
	status=0
	setpriv --reuid 65534 --regid 65534 --clear-groups env -u COFFER_HOME \
		XDG_RUNTIME_DIR=relative "$WORK/coffer" get X >"$OUT" 2>"$ERR" || status=$?
	refused 1 "/run/user/65534/coffer/admin.sock"
}

@test "a path that is too long is refused" {
	coffer --home "/$(printf 'x%.0s' {1..5000})" get X
	refused 1 "coffer: get: the path of admin.sock is too long"
	coffer --home "/$(printf 'x%.0s' {1..200})" get X
	refused 1 "coffer: get: the socket path is longer than 107 bytes"
}

@test "a message cannot steer the terminal" {
	coffer $'g\e[31mt'
	refused 2 "unknown verb 'g?[31mt'"
	lacks "$ERR" $'\e'
}

@test "a full disk is noticed" {
	status=0
	"$COFFER" --version >/dev/full 2>"$ERR" || status=$?
	: >"$OUT"
	refused 1 "coffer: cannot write to standard output: No space left on device"
}

@test "a closed standard output is noticed" {
	status=0
	"$COFFER" --version >&- 2>"$ERR" || status=$?
	: >"$OUT"
	refused 1 "cannot write to standard output"
}

@test "a closed pipe is noticed" {
	mkfifo "$WORK/pipe"
	# The reader opens the pipe and goes away before anything is written.
	{ : <"$WORK/pipe"; } 3>&- &
	local reader=$!
	exec 5>"$WORK/pipe"
	wait "$reader"
	status=0
	"$COFFER" help >&5 2>"$ERR" || status=$?
	exec 5>&-
	: >"$OUT"
	refused 1 "cannot write to standard output: Broken pipe"
}
