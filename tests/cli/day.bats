# A day in the life of an operator, one case after the other on one home, while jobs read all the time: import with
# migration, a service, runs, rotation of a value, of what opens the store and of the root key, backup, the loss of the
# home, restore; and the audit log stands over all of it. (D3, E2, E3, G4, G5, H2)
load helper

# The cases are processes of their own: what they share are files in WORK.
setup_file() {
	setup_home
	export WORK PATH OUT ERR
}

setup() {
	[[ ! -e $WORK/failed ]] || skip "the day is over"
	unset COFFER_SOCKET COFFER_TOKEN
}

teardown() {
	[[ -n ${BATS_TEST_COMPLETED-} ]] || touch "$WORK/failed"
}

teardown_file() {
	for name in reader1 reader2 daemon; do
		[[ ! -e $WORK/$name ]] || end "$name" KILL
	done
	rm -rf "$WORK"
}

# begin NAME COMMAND...: in the background, under a parent that outlives the case and tells its exit status.
begin() {
	local name=$1
	shift
	rm -f "$WORK/$name.ended"
	mkfifo "$WORK/$name.ended"
	(
		"$@" &
		echo "$!" >"$WORK/$name"
		code=0
		wait "$!" || code=$?
		echo "$code" >"$WORK/$name.ended"
	) >/dev/null 3>&- &
}

# end NAME SIGNAL: sends it to that process, and prints its exit status.
end() {
	kill "-$2" "$(cat "$WORK/$1")"
	timeout 60 cat "$WORK/$1.ended"
	rm "$WORK/$1"
}

run_daemon() {
	exec "$COFFERD" --home "$COFFER_HOME" 2>"$WORK/log.fifo"
}

begin_daemon() {
	local line
	rm -f "$WORK/log.fifo"
	mkfifo "$WORK/log.fifo"
	begin daemon run_daemon
	exec 4<"$WORK/log.fifo"
	while IFS= read -r -t 60 line <&4; do
		printf '%s\n' "$line" >>"$WORK/log"
		[[ $line != *ready* ]] || break
	done
	[[ $line == *ready* ]] || fail "it does not start: $(cat "$WORK/log")"
	cat <&4 >>"$WORK/log" 3>&- &
	exec 4<&-
}

# A job that reads until it is told to end: a line for each value, and one for each refusal.
read_on() {
	local over='' value
	trap 'over=1' TERM
	while [[ -z $over ]]; do
		if value=$("$COFFER" get NUMBER 2>>"$1.refused"); then
			printf '%s\n' "$value" >>"$1.read"
		fi
	done
}

begin_readers() {
	local number
	as_job
	for number in 1 2; do
		: >"$WORK/job$number.read"
		: >"$WORK/job$number.refused"
		begin "reader$number" read_on "$WORK/job$number"
	done
	unset COFFER_SOCKET COFFER_TOKEN
}

# The environment of the run that was made in the morning.
as_job() {
	COFFER_SOCKET="$COFFER_HOME/run/coffer.sock"
	COFFER_TOKEN=$(cat "$WORK/token")
	export COFFER_SOCKET COFFER_TOKEN
}

# read_by_all VALUE: waits until each reader has read it.
read_by_all() {
	local number
	for number in 1 2; do
		timeout 60 tail -n +1 -s 0.02 -f "$WORK/job$number.read" | grep -qxm1 "$1" ||
			fail "reader $number has not read $1"
	done
}

# Each has read numbers that never go back, up to the one of now.
readers_are_right() {
	local number
	for number in 1 2; do
		sort -nc "$WORK/job$number.read" || fail "reader $number has read an older value"
		[[ $(tail -n 1 "$WORK/job$number.read") == "$1" ]] || fail "reader $number ended elsewhere"
		[[ ! -s $WORK/job$number.refused ]] || fail "refused: $(head -n 3 "$WORK/job$number.refused")"
	done
}

status_is() {
	coffer status --json
	done_silently
	holds "$1"
}

@test "in the morning a home is made, and a daemon runs on it" {
	coffer init
	[[ $status == 0 ]] || fail "init"
	begin_daemon
	status_is '.audit_writable and .key_epoch == 1 and .backup_at_ms == 0'
}

@test "a flat store is imported, and what belongs to the system moves there" {
	cat >"$WORK/flat" <<-'ENV'
		NPM_TOKEN=for the registry of packages
		NUMBER=1
		BEARER_TOKEN_EDGE=for the edge
		OAUTH_CLIENT_SECRET_LOGIN=for the login
		BUILD_AUTH_FILE_FARM=for the farm
		REGISTRY_OAUTH_HUB=for the hub
	ENV
	coffer import --format dotenv "$WORK/flat"
	done_silently
	prints $'6 written, 0 unchanged, 0 skipped\n'
	rm "$WORK/flat"
	coffer migrate --dry-run
	grep -qxF "4 to move, 0 left as they are" "$OUT" || fail "not told"
	coffer migrate
	done_silently
	grep -qxF "4 moved, 0 left as they are" "$OUT" || fail "not moved"
	coffer ls --json
	holds '[.[].name] == ["NPM_TOKEN", "NUMBER"]'
	coffer ls --system --json
	holds '[.[] | select(.scope | startswith("system/")) | .scope + ":" + .name] == ["system/registry:REGISTRY_OAUTH_HUB",
		"system/workloads:BEARER_TOKEN_EDGE", "system/workloads:BUILD_AUTH_FILE_FARM",
		"system/workloads:OAUTH_CLIENT_SECRET_LOGIN"]'
}

@test "a service gets its component's secrets and no other's" {
	coffer service create dispatcher --scope system/workloads
	done_silently
	SOCKET="$COFFER_HOME/run/coffer.sock" TOKEN=$(sed -n 's/^COFFER_TOKEN=//p' "$OUT")
	printf '%s' "$TOKEN" >"$WORK/service"
	as_run get BEARER_TOKEN_EDGE
	prints "for the edge"
	as_run get REGISTRY_OAUTH_HUB
	refused 1 "unknown secret 'REGISTRY_OAUTH_HUB'"
}

@test "a run gets its secrets, its output is redacted, and its token ends with it" {
	create_run
	as_run bootstrap
	done_silently
	as_run exec --set KEY=NPM_TOKEN -- sh -c 'echo "with $KEY"; exit 7'
	[[ $status == 7 ]] || fail "not the command's status"
	lacks "$OUT" "for the registry"
	as_run get BEARER_TOKEN_EDGE
	refused 1 "unknown secret 'BEARER_TOKEN_EDGE'"
	coffer run finish "$RUN" --result succeeded
	done_silently
	as_run get NPM_TOKEN
	refused 1
	coffer run show "$RUN" --json
	holds '.state == "succeeded"'
}

@test "a value is rotated while jobs read it, and can be rolled back" {
	create_run --ttl 24h
	printf '%s' "$TOKEN" >"$WORK/token"
	printf '%s' "$RUN" >"$WORK/run"
	begin_readers
	read_by_all 1
	for number in {2..8}; do
		put NUMBER "$number"
	done
	read_by_all 8
	coffer history NUMBER --json
	holds '[.[].version] == [8, 7, 6, 5, 4, 3, 2, 1]'
	put NPM_TOKEN "a mistake"
	coffer rollback NPM_TOKEN 1
	done_silently
	coffer get NPM_TOKEN
	prints "for the registry of packages"
}

@test "a passphrase takes the key file's place while jobs read" {
	printf 'correct horse\n' >"$WORK/passphrase"
	chmod 0600 "$WORK/passphrase"
	coffer key passphrase --passphrase-file "$WORK/passphrase"
	done_silently
	put NUMBER 9
	read_by_all 9
	rm "$COFFER_HOME/key"
}

@test "the root key is rotated while jobs read" {
	coffer key rotate --passphrase-file "$WORK/passphrase" --wait
	done_silently
	status_is '.key_epoch == 2 and (.key_rotating | not)'
	put NUMBER 10
	read_by_all 10
}

@test "a backup is made while jobs read, and could be restored" {
	coffer backup "$WORK/backup"
	done_silently
	grep -qE ': [0-9]+ bytes, 6 secrets, 25 versions, 2 runs, up to' "$OUT" || fail "not told"
	COFFER_PASSPHRASE="correct horse" coffer restore --check "$WORK/backup"
	done_silently
	grep -qF "everything opens" "$OUT" || fail "not told"
	status_is '.backup_at_ms > 0'
	coffer audit checkpoint
	done_silently
	cp "$OUT" "$WORK/checkpoint"
	put LATE "of after the backup"
}

@test "no job was refused all day, or read an older value, or anything without a record" {
	[[ $(end reader1 TERM) == 0 && $(end reader2 TERM) == 0 ]] || fail "a reader"
	readers_are_right 10
	coffer audit --run "$(cat "$WORK/run")" --op GetSecret --outcome OK --json
	[[ $(wc -l <"$OUT") == $(cat "$WORK"/job?.read | wc -l) ]] || fail "not as many records as reads"
	coffer audit verify
	done_silently
}

@test "the home is lost" {
	[[ $(end daemon KILL) == 137 ]] || fail "it has ended before"
	rm -r "$COFFER_HOME"
	coffer status
	refused 1
}

@test "in the evening the backup is restored, and everything of its moment is there" {
	coffer restore "$WORK/backup" --passphrase-file /dev/null
	[[ $status == 1 && ! -e $COFFER_HOME ]] || fail "without its passphrase"
	coffer restore "$WORK/backup" --passphrase-file "$WORK/passphrase"
	done_silently
	grep -qF "restored to $COFFER_HOME" "$OUT" || fail "not told"
	COFFER_PASSPHRASE="correct horse" begin_daemon
	status_is '.audit_writable and .key_epoch == 2 and (.key_rotating | not)'
	coffer get NUMBER
	prints 10
	coffer get NPM_TOKEN --version 2
	prints "a mistake"
	coffer get LATE
	refused 1 "unknown secret 'LATE'"
	SOCKET="$COFFER_HOME/run/coffer.sock" TOKEN=$(cat "$WORK/service")
	as_run get OAUTH_CLIENT_SECRET_LOGIN
	prints "for the login"
}

@test "jobs go on with the tokens that they have" {
	begin_readers
	put NUMBER 11
	read_by_all 11
	[[ $(end reader1 TERM) == 0 && $(end reader2 TERM) == 0 ]] || fail "a reader"
	readers_are_right 11
	coffer run revoke "$(cat "$WORK/run")"
	done_silently
	as_job
	coffer get NUMBER
	refused 1
}

@test "at night the audit log stands, from the first record to the last" {
	coffer audit verify
	done_silently
	coffer audit --json
	holds -s '[.[].seq] == [range(1; length + 1)]'
	holds -s '[.[] | select(.outcome == "OK") | .op] as $done | ["PutSecret", "Migrate", "CreateService", "CreateRun",
		"Bootstrap", "FinishRun", "RollbackSecret", "RewrapKey", "RotateKey", "EndRotation", "BeginBackup",
		"Restore", "RevokeGrant"] - $done == []'
	holds -s '[.[] | select(.op == "Restore")] | length == 1 and (.[0].reason | startswith("from the backup of "))'
	coffer audit verify --checkpoint "$WORK/checkpoint"
	refused 1
	[[ $(end daemon TERM) == 0 ]] || fail "it does not end in order"
}
