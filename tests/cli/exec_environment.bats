# exec: which variables the command gets, and which it never gets. (F1, and --no-redact of F2)
load helper

marker='***REDACTED***'

# exec_as_run [option...] COMMAND...: in an environment of what coffer needs, PATH, and the array vars.
exec_as_run() {
	status=0
	env -i PATH="$PATH" COFFER_SOCKET="$SOCKET" COFFER_TOKEN="$TOKEN" "${vars[@]}" \
		"$COFFER" exec "$@" >"$OUT" 2>"$ERR" 3>&- || status=$?
}

# gives LINE...: these are the variables that env printed, in that order, beside PATH and COFFER_SOCKET.
gives() {
	diff <(printf '%s\n' "$@") <(grep -vE '^(PATH|COFFER_SOCKET)=' "$OUT") ||
		fail "other variables"
}

@test "a reference becomes the secret's value, and all else is passed on as it is, in its order" {
	put DB_PASS 's3cret value'
	create_run
	vars=(Z=plain DB_PASSWORD=secret:DB_PASS A='x=secret:DB_PASS' EMPTY= B=$'tab\tand \\ "')
	exec_as_run --no-redact env
	done_silently
	gives Z=plain DB_PASSWORD='s3cret value' A='x=secret:DB_PASS' EMPTY= B=$'tab\tand \\ "'
}

@test "a value is passed on byte for byte, also an empty one and one of the largest size" {
	head -c 65536 /dev/urandom | tr '\0' x >"$WORK/large"
	printf '\x01\xff\n\n' >"$WORK/odd"
	: >"$WORK/empty"
	coffer set LARGE="@$WORK/large" ODD="@$WORK/odd" EMPTY="@$WORK/empty"
	create_run
	vars=(V=secret:LARGE)
	for name in large odd empty; do
		vars=(V="secret:${name^^}")
		exec_as_run --no-redact python3 -c \
			'import os, sys; sys.stdout.buffer.write(os.environb[b"V"])'
		done_silently
		cmp "$WORK/$name" "$OUT"
	done
}

@test "--set maps a secret to a variable, --all adds each under its own name" {
	put A aaaa-value
	put dotted.name-x bbbb-value
	put A pipeline-value --scope pipeline/app
	create_run
	vars=()
	exec_as_run --no-redact --set FIRST=A --set SECOND=dotted.name-x env
	done_silently
	gives FIRST=pipeline-value SECOND=bbbb-value
	exec_as_run --no-redact --all env
	done_silently
	gives A=pipeline-value dotted.name-x=bbbb-value
}

@test "later comes before earlier: what is inherited, --env-file, --all, --set" {
	put N of-all
	put M of-set
	create_run
	printf 'N=of-file\nK=of-file\nK=of-file-too\n' >"$WORK/1.env"
	printf 'K=of-second-file\n' >"$WORK/2.env"
	vars=(N=inherited K=inherited)
	exec_as_run --no-redact env
	gives N=inherited K=inherited
	exec_as_run --no-redact --env-file "$WORK/1.env" env
	gives N=of-file K=of-file-too
	exec_as_run --no-redact --env-file "$WORK/1.env" --env-file "$WORK/2.env" --all env
	gives N=of-all K=of-second-file M=of-set
	exec_as_run --no-redact --env-file "$WORK/1.env" --all --set N=M env
	gives N=of-set K=of-file-too M=of-set
}

@test "a reference that something later replaces need not be known" {
	put N of-all
	create_run
	vars=(N=secret:UNKNOWN)
	exec_as_run --no-redact --all env
	done_silently
	gives N=of-all
	exec_as_run --no-redact --set N=N env
	done_silently
	gives N=of-all
}

@test "a value that looks like a reference is not looked up again" {
	put A secret:B
	put B bbbb-value
	create_run
	vars=(X=secret:A)
	exec_as_run --no-redact env
	done_silently
	gives X=secret:B
	vars=()
	exec_as_run --no-redact --all env
	done_silently
	gives A=secret:B B=bbbb-value
}

@test "of a variable that stands twice in the environment, the last one counts" {
	put A aaaa-value
	create_run
	status=0
	/usr/bin/python3 - "$COFFER" "$SOCKET" "$TOKEN" "$PATH" >"$OUT" 2>"$ERR" 3>&- <<'END' || status=$?
import ctypes, sys
coffer, socket, token, path = (word.encode() for word in sys.argv[1:])
def words(*items):
    return (ctypes.c_char_p * (len(items) + 1))(*items, None)
ctypes.CDLL(None).execve(coffer, words(b"coffer", b"exec", b"--no-redact", b"env"), words(
    b"PATH=" + path, b"X=secret:UNKNOWN", b"COFFER_SOCKET=" + socket, b"COFFER_TOKEN=" + token,
    b"X=secret:A", b"Y=1", b"Y=2", b"no-equals-sign"))
END
	done_silently
	gives X=aaaa-value Y=2 no-equals-sign
}

@test "what begins like a reference and is none is passed on, with a warning that names the variable" {
	create_run
	vars=(X='secret:hunter2!' Y=secret: Z='secret:a b' OK=Secret:A)
	exec_as_run --no-redact env
	[[ $status == 0 ]] || fail "status"
	gives "${vars[@]}"
	for name in X Y Z; do
		grep -qF "coffer: exec: warning: $name begins with 'secret:'" "$ERR" ||
			fail "no warning of $name"
	done
	[[ $(wc -l <"$ERR") == 3 ]] || fail "other warnings"
	lacks "$ERR" hunter2
}

@test "every missing secret is named with its variable, and the command is not started" {
	put GOOD good-value
	create_run
	vars=(DB_PASSWORD=secret:DB_PASS A=secret:GOOD AGAIN=secret:DB_PASS)
	for how in --no-redact --; do
		exec_as_run --set OTHER=NOTHING "$how" touch "$WORK/started"
		refused 125 "coffer: exec: DB_PASSWORD: unknown secret 'DB_PASS'" \
			"coffer: exec: AGAIN: unknown secret 'DB_PASS'" \
			"coffer: exec: OTHER: unknown secret 'NOTHING'"
		[[ $(wc -l <"$ERR") == 3 ]] || fail "other messages"
		[[ ! -e $WORK/started ]] || fail "the command was started"
	done
}

@test "what the run is not allowed to read is refused by variable and name, also under --all" {
	put AWS_KEY aws-value
	put DB db-value
	create_run --allow 'AWS_*'
	vars=(A=secret:AWS_KEY X=secret:DB Y=secret:AWS_NONE)
	for how in --no-redact --all; do
		exec_as_run "$how" touch "$WORK/started"
		refused 125 "coffer: exec: X: secret 'DB' is not allowed to this run" \
			"coffer: exec: Y: unknown secret 'AWS_NONE'"
		[[ $(wc -l <"$ERR") == 2 ]] || fail "other messages"
		[[ ! -e $WORK/started ]] || fail "the command was started"
	done
}

@test "a secret whose source cannot be read is refused by its variable, beside what is missing" {
	printf file-value >"$WORK/source"
	"$COFFER" set FROM_FILE --source "file:$WORK/source" 3>&-
	rm "$WORK/source"
	create_run
	vars=(X=secret:FROM_FILE Y=secret:NONE)
	exec_as_run touch "$WORK/started"
	refused 125 "coffer: exec: X: the source of secret 'FROM_FILE' cannot be read" \
		"coffer: exec: Y: unknown secret 'NONE'"
	[[ ! -e $WORK/started ]] || fail "the command was started"
}

@test "more secrets than fit into one request are all there, or all that lack are named" {
	local i
	printf 'common-value' >"$WORK/value"
	for batch in 0 1 2; do
		read -ra words < <(printf "N${batch}_%02d=@$WORK/value " {0..49}) || true
		"$COFFER" set "${words[@]}" 3>&-
	done
	create_run
	vars=()
	for i in {0..149}; do
		vars+=("V$i=secret:N$((i / 50))_$(printf %02d $((i % 50)))")
	done
	exec_as_run --no-redact sh -c 'env | grep -c =common-value'
	done_silently
	prints $'150\n'
	vars+=(X=secret:UNKNOWN_1 V3=secret:UNKNOWN_2)
	exec_as_run true
	refused 125 "X: unknown secret 'UNKNOWN_1'" "V3: unknown secret 'UNKNOWN_2'"
	[[ $(wc -l <"$ERR") == 2 ]] || fail "other messages"
}

@test "a value with a NUL byte is refused by its name" {
	printf 'before\0after' >"$WORK/value"
	coffer set BINARY --file "$WORK/value"
	create_run
	vars=(V=secret:BINARY)
	exec_as_run touch "$WORK/started"
	refused 125 "coffer: exec: V: the value of secret 'BINARY' holds a NUL byte"
	lacks "$ERR" before after
	vars=()
	exec_as_run --all touch "$WORK/started"
	refused 125 "coffer: exec: BINARY: the value of secret 'BINARY' holds a NUL byte"
	[[ ! -e $WORK/started ]]
}

@test "a value that is longer than a variable can be is refused by its name" {
	stop_daemon
	COFFER_VALUE_MAX=200000 start_daemon
	head -c 131069 /dev/zero | tr '\0' x >"$WORK/fits"
	head -c 131070 /dev/zero | tr '\0' x >"$WORK/large"
	coffer set FITS --file "$WORK/fits"
	done_silently
	coffer set LARGE --file "$WORK/large"
	done_silently
	create_run
	vars=(V=secret:FITS)
	exec_as_run --no-redact sh -c 'echo ${#V}'
	done_silently
	prints $'131069\n'
	vars=(V=secret:LARGE)
	exec_as_run true
	refused 125 "coffer: exec: V: the value of secret 'LARGE' is too long"
}

@test "--pristine inherits nothing but what --preserve-env names" {
	put A aaaa-value
	create_run
	vars=(HO=x HOME=/h HOMES=x TERM=t LANG=l TERMINAL=x)
	exec_as_run --no-redact --pristine --set A=A /usr/bin/env
	done_silently
	prints $'A=aaaa-value\n'
	exec_as_run --no-redact --pristine --preserve-env TERM,HOME --preserve-env COFFER_TOKEN \
		--preserve-env NONE /usr/bin/env
	done_silently
	prints $'HOME=/h\nTERM=t\n'
	exec_as_run --preserve-env HOME true
	refused 2 "--preserve-env is for --pristine"
}

# reads TEXT LINE...: a file of that text gives these variables.
reads() {
	local text=$1
	shift
	printf '%b' "$text" >"$WORK/f.env"
	exec_as_run --no-redact --pristine --env-file "$WORK/f.env" /usr/bin/env
	done_silently || return 1
	diff <(printf '%s\n' "$@") "$OUT" || fail "of $text"
}

@test "an environment file is lines NAME=VALUE, with comments, quotes and export" {
	create_run
	vars=()
	reads 'A=1\nB=two words \t\n' A=1 'B=two words'
	reads '\n  # comment\n\t\nA=1' A=1
	reads 'export A=1\nexport\tB=2\n  export  C=3\nexport=4' A=1 B=2 C=3 export=4
	reads 'A=1 # comment\nB=1#2\nC=#3\nD= # none\n' A=1 B=1#2 C=#3 D=
	reads 'A=  1\nB=\nC=' A=1 B= C=
	reads 'A=1\r\nB="2"\r\n' A=1 B=2
	reads "A='it \$is \`so\` \\\\n # \"'\n" 'A=it $is `so` \n # "'
	reads 'A="a\\nb\\tc\\"d\\\\e\\$f\\g#" # comment\n' $'A=a\nb\tc"d\\e$f\\g#'
	reads 'A=$HOME `id` $(id) "x"\n' 'A=$HOME `id` $(id) "x"'
	reads 'A="one\ntwo"\nB='"'three\nfour'" $'A=one\ntwo' $'B=three\nfour'
	reads 'A=x=y\n_1.b-c=2\n' A=x=y _1.b-c=2
	reads 'A=1\nA=2\n' A=2
	: >"$WORK/f.env"
	exec_as_run --no-redact --pristine --env-file "$WORK/f.env" /usr/bin/env
	done_silently
	prints ''
}

@test "a malformed environment file is refused by file and line, and nothing of it repeated" {
	create_run
	vars=()
	while read -r line text; do
		printf '%b' "$text" >"$WORK/f.env"
		exec_as_run --env-file "$WORK/f.env" touch "$WORK/started"
		refused 125 "coffer: exec: $WORK/f.env:$line: "
		lacks "$ERR" hunter
		[[ ! -e $WORK/started ]]
	done <<-'END'
		1 hunter2
		2 A=1\nhunter2\n
		1 A =hunter2
		1 1A=hunter2
		1 =hunter2
		1 export hunter2
		3 \n\nA="hunter2\n\nB=3
		1 A='hunter2
		1 A="x"hunter2
		1 A="x"B=hunter2
		4 A="1\n2\n3"\n-B=hunter2
		2 A=1\nB=hun\0ter\n
		1 \xef\xbb\xbfhunter=2
	END
	exec_as_run --env-file "$WORK/none.env" true
	refused 125 "coffer: exec: cannot read $WORK/none.env: No such file or directory"
}

@test "a reference in an environment file is resolved" {
	put A aaaa-value
	create_run
	vars=()
	printf 'X="secret:A"\nY=secret:A # comment\n' >"$WORK/f.env"
	exec_as_run --no-redact --env-file "$WORK/f.env" env
	done_silently
	gives X=aaaa-value Y=aaaa-value
}

@test "the command cannot find the run's token, wherever it looks" {
	put A aaaa-value
	create_run
	printf 'COFFER_TOKEN=%s\nOTHER=%s\n' "$TOKEN" "$TOKEN" >"$WORK/f.env"
	other=0123456789abcdefghijklmnopqrstuv
	# In a header or a URL it is the token still.
	vars=(V=secret:A SAME_TOKEN="$TOKEN" HEADER="Bearer $TOKEN" URL="http://x:$TOKEN@host/"
		SECRETS_API_TOKEN="$other" COFFER_TOKEN_FILE=/none COFFER_BOOTSTRAP=/none
		SPARE="x$other")
	# As the superuser, who can read every process. (Without redaction the parent is not coffer.)
	exec_as_run --env-file "$WORK/f.env" sh -c "env >'$WORK/env'
		cat /proc/self/environ /proc/\$\$/environ /proc/\$PPID/environ \
			/proc/self/cmdline /proc/\$PPID/cmdline >'$WORK/found' 2>'$WORK/errors'
		readlink /proc/\$PPID/exe >'$WORK/parent'"
	done_silently
	grep -qx V=aaaa-value "$WORK/env"
	lacks "$WORK/env" "$TOKEN" COFFER_TOKEN COFFER_BOOTSTRAP SECRETS_API_TOKEN SAME_TOKEN OTHER \
		HEADER URL SPARE
	lacks "$WORK/found" "$TOKEN" "$other"
	grep -qx "$(readlink -f "$COFFER")" "$WORK/parent"
	exec_as_run --no-redact --env-file "$WORK/f.env" env
	done_silently
	gives V=aaaa-value
	exec_as_run --set COFFER_TOKEN=A true
	refused 2 "a variable that holds the run's authority"
}

@test "a token that another one goes before is redacted, too, and what is none takes nothing away" {
	put A aaaa-value
	create_run
	vars=(V=secret:A SECRETS_API_TOKEN=another-token)
	exec_as_run echo another-token
	done_silently
	prints $'***REDACTED***\n'
	vars=(V=plain SECRETS_API_TOKEN=a)
	exec_as_run --no-redact env
	done_silently
	gives V=plain
}

@test "a secret with the name of a token's variable is not handed over by --all" {
	put COFFER_TOKEN aaaa-value
	put B bbbb-value
	create_run
	vars=()
	exec_as_run --no-redact --all env
	done_silently
	gives B=bbbb-value
}

@test "the token may come from a file, of which the command is not told" {
	put A aaaa-value
	create_run
	printf '%s\n' "$TOKEN" >"$WORK/token"
	status=0
	env -i PATH="$PATH" COFFER_SOCKET="$SOCKET" COFFER_TOKEN_FILE="$WORK/token" X=secret:A \
		"$COFFER" exec --no-redact env >"$OUT" 2>"$ERR" 3>&- || status=$?
	done_silently
	gives X=aaaa-value
	printf 'swordfish' >"$WORK/token"
	status=0
	env -i PATH="$PATH" COFFER_SOCKET="$SOCKET" COFFER_TOKEN_FILE="$WORK/token" X=secret:A \
		"$COFFER" exec --no-redact env >"$OUT" 2>"$ERR" 3>&- || status=$?
	refused 125 "the file $WORK/token does not hold a token"
	lacks "$ERR" swordfish
}

@test "what is no variable is passed on, unless the token stands in it" {
	create_run
	export SOCKET TOKEN
	status=0
	/usr/bin/python3 - >"$OUT" 2>"$ERR" 3>&- <<-'END' || status=$?
		import ctypes, os
		env = lambda name: os.environb[name]
		strings = [b"COFFER_SOCKET=" + env(b"SOCKET"), b"COFFER_TOKEN=" + env(b"TOKEN"),
		           b"odd" + env(b"TOKEN"), b"even"]
		words = [env(b"COFFER"), b"exec", b"--no-redact", b"--", b"/usr/bin/env"]
		array = lambda items: (ctypes.c_char_p * (len(items) + 1))(*items)
		ctypes.CDLL(None).execve(words[0], array(words), array(strings))
	END
	done_silently
	prints "COFFER_SOCKET=$SOCKET"$'\neven\n'
}

@test "a token that comes from a descriptor is read once: the command does not have it" {
	put A aaaa-value
	create_run
	printf '%s\n' "$TOKEN" >"$WORK/token"
	for path in /dev/fd/9 /proc/self/fd/9; do
		status=0
		env -i PATH="$PATH" COFFER_SOCKET="$SOCKET" COFFER_TOKEN_FILE=$path X=secret:A \
			"$COFFER" exec --no-redact sh -c 'echo $X; [ ! -e /proc/self/fd/9 ]' \
			>"$OUT" 2>"$ERR" 3>&- 9<"$WORK/token" || status=$?
		done_silently
		prints $'aaaa-value\n'
	done
}

@test "a secret that is needed and a token that is missing is a failure" {
	status=0
	env -i PATH="$PATH" COFFER_SOCKET="$WORK/none" X=secret:A "$COFFER" exec true \
		>"$OUT" 2>"$ERR" 3>&- || status=$?
	refused 125 "coffer: exec: no token"
	status=0
	env -i PATH="$PATH" COFFER_SOCKET="$WORK/none" COFFER_TOKEN= X=secret:A \
		"$COFFER" exec true >"$OUT" 2>"$ERR" 3>&- || status=$?
	refused 125 "coffer: exec: no token"
}

@test "without a reference nobody is asked, and the token is redacted still" {
	create_run
	stop_daemon
	vars=(A=plain)
	exec_as_run sh -c "echo \$A $TOKEN"
	done_silently
	prints "plain $marker"$'\n'
}

@test "the values that the command is given are redacted, and those alone" {
	put A aaaa-value
	put B bbbb-value
	put PIN 4711
	create_run
	vars=(X=secret:A)
	exec_as_run sh -c 'echo $X bbbb-value; echo $X >&2'
	[[ $status == 0 ]]
	prints "$marker bbbb-value"$'\n'
	grep -qxF "$marker" "$ERR"
	vars=(X=secret:PIN Y=secret:PIN)
	exec_as_run sh -c 'echo $X'
	prints $'4711\n'
	[[ $(grep -c "the value of 'PIN' has fewer than 8 bytes" "$ERR") == 1 ]]
	lacks "$ERR" 4711
}

@test "options behind the command are the command's" {
	create_run
	vars=()
	exec_as_run printf '%s,' --all -h --no-redact --
	done_silently
	prints --all,-h,--no-redact,--,
	exec_as_run -- printf %s --help
	done_silently
	prints --help
	exec_as_run --no-redact -- printf %s --
	done_silently
	prints --
}

@test "wrong usage is refused, and what may be a value is not repeated" {
	vars=() SOCKET=/none TOKEN=
	exec_as_run
	refused 2 "coffer: exec: needs a command" "usage: coffer exec"
	for word in A A= =A A=hunter2! "A=$(printf 'x%.0s' {1..200})" "A=secret:B"; do
		exec_as_run --set "$word" true
		refused 2 "option '--set' needs VARIABLE=NAME"
		lacks "$ERR" hunter2
	done
	for word in always signal signal: signal:NONE signal:0; do
		exec_as_run --watch "$word" true
		refused 2 "option '--watch' needs restart, signal:NAME or ignore"
	done
	exec_as_run --timeout 5 true
	refused 2 "option '--timeout' needs a duration"
}

@test "the command is looked for in the PATH that it will have" {
	create_run
	mkdir "$WORK/bin"
	printf '#!/bin/sh\necho found $PATH\n' >"$WORK/bin/in-path"
	chmod 0755 "$WORK/bin/in-path"
	printf 'PATH=%s\n' "$WORK/bin" >"$WORK/f.env"
	vars=()
	for how in --no-redact --; do
		exec_as_run --env-file "$WORK/f.env" "$how" in-path
		done_silently
		prints "found $WORK/bin"$'\n'
		exec_as_run --env-file "$WORK/f.env" "$how" env
		refused 127 "coffer: exec: cannot run 'env'"
		exec_as_run --pristine "$how" true
		done_silently
	done
}

@test "in a PATH folder that cannot be entered there is no command, with or without redaction" {
	mkdir "$WORK/closed" "$WORK/open"
	printf '#!/bin/sh\necho found\n' >"$WORK/closed/tool"
	chmod 0755 "$WORK/closed/tool"
	printf 'PATH=%s\n' "$WORK/closed:$WORK/open" >"$WORK/f.env"
	chmod 0 "$WORK/closed"
	# The superuser may enter it, but for the capability.
	without=()
	((EUID != 0)) || without=(setpriv --bounding-set "-dac_override,-dac_read_search")
	for words in "127 No such file or directory" "126 Permission denied"; do
		for how in --no-redact --; do
			status=0
			env -i PATH="$PATH" "${without[@]}" "$COFFER" exec --env-file "$WORK/f.env" \
				"$how" tool >"$OUT" 2>"$ERR" 3>&- || status=$?
			refused "${words%% *}" "coffer: exec: cannot run 'tool': ${words#* }"
		done
		: >"$WORK/open/tool" # there, and no program
	done
	chmod 0700 "$WORK/closed"
}

@test "--no-redact becomes the command: one process, its status, its output as it is" {
	put A aaaa-value
	create_run
	vars=(X=secret:A)
	exec_as_run --no-redact sh -c 'echo $X; exit 42'
	[[ $status == 42 && ! -s $ERR ]] || fail "status"
	prints $'aaaa-value\n'
	env -i PATH="$PATH" COFFER_SOCKET="$SOCKET" COFFER_TOKEN="$TOKEN" X=secret:A \
		"$COFFER" exec --no-redact sh -c 'echo $$; kill -KILL $$' >"$OUT" 3>&- &
	pid=$!
	status=0
	wait "$pid" || status=$?
	[[ $status == 137 ]] || fail "status"
	prints "$pid"$'\n'
}

@test "--no-redact leaves nothing of coffer behind: signals, descriptors, dumps are as inherited" {
	put A aaaa-value
	create_run
	vars=(X=secret:A)
	look='import ctypes, os; print(sorted(os.listdir("/proc/self/fd")), ctypes.CDLL(None).prctl(3))'
	/usr/bin/python3 -c "$look" >"$WORK/plain" 2>"$ERR" 3>&-
	exec_as_run --no-redact /usr/bin/python3 -c "$look"
	done_silently
	cmp "$WORK/plain" "$OUT" || fail "not as plain: $(cat "$WORK/plain")"
	# Whoever ignores SIGPIPE on purpose, or not, has it so.
	for ignored in HUP 'HUP PIPE'; do
		(
			# shellcheck disable=SC2086 # words
			trap '' $ignored
			grep -E 'Sig(Ign|Blk)' /proc/self/status >"$WORK/plain"
			exec_as_run --no-redact grep -E 'Sig(Ign|Blk)' /proc/self/status
			cmp "$WORK/plain" "$OUT"
		)
	done
}

@test "--no-redact tells a command that is missing from one that cannot be run" {
	put A aaaa-value
	create_run
	: >"$WORK/data"
	vars=(X=secret:A)
	exec_as_run --no-redact no-such-command
	refused 127 "coffer: exec: cannot run 'no-such-command': No such file or directory"
	for path in "$WORK/data" "$WORK"; do
		exec_as_run --no-redact "$path"
		refused 126 "coffer: exec: cannot run '$path': Permission denied"
	done
}
