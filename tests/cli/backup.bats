# backup and restore. (G5)
load helper

@test "a backup is written once, private, and whole" {
	put NAME value
	coffer backup "$WORK/backup"
	done_silently
	grep -qE "^$WORK/backup: [0-9]+ bytes, 1 secrets, 1 versions, 0 runs, up to audit record [0-9]+\$" "$OUT" ||
		fail "not told"
	[[ $(stat -c %a "$WORK/backup") == 600 ]] || fail "its mode"
	[[ $(sed -nE 's/.*: ([0-9]+) bytes.*/\1/p' "$OUT") == $(stat -c %s "$WORK/backup") ]] ||
		fail "its size"
	cp "$WORK/backup" "$WORK/copy"
	coffer backup "$WORK/backup"
	refused 1 "cannot write '$WORK/backup': File exists"
	cmp "$WORK/backup" "$WORK/copy"
	coffer backup --force "$WORK/backup"
	done_silently
	! cmp -s "$WORK/backup" "$WORK/copy" || fail "it was not replaced"
	coffer audit --op FinishBackup --json
	[[ $(wc -l <"$OUT") == 2 ]] || fail "not recorded"
	compgen -G "$WORK/*unfinished*" >/dev/null && fail "something is left"
	true
}

@test "a backup that cannot be written leaves nothing" {
	coffer backup "$WORK/nowhere/backup"
	refused 1 "cannot make '$WORK/nowhere/backup': No such file or directory"
	stop_daemon
	coffer backup "$WORK/backup"
	refused 1
	[[ ! -e $WORK/backup ]] || fail "there is a file"
	coffer backup
	refused 2 "FILE"
	coffer restore
	refused 2 "FILE"
}

@test "a restore brings back what the backup held, and refuses a running daemon" {
	put NAME before
	coffer backup "$WORK/backup"
	done_silently
	put NAME after
	coffer restore "$WORK/backup"
	refused 1 "in use by pid $DAEMON"
	coffer restore --check "$WORK/backup"
	done_silently
	grep -qF "1 secrets, 1 versions, 0 runs; everything opens" "$OUT" || fail "not told"
	stop_daemon
	coffer restore "$WORK/backup"
	done_silently
	grep -qF "restored to $COFFER_HOME" "$OUT" || fail "not told"
	start_daemon
	coffer get NAME
	prints before
	coffer audit verify
	done_silently
}

@test "a restore hands its options to the daemon's program" {
	mkdir "$WORK/bin"
	cp "$COFFER" "$WORK/bin/coffer"
	printf '#!/bin/sh\nprintf "%%s\\n" "$@"\n' >"$WORK/bin/cofferd"
	chmod 0755 "$WORK/bin/cofferd"
	"$WORK/bin/coffer" --home /h restore f --key-file /k >"$OUT"
	prints $'--home=/h\n--key-file=/k\n--restore=f\n'
	"$WORK/bin/coffer" --home /h restore --check f --passphrase-file - >"$OUT"
	prints $'--home=/h\n--passphrase-file=-\n--check-backup=f\n'
	"$WORK/bin/coffer" --home /h restore --skip-damaged f >"$OUT"
	prints $'--home=/h\n--restore=f\n--skip-damaged\n'
}

@test "what is no file is not replaced by a backup" {
	mkfifo "$WORK/fifo"
	coffer backup --force "$WORK/fifo"
	refused 1 "it is not a regular file"
	[[ -p $WORK/fifo ]]
	ln -s "$WORK/nowhere" "$WORK/link"
	coffer backup "$WORK/link"
	refused 1 "File exists"
}

@test "a damaged record is told by backup, named by restore, and done without on request" {
	put NAME first
	put NAME second
	stop_daemon
	sqlite3 "$COFFER_HOME/coffer.db" "UPDATE secret SET sealed = zeroblob(length(sealed)) WHERE version = 1"
	start_daemon
	coffer backup "$WORK/backup"
	[[ $status == 0 ]] || fail "no backup of the others"
	grep -qF "1 records in the store do not open" "$ERR" || fail "not told"
	grep -qF "version 1 of 'NAME' in global does not open" "$WORK/log" || fail "not named"
	stop_daemon
	coffer restore "$WORK/backup"
	refused 1 "version 1 of 'NAME' in global does not open" "nothing was changed" "--skip-damaged"
	coffer restore "$WORK/backup" --skip-damaged
	[[ $status == 0 ]] || fail "not restored"
	grep -qF "all but 1 open" "$OUT" || fail "not told"
	start_daemon
	coffer get NAME
	prints second
	coffer audit --op Restore --json
	holds '.secrets == [{"scope": "global", "name": "NAME", "version": 1}]'
}
