# Expiry and notes of secrets. (E3)
load helper

# gone NAME: returns when that secret is unknown, which is at its expiry.
gone() {
	local end=$((SECONDS + 60))
	while coffer get "$1" && [[ $status == 0 ]]; do
		((SECONDS < end)) || fail "$1 does not expire"
	done
	refused 1 "coffer: get: unknown secret '$1'"
}

@test "a secret with an expiry is as if deleted from then on" {
	put A of-all
	put A own --scope pipeline/app --expires 2s
	put B short --expires 2s
	create_run
	as_run get A
	prints own
	gone B
	coffer get A --scope pipeline/app
	while [[ $status == 0 ]]; do coffer get A --scope pipeline/app; done
	as_run get A
	prints of-all
	coffer ls --json
	holds '[.[] | .scope + .name] == ["globalA"]'
	coffer audit --outcome NOT_FOUND --name B --json
	grep -q '"reason":"expired"' "$OUT" || fail "no reason"
}

@test "the end of a secret leaves a record and a tombstone of its own" {
	put A short --expires 1s
	gone A
	local end=$((SECONDS + 60))
	coffer audit --op ExpireSecrets --json
	while [[ ! -s $OUT ]] && ((SECONDS < end)); do coffer audit --op ExpireSecrets --json; done
	grep -q '"name":"A","version":2' "$OUT" || fail "no record"
	coffer history A
	[[ $(awk '{print $1 ":" $3}' "$OUT" | paste -sd' ') == "2:expired 1:expired" ]] || fail lines
	coffer rollback A 1
	refused 1 "coffer: rollback: version 1 of 'A' is a deletion or has expired"
	coffer get A --version 1
	refused 1
	coffer audit verify
	done_silently
}

@test "an expiry is a duration or a time with its zone" {
	put A x --expires 2031-01-01T00:00:00Z
	put B x --expires 2031-01-01T00:30:00.123+02:00
	put C x --expires 30d
	coffer ls --json
	holds '.[0].expires_at_ms == 1924992000000 and .[1].expires_at_ms == 1924986600000'
	holds --argjson now "$(date +%s)" '(.[2].expires_at_ms / 1000 - $now - 30 * 86400) |
		. < 60 and . > -60'
	coffer ls -l
	grep -q '2031-01-01T00:00:00Z' "$OUT" || fail "ls -l does not tell it"
	for bad in 2031-01-01 2031-01-01T00:00:00 2031-01-01T00:00:00z1 tomorrow 0s 30 -1d \
		2031-01-01T00:00:00+2 2031-1-1T00:00:00Z 99999999999999d; do
		coffer set A --expires "$bad" </dev/null
		refused 2 "option '--expires' needs a duration"
	done
	coffer set A --expires 2001-01-01T00:00:00Z </dev/null
	refused 1 "coffer: set: the expiry of secret 'A' has passed"
	coffer history A --json
	holds 'length == 1'
}

@test "a later version expires only if it is told to" {
	put A x --expires 30d
	put A y
	coffer ls --json
	holds '.[0].expires_at_ms == 0'
	coffer rollback A 1
	coffer ls --json
	holds '.[0].version == 3 and .[0].expires_at_ms > 0'
}

@test "a note is kept by later versions until it is set anew" {
	put A x --note 'what it is for'
	put A y
	coffer ls --json
	holds '.[0].note == "what it is for"'
	coffer ls -l
	grep -qF 'what it is for' "$OUT" || fail "ls -l does not tell it"
	coffer ls
	lacks "$OUT" 'what it is for'
	coffer set A=@/dev/null --note ''
	coffer ls --json
	holds '.[0].note == null'
	coffer history A --json
	holds '[.[].note] == [null, "what it is for", "what it is for"]'
	coffer set A --note $'two\nlines' </dev/null
	refused 1 "coffer: set: the note "
}

@test "no run is told a note" {
	put A x --note 'for operators'
	create_run
	as_run ls --json
	done_silently
	holds '.[0] | keys == ["name","scope","updated_at_ms","version"]'
	as_run ls -l
	refused 2 "--scope, --system and --long are for operators"
}

@test "no note stands on disk in the clear" {
	put A x --note 'sentinel-of-a-note'
	stop_daemon
	! grep -rqF sentinel-of-a-note "$COFFER_HOME" || fail "it does"
}

@test "who writes to the database cannot have a secret live on" {
	local database
	put A of-all
	put A own --scope pipeline/app --expires 1d
	put B with-none
	stop_daemon
	database=$(find "$COFFER_HOME" -name '*.db')
	sqlite3 "$database" "UPDATE secret SET expires_ms = expires_ms * 2 WHERE expires_ms > 0"
	sqlite3 "$database" "UPDATE secret SET expires_ms = 9999999999999 WHERE name = 'B'"
	start_daemon
	create_run
	as_run get A
	refused 1 "the stored record of 'A' is damaged"
	as_run get B
	refused 1 "the stored record of 'B' is damaged"
}
