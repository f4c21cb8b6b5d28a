# The errors that users meet most say what was wrong, and what to do next. (J5)
load helper

# says STATUS WRONG NEXT WORD...: coffer with these words is refused with that status, in one line that says both.
says() {
	local want=$1 wrong=$2 next=$3
	shift 3
	coffer "$@" </dev/null
	refused "$want" "$wrong" "$next"
	[[ $(wc -l <"$ERR") == 1 ]] || fail "it takes more than a line"
}

# as_nobody WORD...: coffer as a user who may do nothing.
as_nobody() {
	chmod 0755 "$WORK"
	cp "$COFFER" "$WORK/coffer"
	chmod 0755 "$WORK/coffer"
	status=0
	setpriv --reuid 65534 --regid 65534 --clear-groups "$WORK/coffer" "$@" >"$OUT" 2>"$ERR" </dev/null 3>&- || status=$?
}

@test "no daemon: an operator is told how to get one, a job what to look at" {
	stop_daemon
	says 1 "cannot connect to $COFFER_HOME/run/admin.sock: No such file or directory" \
		"start cofferd, after 'coffer init' if there is no store yet, or name the home" get A
	export COFFER_SOCKET="$WORK/none" COFFER_TOKEN=abcdefghijklmnopqrstuvwxyz012345
	for verb in "get A" ls bootstrap redact; do
		says 1 "cannot connect to $WORK/none: No such file or directory" \
			"is cofferd running, and does COFFER_SOCKET name its runner socket?" $verb
	done
}

@test "no store: cofferd says how one is made" {
	status=0
	"$COFFERD" --home "$WORK/empty" >"$OUT" 2>"$ERR" || status=$?
	refused 1 "there is no store at $WORK/empty/coffer.db: run 'coffer init' first"
}

@test "no token: where it is looked for, and who prints it" {
	local where="neither COFFER_TOKEN nor COFFER_TOKEN_FILE nor SECRETS_API_TOKEN is set"
	export COFFER_SOCKET=$COFFER_HOME/run/coffer.sock V=secret:A
	for words in bootstrap redact "resolve /dev/null"; do
		says 1 "$where" "'coffer run create' prints those of a new run" $words
	done
	says 125 "$where" "'coffer run create' prints those of a new run" exec true
}

@test "a refused token: its run may have ended" {
	create_run
	coffer run finish "$RUN" --result succeeded
	export COFFER_SOCKET=$SOCKET COFFER_TOKEN=$TOKEN V=secret:A
	for words in "get A" ls bootstrap redact; do
		says 1 "the token is not valid" "its run may have ended: 'coffer run create' makes another" $words
	done
	coffer exec true
	refused 125 "the token is not valid; its run may have ended"
}

@test "an unknown secret, version, run or service: who lists what there is" {
	put A x
	says 1 "unknown secret 'B'" "'coffer ls' lists names and their scopes" get B
	says 1 "unknown secret 'B'" "'coffer ls' lists names and their scopes" rm B
	says 1 "unknown secret 'B'" "'coffer ls' lists names and their scopes" history B
	says 1 "secret 'A' has no version 9" "'coffer history' versions" rollback A 9
	local none=00000000-0000-7000-8000-000000000000
	says 1 "unknown run '$none'" "'coffer run ls' lists the runs" run show $none
	says 1 "unknown run '$none'" "'coffer run ls' lists the runs" run finish $none --result failed
	says 1 "there is no run of scope 'run/$none'" "'coffer run ls' lists the runs" set A=- --scope run/$none
	says 1 "unknown service 'x'" "'coffer service list --all' lists them" service renew x
	says 1 "unknown run or service '$none'" "'coffer run ls' lists the runs" why A --run $none
	create_run
	export COFFER_SOCKET=$SOCKET COFFER_TOKEN=$TOKEN
	says 1 "unknown secret 'B'" "'coffer ls' lists what this token can read" get B
	says 1 "unknown secret 'B'" "'coffer ls' lists what this token can read" redact --names B
}

@test "a wrong passphrase: which one is meant" {
	printf words | coffer key passphrase
	printf other >"$WORK/words"
	says 1 "the passphrase is wrong" "give the one that was set last" key rotate --passphrase-file "$WORK/words"
	stop_daemon
	status=0
	COFFER_PASSPHRASE=other "$COFFERD" --home "$COFFER_HOME" >"$OUT" 2>"$ERR" || status=$?
	refused 1 "the passphrase is wrong: give the one that was set last"
	status=0
	"$COFFERD" --home "$COFFER_HOME" </dev/null >"$OUT" 2>"$ERR" || status=$?
	refused 1 "the store needs a passphrase: use --passphrase-file"
}

@test "no right to a socket: who has it" {
	[[ $(id -u) == 0 ]] || skip "only the superuser can become another user"
	as_nobody get A
	refused 1 "cannot connect to $COFFER_HOME/run/admin.sock: Permission denied" \
		"operators are the superuser, the daemon's user, and members of the admin_group in coffer.conf(5)"
	chmod 0666 "$COFFER_HOME/run/admin.sock"
	as_nobody get A
	refused 1 "uid 65534 is not an operator" "only the superuser, the daemon's own uid and members of its admin_group are"
	mkdir -m 0700 "$WORK/shut"
	export COFFER_SOCKET="$WORK/shut/coffer.sock" COFFER_TOKEN=abcdefghijklmnopqrstuvwxyz012345
	as_nobody get A
	refused 1 "cannot connect to $WORK/shut/coffer.sock: Permission denied" \
		"the job's user must be able to search the folders above the socket"
}

@test "a version that is not the newest: where it is told" {
	put A one
	put A two
	printf three >"$WORK/value"
	says 1 "secret 'A' is not at the expected version" \
		"look at 'coffer history' and give the newest version to --if-version" \
		set A --file "$WORK/value" --if-version 1
	says 1 "secret 'A' is not at the expected version" "look at 'coffer history'" rm A --if-version 1
}

@test "a name or scope of another form: what form it has" {
	says 1 "the secret's name" "has a character other than letters, digits, '_', '.' and '-'" get 'DB PASSWORD'
	says 1 "the secret's name" "does not begin with a letter or '_'" get 1A
	says 1 "the scope" "is none of global, pipeline/<id>, run/<id> and system/<component>" get A --scope web
	says 1 "the scope is a system scope" "it needs system to be set, as by --system" get A --scope system/vault
	create_run
	export COFFER_SOCKET=$SOCKET COFFER_TOKEN=$TOKEN
	says 1 "the secret's name" "does not begin with a letter or '_'" get 1A
}

@test "a value that is too large: what lets it in" {
	head -c 66000 /dev/zero >"$WORK/value"
	says 1 "the value of 'A' is larger than 65536 bytes" "a value_max in coffer.conf(5) lets larger ones in" \
		set A --file "$WORK/value"
	head -c 99000 /dev/zero >"$WORK/value"
	says 1 "the frame is larger than value_max lets it be, or its length is zero or not in its shortest form" \
		"a value_max in coffer.conf(5) lets larger ones in" set A --file "$WORK/value"
}
