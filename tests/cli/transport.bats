# run create with a bootstrap file, and jobs over both transports. (B4, B5, J1)
load helper

# Values belong on a tmpfs, where nothing is left of them; without one a warning is in the way.
setup() {
	setup_home
	FILES=$(mktemp -d /dev/shm/coffer-cli.XXXXXX)
	FILE="$FILES/bootstrap.json"
	"$COFFER" init >/dev/null 2>&1
	start_daemon
}

teardown() {
	stop_daemon
	rm -rf "$WORK" "$FILES"
}

# hand_over [option...]: creates a run whose job gets all in FILE, and sets RUN.
hand_over() {
	coffer run create --pipeline app --ref main --transport filesystem \
		--bootstrap-file "$FILE" "$@"
	done_silently
	RUN=$(sed -n 's/^COFFER_RUN_ID=//p' "$OUT")
}

# as_job WORD...: coffer as a job that was handed FILE.
as_job() {
	COFFER_TRANSPORT=filesystem COFFER_BOOTSTRAP="$FILE" COFFER_RUN_ID="$RUN" coffer "$@"
}

put_all() {
	put APP_TEXT $'line\n"\xe2\x82\xac"'
	put APP_TEXT older --scope pipeline/app
	put APP_TEXT newer --scope pipeline/app
	put APP_EMPTY ''
	head -c 5000 /dev/urandom >"$WORK/binary"
	"$COFFER" set APP_BINARY --file "$WORK/binary" 3>&-
	put OTHER hunter2
	put SYS x --scope system/registry --system
}

@test "the same job prints the same over both transports" {
	about=(--repo R --sha S --git-dir "/srv/a b" --pushed-at 5 --sentry-dsn D
		--sentry-trace T --extra k=v --extra $'n=\xc3\xa4' --allow 'APP_*')
	put_all
	printf own >"$WORK/own"
	coffer run create --pipeline app --ref main --secret APP_OWN=@"$WORK/own" "${about[@]}"
	done_silently
	(
		set -a
		eval "$(cat "$OUT")"
		"$JOB" >"$WORK/over-socket"
	)
	hand_over --secret APP_OWN=@"$WORK/own" "${about[@]}"
	(
		set -a
		unset COFFER_HOME
		eval "$(cat "$OUT")"
		"$JOB" >"$WORK/over-file"
	)
	# The run is another one, and its own secret was written then.
	sed -E -i 's/[0-9a-f]{8}-[0-9a-f-]{27}/RUN/; s/^[0-9]+ (APP_OWN)/TIME \1/' \
		"$WORK/over-socket" "$WORK/over-file"
	diff "$WORK/over-socket" "$WORK/over-file"
	grep -q '^APP_TEXT pipeline/app@2 6e65776572$' "$WORK/over-file"
	grep -q '^get: PERMISSION_DENIED .*OTHER' "$WORK/over-file"
	grep -qF "get many: NOT_FOUND unknown secrets 'APP_X', 'APP_Y', 'APP_Z'" "$WORK/over-file"
	grep -q '^claim: GONE' "$WORK/over-file"
	grep -q '^TIME APP_OWN run/RUN@1 6f776e$' "$WORK/over-file"
	[[ $(grep -c "^APP_BINARY global@1 $(od -An -v -tx1 "$WORK/binary" | tr -d ' \n')" \
		"$WORK/over-file") == 1 ]]
}

@test "create prints what the job's environment must be, and no token" {
	hand_over --git-dir /g
	[[ $(wc -l <"$OUT") == 3 ]]
	sed -n 1p "$OUT" | grep -qxF 'COFFER_TRANSPORT=filesystem'
	sed -n 2p "$OUT" | grep -qxF "COFFER_BOOTSTRAP=$FILE"
	sed -n 3p "$OUT" | grep -qxE 'COFFER_RUN_ID=[0-9a-f-]{36}'
	lacks "$FILE" token
}

@test "the path that is printed is absolute and can be evaluated" {
	mkdir "$FILES/it's a folder"
	cd "$FILES"
	FILE="it's a folder/f" hand_over
	eval "$(sed -n 2p "$OUT")"
	[[ $COFFER_BOOTSTRAP == "$FILES/it's a folder/f" && -f $COFFER_BOOTSTRAP ]]
	unset COFFER_BOOTSTRAP
}

@test "create --json tells the file instead of socket and token" {
	hand_over --json
	holds 'keys == ["bootstrap","expires_at_ms","run_id","superseded","transport"]'
	holds --arg file "$FILE" '.bootstrap == $file and .transport == "filesystem"'
	rm "$FILE"
	coffer run create --pipeline app --ref main --bootstrap-file "$FILE" --json
	done_silently
	holds 'keys == ["bootstrap","expires_at_ms","run_id","socket","superseded","token"]'
	holds --arg file "$FILE" '.bootstrap == $file and .superseded == 1'
}

@test "the file is the owner's alone and holds what the run may read" {
	put_all
	hand_over --git-dir /g --allow 'APP_*'
	[[ $(stat -c '%a %u %h' "$FILE") == "600 $(id -u) 1" ]]
	cp "$FILE" "$OUT"
	holds --arg run "$RUN" '.version == 1 and .run_id == $run and .git_dir == "/g"'
	holds '.meta == {pipeline: "app", repo: "", ref: "main", sha: "", pushed_at_ms: 0}'
	holds '.secrets == {APP_EMPTY: "", APP_TEXT: "newer"} and .allow == ["APP_*"]'
	[[ $(jq -r .secrets_base64.APP_BINARY "$OUT") == "$(base64 -w0 "$WORK/binary")" ]]
	holds '.secret_info.APP_TEXT | .scope == "pipeline/app" and .version == 2'
	holds '.scopes[1:] == ["pipeline/app", "global"]'
	lacks "$OUT" hunter2
}

@test "to hand a run over is its claim, and the token is nobody's" {
	hand_over
	coffer run show "$RUN" --json
	holds '.state == "active" and .started_at_ms > 0'
	coffer audit
	grep -qE 'Bootstrap OK' "$OUT"
}

@test "with --no-bootstrap there are secrets and nothing to claim" {
	put A value-of-a
	hand_over --no-bootstrap
	coffer run show "$RUN" --json
	holds '.state == "pending"'
	cp "$FILE" "$OUT"
	holds '(has("meta") or has("git_dir")) | not'
	COFFER_TRANSPORT=filesystem COFFER_BOOTSTRAP="$FILE" "$JOB" >"$OUT"
	grep -qx 'claim: NOT_FOUND the run has no bootstrap data' "$OUT"
	grep -q '^0 A global@1 ' "$OUT"
}

@test "over a socket the file tells what the run is about and no value" {
	put A hunter2hunter2
	create_run --bootstrap-file "$FILE" --git-dir /g --extra k=v --sentry-dsn D
	[[ $(wc -l <"$OUT") == 4 ]]
	grep -qxF "COFFER_BOOTSTRAP=$FILE" "$OUT"
	[[ $(stat -c %a "$FILE") == 600 ]]
	lacks "$FILE" hunter2 "$TOKEN"
	cp "$FILE" "$OUT"
	holds --arg run "$RUN" '.run_id == $run and .git_dir == "/g" and .extras == {k: "v"}
		and .sentry.dsn == "D" and .meta.ref == "refs/heads/main"'
	holds 'keys == ["expires_at_ms","extras","git_dir","meta","run_id","sentry","version"]'
	coffer run show "$RUN" --json
	holds '.state == "pending"'
	# The claim is the job's, over the socket; the file is not looked at.
	COFFER_BOOTSTRAP="$FILE" as_run bootstrap --json
	done_silently
	holds '.git_dir == "/g"'
	[[ -f $FILE ]]
	as_run get A
	prints hunter2hunter2
}

@test "the file belongs to the bound uid, which can use it" {
	[[ $(id -u) == 0 ]] || skip "it takes the superuser to give a file away"
	put A value-of-a
	hand_over --bind-uid 4321
	[[ $(stat -c '%a %u' "$FILE") == "600 4321" ]]
	chmod 0711 "$FILES"
	printf '["secret:A"]' >"$WORK/in"
	# Not the bound one's: it is left.
	COFFER_TRANSPORT=filesystem COFFER_BOOTSTRAP="$FILE" coffer resolve "$WORK/in"
	refused 1 "it belongs to another user"
	chown 4321 "$FILES"
	chmod 0755 "$WORK"
	status=0
	setpriv --reuid 4321 --clear-groups env COFFER_TRANSPORT=filesystem \
		COFFER_BOOTSTRAP="$FILE" "$JOB" >"$OUT" 2>"$ERR" || status=$?
	done_silently
	grep -q '^0 A global@1 ' "$OUT"
	[[ ! -e $FILE ]]
}

@test "a file that cannot be given away is removed, and no run is made" {
	[[ $(id -u) == 0 ]] || skip "it takes the superuser to be another"
	coffer run create --pipeline app --ref main --transport filesystem \
		--bootstrap-file "$FILE" --bind-uid 4294967295
	refused 1 "cannot give $FILE to uid 4294967295: "
	[[ ! -e $FILE ]]
	# A daemon of a uid that may give nothing away.
	stop_daemon
	printf '#!/bin/sh\nexec setpriv --reuid 65534 --clear-groups "%s" "$@"\n' "$COFFERD" >"$WORK/cofferd"
	chmod 0755 "$WORK/cofferd" "$WORK"
	chown -R 65534 "$COFFER_HOME" "$FILES"
	COFFERD="$WORK/cofferd" start_daemon
	status=0
	setpriv --reuid 65534 --clear-groups "$COFFER" run create --pipeline app --ref main \
		--transport filesystem --bootstrap-file "$FILE" --bind-uid 4321 \
		>"$OUT" 2>"$ERR" 3>&- || status=$?
	refused 1 "cannot give $FILE to uid 4321: "
	[[ ! -e $FILE ]]
	coffer run ls --json
	holds '. == []'
}

@test "what stands in the way of the file is not touched, and no run is made" {
	printf mine >"$FILE"
	ln -s "$FILES/target" "$FILES/link"
	for path in "$FILE" "$FILES/link" "$FILES" "$FILES/no/folder"; do
		coffer run create --pipeline app --ref main --transport filesystem \
			--bootstrap-file "$path"
		refused 1 "coffer: run create: cannot create $path: "
	done
	[[ $(cat "$FILE") == mine && -L $FILES/link && ! -e $FILES/target ]]
	coffer run ls --json
	holds '. == []'
}

@test "where handing over fails the file is removed and the run revoked" {
	# The runner socket is elsewhere: the run is made, but cannot be asked for.
	COFFER_SOCKET="$WORK/none" coffer run create --pipeline app --ref main \
		--transport filesystem --bootstrap-file "$FILE"
	refused 1 "cannot connect to $WORK/none" "was created and is revoked"
	[[ ! -e $FILE ]]
	coffer run ls --json
	holds 'length == 1 and .[0].state == "cancelled"'
}

@test "a run that cannot be told of is taken back" {
	status=0
	"$COFFER" run create --pipeline app --ref main --transport filesystem \
		--bootstrap-file "$FILE" >/dev/full 2>"$ERR" || status=$?
	[[ $status == 1 ]]
	grep -qF "was created and is revoked" "$ERR"
	[[ ! -e $FILE ]]
}

@test "a file system that keeps what was deleted is warned about, once, and only for values" {
	[[ $(stat -f -c %T "$WORK") != tmpfs ]] || skip "the temporary folder is on tmpfs"
	coffer run create --pipeline app --ref main --transport filesystem \
		--bootstrap-file "$WORK/file"
	[[ $status == 0 && $(wc -l <"$ERR") == 1 ]] || fail "warnings"
	grep -qF "warning: $WORK/file is not on tmpfs" "$ERR"
	coffer run create --pipeline app --ref main --bootstrap-file "$WORK/other"
	done_silently
}

@test "options that do not go together are wrong usage" {
	coffer run create --pipeline app --ref main --transport filesystem
	refused 2 "the filesystem transport needs --bootstrap-file"
	coffer run create --pipeline app --ref main --transport pigeon
	refused 2 "option '--transport' needs socket or filesystem"
	coffer run create --pipeline app --ref main --no-bootstrap --bootstrap-file "$FILE"
	refused 2 "--no-bootstrap leaves nothing for --bootstrap-file"
	[[ ! -e $FILE ]]
}

@test "verbs that a job calls again and again leave the file for the job" {
	put A value-of-a
	hand_over
	for words in "get A" ls bootstrap; do
		as_job $words
		refused 1 "the bootstrap file serves one session"
		[[ -f $FILE ]] || fail "it is gone"
	done
	# It is a run's environment, not an operator's.
	as_job get A --scope global
	refused 2 "are for operators"
}

@test "redact and resolve take the file" {
	put A value-of-a
	printf '["secret:A"]' >"$WORK/in"
	hand_over
	as_job resolve "$WORK/in"
	done_silently
	prints '["value-of-a"]'
	[[ ! -e $FILE ]]
	as_job resolve "$WORK/in"
	refused 1 "$FILE: there is no such file"
	hand_over
	as_job redact < <(printf 'say value-of-a!')
	done_silently
	prints 'say ***REDACTED***!'
	[[ ! -e $FILE ]]
}

@test "exec starts a job with what the file holds" {
	put A value-of-a
	hand_over
	X=secret:A Y=secret:NO as_job exec -- true
	[[ $status == 125 && ! -e $FILE ]] || fail "a missing secret"
	hand_over
	X=secret:A as_job exec --no-redact -- sh -c 'printf "%s/%s" "$X" "${COFFER_BOOTSTRAP-none}"'
	done_silently
	prints value-of-a/none
	[[ ! -e $FILE ]]
}

@test "a URL and a token are enough for a job" {
	put A value-of-a
	create_run
	run_with() { env -u COFFER_HOME "$@" "$COFFER" get A >"$OUT" 2>"$ERR" 3>&- || status=$?; }
	status=0
	run_with SECRETS_API_URL="unix://$SOCKET" SECRETS_API_TOKEN="$TOKEN"
	done_silently
	prints value-of-a
	run_with SECRETS_API_URL=ftp://user:hunter2@host SECRETS_API_TOKEN="$TOKEN"
	refused 1 "SECRETS_API_URL is not of the form unix:///path"
	lacks "$ERR" hunter2 "$TOKEN"
	# A flag and the socket's own variable come first.
	SECRETS_API_URL=https://host COFFER_SOCKET="$SOCKET" SECRETS_API_TOKEN="$TOKEN" \
		coffer get A
	done_silently
	SECRETS_API_URL=https://host SECRETS_API_TOKEN="$TOKEN" coffer --home "$COFFER_HOME" get A
	done_silently
	# Whoever has such a token in the environment is a run, also if it is empty.
	SECRETS_API_TOKEN='' coffer get A
	refused 1 "no token"
	SECRETS_API_TOKEN="$TOKEN" coffer redact < <(printf 'say %s' "$TOKEN")
	done_silently
	prints 'say ***REDACTED***'
}
