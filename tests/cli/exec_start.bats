# exec when the daemon is away: waiting, the cache, the fallback. (F4)
load helper

marker='***REDACTED***'
gave_up="coffer: exec: the daemon did not come within 1 s"

# exec_as_run WORD...: an environment in which V is to be the secret A.
exec_as_run() {
	status=0
	env -i PATH="$PATH" COFFER_SOCKET="$SOCKET" COFFER_TOKEN="$TOKEN" V="${V:-secret:A}" \
		"$COFFER" exec --timeout "${TIMEOUT:-1s}" "$@" >"$OUT" 2>"$ERR" 3>&- || status=$?
}

# says LINE...: standard error is these lines, each a pattern of the shell, and no others.
says() {
	local line i=0
	mapfile -t lines <"$ERR"
	for line; do
		# shellcheck disable=SC2053 # a pattern
		[[ ${lines[i]:-} == $line ]] || fail "line $i is not: $line"
		i=$((i + 1))
	done
	[[ ${#lines[@]} == "$i" ]] || fail "more lines than $i"
}

# cached_run: a run of which a cache holds A, and a daemon that is gone.
cached_run() {
	put A aaaa-value
	create_run
	exec_as_run --cache "$WORK/cache" true
	done_silently
	stop_daemon
}

@test "a daemon that comes late is waited for, which is told once" {
	put A aaaa-value
	create_run
	stop_daemon
	mkfifo "$WORK/stderr"
	env -i PATH="$PATH" COFFER_SOCKET="$SOCKET" COFFER_TOKEN="$TOKEN" V=secret:A \
		"$COFFER" exec --timeout 10m --no-redact sh -c 'echo $V' \
		>"$OUT" 2>"$WORK/stderr" 3>&- &
	pid=$!
	exec 5<"$WORK/stderr"
	IFS= read -r -t 60 line <&5
	[[ $line == "coffer: exec: waiting for the daemon: "*"$SOCKET"* ]]
	start_daemon 5<&-
	status=0
	wait "$pid" || status=$?
	cat <&5 >"$ERR"
	exec 5<&-
	done_silently
	prints $'aaaa-value\n'
}

@test "a daemon that does not come in time is a failure, told with the reason" {
	create_run
	stop_daemon
	exec_as_run touch "$WORK/started"
	[[ $status == 125 ]] || fail "status"
	says "coffer: exec: waiting for the daemon: *$SOCKET*" "$gave_up: *$SOCKET*"
	[[ ! -e $WORK/started ]]
}

@test "what waiting cannot mend is not waited for, and neither cache nor fallback used" {
	put A aaaa-value
	create_run
	exec_as_run --cache "$WORK/cache" true
	done_silently
	printf 'A=from-fallback\n' >"$WORK/f.env"
	coffer run finish "$RUN" --result succeeded
	TIMEOUT=10m exec_as_run --cache "$WORK/cache" --fallback "$WORK/f.env" touch "$WORK/started"
	[[ $status == 125 && ! -e $WORK/started ]] || fail "status"
	[[ $(wc -l <"$ERR") == 1 ]] || fail "more than one message"
	create_run
	TIMEOUT=10m V=secret:NONE exec_as_run --cache "$WORK/cache" --fallback "$WORK/f.env" true
	refused 125 "coffer: exec: V: unknown secret 'NONE'"
	TIMEOUT=10m TOKEN=swordfish exec_as_run --fallback "$WORK/f.env" true
	refused 125 "token"
	lacks "$ERR" swordfish waiting
}

@test "a command that needs no secret does not wait" {
	create_run
	stop_daemon
	TIMEOUT=10m V=plain exec_as_run --cache "$WORK/cache" sh -c 'echo $V'
	done_silently
	prints $'plain\n'
	[[ ! -e $WORK/cache ]] || fail "there is a cache of nothing"
}

@test "without a daemon the values come from the cache, which is told with its age" {
	cached_run
	exec_as_run --cache "$WORK/cache" --no-redact sh -c 'echo $V'
	[[ $status == 0 ]] || fail "status"
	prints $'aaaa-value\n'
	says "coffer: exec: waiting for the daemon: *" "$gave_up*" \
		"coffer: exec: warning: using values cached * s ago in $WORK/cache"
	exec_as_run --cache "$WORK/cache" sh -c 'echo $V'
	prints "$marker"$'\n'
}

@test "a cache is for its owner alone, and holds neither value nor token in the clear" {
	umask 0
	cached_run
	[[ $(stat -c '%a %F' "$WORK/cache") == "600 regular file" ]] || fail "mode"
	lacks "$WORK/cache" aaaa-value "$TOKEN" secret:A pipeline
	[[ $(compgen -G "$WORK/cache*") == "$WORK/cache" ]] || fail "a temporary file was left"
}

@test "a fetch replaces the cache as a whole, also where a link stands" {
	put A aaaa-value
	create_run
	printf precious >"$WORK/precious"
	ln -s precious "$WORK/cache"
	exec_as_run --cache "$WORK/cache" true
	done_silently
	[[ -f $WORK/cache && ! -L $WORK/cache && $(cat "$WORK/precious") == precious ]] || fail link
	put A other-value
	exec_as_run --cache "$WORK/cache" true
	stop_daemon
	exec_as_run --cache "$WORK/cache" --no-redact sh -c 'echo $V'
	prints $'other-value\n'
}

@test "a cache that cannot be written is told, and harms nothing" {
	put A aaaa-value
	create_run
	exec_as_run --cache "$WORK/none/cache" --no-redact sh -c 'echo $V'
	[[ $status == 0 ]] || fail "status"
	prints $'aaaa-value\n'
	says "coffer: exec: warning: cannot write the cache $WORK/none/cache: No such file or directory"
}

# As root, --cache /dev/null once made the machine's /dev/null a regular file.
@test "what is no file is not replaced by a cache" {
	put A aaaa-value
	create_run
	mkfifo "$WORK/fifo"
	exec_as_run --cache "$WORK/fifo" --no-redact sh -c 'echo $V'
	[[ $status == 0 && -p $WORK/fifo ]] || fail "replaced"
	prints $'aaaa-value\n'
	says "coffer: exec: warning: cannot write the cache $WORK/fifo: it is not a regular file"
}

@test "a cache of another token, a changed one, an open one and a link are not used" {
	cached_run
	cp "$WORK/cache" "$WORK/changed"
	printf '\x01' | dd of="$WORK/changed" bs=1 seek=100 conv=notrunc status=none
	cp "$WORK/cache" "$WORK/open"
	chmod 0640 "$WORK/open"
	ln -s cache "$WORK/link"
	head -c 100 "$WORK/cache" >"$WORK/cut"
	chmod 0600 "$WORK/changed" "$WORK/cut"
	while IFS=: read -r name why; do
		exec_as_run --cache "$WORK/$name" touch "$WORK/started"
		[[ $status == 125 && ! -e $WORK/started ]] || fail "status of $name"
		says "*waiting*" "$gave_up*" "coffer: exec: the cache $WORK/$name is not used: $why"
	done <<-'END'
		changed:it is damaged, or was tampered with
		open:other users may read or write it
		link:it is a symbolic link
		cut:it is not a cache
		none:No such file or directory
	END
	TOKEN=00000000000000000000000000000000 exec_as_run --cache "$WORK/cache" true
	[[ $status == 125 ]] || fail "status"
	says "*" "*" "coffer: exec: the cache $WORK/cache is not used: it was made with another token*"
}

@test "what the cache does not hold is named, and under --all a cache of some is not used" {
	cached_run
	V=secret:B exec_as_run --cache "$WORK/cache" --set C=A touch "$WORK/started"
	[[ $status == 125 && ! -e $WORK/started ]] || fail "status"
	says "*" "*" "*using values cached*" "coffer: exec: V: unknown secret 'B'"
	V=plain exec_as_run --cache "$WORK/cache" --all touch "$WORK/started"
	[[ $status == 125 && ! -e $WORK/started ]] || fail "status"
	says "*" "*" "*the cache $WORK/cache is not used: it does not hold every secret*"
}

@test "a cache of --all gives all, or the one that is needed" {
	put A aaaa-value
	put B bbbb-value
	create_run
	V=plain exec_as_run --cache "$WORK/cache" --all true
	done_silently
	stop_daemon
	V=plain exec_as_run --cache "$WORK/cache" --all --no-redact env
	[[ $(grep -E '^[AB]=' "$OUT") == $'A=aaaa-value\nB=bbbb-value' ]] || fail "not all"
	exec_as_run --cache "$WORK/cache" --no-redact env
	[[ $(grep -E '^[ABV]=' "$OUT") == V=aaaa-value ]] || fail "not the one"
}

@test "without a daemon the fallback gives values, which is told, and they are redacted" {
	create_run
	stop_daemon
	printf '# for development\nexport A="fallback-value"\nB=not-asked-for\n' >"$WORK/f.env"
	exec_as_run --fallback "$WORK/f.env" sh -c 'env | grep -c not-asked-for; echo $V not-asked-for'
	[[ $status == 0 ]] || fail "status"
	prints $'0\n'"$marker not-asked-for"$'\n'
	says "*waiting*" "$gave_up*" \
		"coffer: exec: warning: using values of $WORK/f.env, which is for development alone"
	V=secret:C exec_as_run --fallback "$WORK/f.env" true
	[[ $status == 125 ]] || fail "status"
	says "*" "*" "*" "coffer: exec: V: unknown secret 'C'"
	V=plain exec_as_run --fallback "$WORK/f.env" --all --no-redact env
	[[ $(grep -E '^[AB]=' "$OUT") == $'A=fallback-value\nB=not-asked-for' ]] || fail "--all"
}

@test "the cache comes before the fallback, which gives what that lacks" {
	cached_run
	printf 'A=fallback-value\nB=other-fallback\n' >"$WORK/f.env"
	exec_as_run --cache "$WORK/cache" --fallback "$WORK/f.env" --no-redact sh -c 'echo $V'
	prints $'aaaa-value\n'
	lacks "$ERR" f.env
	exec_as_run --cache "$WORK/cache" --fallback "$WORK/f.env" --set W=B --no-redact \
		sh -c 'echo $V $W'
	prints $'aaaa-value other-fallback\n'
	says "*" "*" "*using values cached*" "*using values of $WORK/f.env*"
	exec_as_run --cache "$WORK/none" --fallback "$WORK/f.env" --no-redact sh -c 'echo $V'
	prints $'fallback-value\n'
	says "*" "*" "*cache $WORK/none is not used*" "*using values of $WORK/f.env*"
}

@test "with no token at all the fallback is used at once" {
	printf 'A=fallback-value\n' >"$WORK/f.env"
	status=0
	env -i PATH="$PATH" V=secret:A "$COFFER" exec --timeout 10m --fallback "$WORK/f.env" \
		--no-redact sh -c 'echo $V' >"$OUT" 2>"$ERR" 3>&- || status=$?
	[[ $status == 0 ]] || fail "status"
	prints $'fallback-value\n'
	says "coffer: exec: warning: no token: the daemon is not asked" "*using values of $WORK/f.env*"
}

@test "a fallback that is malformed is refused by its line" {
	create_run
	stop_daemon
	printf 'A=1\nhunter2\n' >"$WORK/f.env"
	exec_as_run --fallback "$WORK/f.env" true
	[[ $status == 125 ]] || fail "status"
	says "*" "*" "coffer: exec: $WORK/f.env:2: is not NAME=VALUE"
}

@test "the daemon may be named by SECRETS_API_URL and SECRETS_API_TOKEN" {
	put A aaaa-value
	create_run
	status=0
	env -i PATH="$PATH" SECRETS_API_URL="unix://$SOCKET" SECRETS_API_TOKEN="$TOKEN" V=secret:A \
		"$COFFER" exec --no-redact env >"$OUT" 2>"$ERR" 3>&- || status=$?
	done_silently
	grep -qx V=aaaa-value "$OUT"
	lacks "$OUT" "$TOKEN"
	status=0
	env -i PATH="$PATH" SECRETS_API_URL="ftp://host/" SECRETS_API_TOKEN="$TOKEN" V=secret:A \
		"$COFFER" exec true >"$OUT" 2>"$ERR" 3>&- || status=$?
	refused 125 "unix://"
	lacks "$ERR" waiting "$TOKEN"
}

# from_file WORD...: exec with what a bootstrap file hands over, and without a daemon.
from_file() {
	status=0
	env -i PATH="$PATH" COFFER_TRANSPORT=filesystem COFFER_BOOTSTRAP="$WORK/handed" \
		V="${V:-secret:A}" "$COFFER" exec "$@" >"$OUT" 2>"$ERR" 3>&- || status=$?
}

# hand_over: writes that file.
hand_over() {
	coffer run create --pipeline app --ref refs/heads/main --transport filesystem \
		--bootstrap-file "$WORK/handed"
	[[ $status == 0 && -f $WORK/handed ]] || fail "no file was handed over"
}

@test "over the filesystem transport the values come from the file, which is then gone" {
	put A aaaa-value
	hand_over
	mv "$WORK/handed" "$WORK/kept"
	stop_daemon
	cp -p "$WORK/kept" "$WORK/handed"
	from_file --no-redact env
	done_silently
	grep -qx V=aaaa-value "$OUT"
	lacks "$OUT" COFFER_BOOTSTRAP
	[[ ! -e $WORK/handed ]] || fail "the file is still there"
	cp -p "$WORK/kept" "$WORK/handed"
	from_file sh -c 'echo $V'
	done_silently
	prints "$marker"$'\n'
	cp -p "$WORK/kept" "$WORK/handed"
	V=secret:B from_file touch "$WORK/started"
	refused 125 "coffer: exec: V: unknown secret 'B'"
	[[ ! -e $WORK/started ]]
}

@test "a bootstrap file is not left lying about by a command that needs nothing of it" {
	put A aaaa-value
	hand_over
	V=plain from_file true
	done_silently
	[[ ! -e $WORK/handed ]] || fail "the file is still there"
	from_file touch "$WORK/started"
	refused 125 "$WORK/handed"
	[[ ! -e $WORK/started ]]
}

@test "over the filesystem transport nothing changes, and watching says so" {
	put A aaaa-value
	hand_over
	from_file --watch restart true
	[[ $status == 0 ]] || fail "status"
	says "coffer: exec: warning: nothing is watched: *"
}
