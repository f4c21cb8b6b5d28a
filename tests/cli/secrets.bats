# set and get: where values come from, and that they come back byte for byte. (E1, E2, C1)
load helper

@test "a value from a pipe comes back byte for byte" {
	coffer set A < <(printf 'hunter2')
	done_silently
	prints ""
	coffer get A
	done_silently
	prints hunter2
}

@test "a newline at the end of standard input is part of the value" {
	coffer set A < <(printf 'line\n')
	done_silently
	coffer get A
	prints $'line\n'
}

@test "--trim takes one newline off, and only one, and only at the end" {
	coffer set A --trim < <(printf 'a\nb\n\n')
	done_silently
	coffer get A
	prints $'a\nb\n'
	coffer set A --trim < <(printf 'bare')
	coffer get A
	prints bare
	coffer set A --trim < <(printf '\n')
	coffer get A
	prints ""
}

@test "'-' and '--file -' read standard input" {
	coffer set A - < <(printf one)
	done_silently
	coffer get A
	prints one
	coffer set A --file - < <(printf two)
	done_silently
	coffer get A
	prints two
}

@test "binary values with NUL come back byte for byte, from a file and to one" {
	printf 'a\0b\377\0' >"$WORK/value"
	coffer set A --file "$WORK/value"
	done_silently
	coffer get A
	done_silently
	cmp "$WORK/value" "$OUT"
	coffer set B <"$WORK/value"
	coffer get B
	cmp "$WORK/value" "$OUT"
}

@test "the largest value, 64 KiB, comes back byte for byte" {
	head -c 65536 /dev/urandom >"$WORK/value"
	coffer set A --file "$WORK/value"
	done_silently
	coffer get A
	done_silently
	cmp "$WORK/value" "$OUT"
}

@test "a value that is too large is refused, and nothing is stored" {
	coffer set A < <(head -c 65537 /dev/zero)
	refused 1 "coffer: set:"
	head -c 2000000 /dev/zero >"$WORK/huge"
	coffer set A --file "$WORK/huge"
	refused 1 "$WORK/huge is larger than 1048576 bytes"
	coffer get A
	refused 1 "coffer: get: unknown secret 'A'"
}

@test "an empty value is a value" {
	coffer set A </dev/null
	done_silently
	coffer get A
	done_silently
	prints ""
}

@test "a file that cannot be read is named" {
	coffer set A --file "$WORK/none"
	refused 1 "coffer: set: cannot read $WORK/none: No such file or directory"
	coffer set A --file "$WORK"
	refused 1 "cannot read $WORK: Is a directory"
}

@test "standard input that is closed is no empty value" {
	coffer set A <&-
	refused 1 "cannot read standard input"
	coffer get A
	refused 1 "unknown secret 'A'"
}

@test "a value on the command line works, and warns without repeating it" {
	coffer set A=hunter2
	[[ $status == 0 ]]
	grep -qF "coffer: set: warning: a value on the command line is visible to others" "$ERR"
	lacks "$ERR" hunter2
	coffer get A
	prints hunter2
	coffer set A=
	[[ $status == 0 ]]
	coffer get A
	prints ""
	coffer set A=b=c
	coffer get A
	prints b=c
}

@test "a value on the command line is wiped from it once it is read" {
	mkfifo "$WORK/fifo"
	"$COFFER" set A=hunter2 B=@"$WORK/fifo" 2>/dev/null 3>&- &
	local pid=$!
	# It opens the pipe after A was read.
	exec 5>"$WORK/fifo"
	tr '\0' '\n' <"/proc/$pid/cmdline" >"$WORK/cmdline"
	grep -qx set "$WORK/cmdline"
	lacks "$WORK/cmdline" hunter2
	exec 5>&-
	wait "$pid"
	coffer get A
	prints hunter2
}

@test "several are set at once" {
	printf one >"$WORK/a"
	printf two >"$WORK/b"
	coffer set --scope pipeline/app A=@"$WORK/a" B=@"$WORK/b" C=- < <(printf three)
	done_silently
	for pair in A:one B:two C:three; do
		coffer get "${pair%:*}" --scope pipeline/app
		prints "${pair#*:}"
	done
	coffer get A
	refused 1 "unknown secret 'A'"
}

@test "several are set all or not at all" {
	printf one >"$WORK/a"
	coffer set A=@"$WORK/a" 1bad=@"$WORK/a"
	refused 1 "coffer: set:"
	coffer get A
	refused 1 "unknown secret 'A'"
	coffer set A=@"$WORK/a" B=@"$WORK/none"
	refused 1 "cannot read $WORK/none"
	coffer get A
	refused 1 "unknown secret 'A'"
	head -c 65537 /dev/zero >"$WORK/big"
	coffer set A=@"$WORK/a" B=@"$WORK/big"
	refused 1 "coffer: set:"
	coffer get A
	refused 1 "unknown secret 'A'"
}

@test "words that cannot go together are usage errors" {
	coffer set A=@x --file y
	refused 2 "takes --file with one NAME alone"
	coffer set A=@x B
	refused 2 "needs NAME=@FILE, NAME=- or NAME=VALUE"
	coffer set =value
	refused 2 "needs NAME=@FILE, NAME=- or NAME=VALUE"
	coffer set A=- B=- </dev/null
	refused 2 "standard input can be read only once"
	coffer set A=@x B=@y --if-version 1
	refused 2 "takes --if-version with one secret alone"
	coffer set A - --file x </dev/null
	refused 2 "not both"
	mapfile -t names < <(printf 'A%s=@/dev/null\n' {1..65})
	coffer set "${names[@]}"
	refused 2 "takes at most 64 secrets at once"
}

@test "64 secrets at once are written and listed" {
	mapfile -t names < <(printf 'A%s=@/dev/null\n' {1..64})
	coffer set "${names[@]}"
	done_silently
	coffer ls --json
	holds 'length == 64'
}

@test "names and scopes that are none are refused by what is wrong" {
	for name in 1A A/B "A B" __coffer_x "$(printf 'A%.0s' {1..129})"; do
		coffer set "$name" </dev/null
		refused 1 "coffer: set:"
	done
	for scope in nowhere pipeline/ pipeline/../x run/ ""; do
		coffer set A --scope "$scope" </dev/null
		[[ $status != 0 && -s $ERR ]] || fail "scope '$scope' was taken"
	done
}

@test "a missing secret is named" {
	coffer get NOTHING
	refused 1 "coffer: get: unknown secret 'NOTHING'"
	[[ $(wc -l <"$ERR") == 1 ]]
}

@test "older versions stay readable" {
	put A one
	put A two
	coffer get A --version 1
	prints one
	coffer get A --version 2
	prints two
	coffer get A
	prints two
	coffer get A --version 3
	refused 1 "coffer: get:"
}

@test "--if-version writes only onto the version that it names" {
	coffer set A --if-version 0 < <(printf one)
	done_silently
	coffer set A --if-version 0 < <(printf other)
	refused 1 "coffer: set:"
	coffer set A --if-version 1 < <(printf two)
	done_silently
	coffer set A --if-version 1 < <(printf other)
	refused 1 "coffer: set:"
	coffer get A
	prints two
	coffer set A=@/dev/null --if-version 2
	done_silently
}

@test "scopes are apart" {
	put A in-global
	put A in-app --scope pipeline/app
	put A in-web --scope pipeline/web
	coffer get A
	prints in-global
	coffer get A --scope pipeline/app
	prints in-app
	coffer get A --scope pipeline/web
	prints in-web
}

@test "system scopes need --system" {
	coffer set A --scope system/registry < <(printf x)
	refused 1 "coffer: set:"
	coffer set A --scope system/registry --system < <(printf x)
	done_silently
	coffer get A --scope system/registry
	refused 1 "coffer: get:"
	coffer get A --scope system/registry --system
	done_silently
	prints x
}

@test "a full disk on standard output is noticed by get" {
	put A value
	status=0
	"$COFFER" get A >/dev/full 2>"$ERR" || status=$?
	: >"$OUT"
	refused 1 "coffer: get: cannot write to standard output: No space left on device"
}

@test "with standard output closed no value goes anywhere else" {
	put A hunter2
	status=0
	"$COFFER" get A >&- 2>"$ERR" || status=$?
	: >"$OUT"
	refused 1 "cannot write to standard output"
	lacks "$ERR" hunter2
	coffer audit verify
	done_silently
}

@test "values stay after the daemon was started again" {
	put A kept
	stop_daemon
	start_daemon
	coffer get A
	prints kept
}
