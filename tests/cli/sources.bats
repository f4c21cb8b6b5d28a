# Secrets whose value is a file of the host. (C8, C3)
load helper

@test "a source is read at each reveal, byte for byte" {
	printf 'one\n' >"$WORK/value"
	coffer set A --source "file:$WORK/value"
	done_silently
	coffer get A
	done_silently
	prints $'one\n'
	create_run
	as_run get A
	prints $'one\n'
	printf 'tw\0o' >"$WORK/new"
	mv "$WORK/new" "$WORK/value"
	as_run get A
	done_silently
	printf 'tw\0o' | cmp - "$OUT"
	coffer history A --json
	holds 'length == 1'
}

@test "a source that is missing is an error of its own, and hides the next scope's" {
	put A of-all
	coffer set A --source "file:$WORK/none" --scope pipeline/app
	done_silently
	create_run
	as_run get A
	refused 1 "coffer: get: the source of secret 'A' cannot be read: No such file or directory"
	lacks "$ERR" "$WORK/none"
	coffer get A --scope pipeline/app
	refused 1 "the source of secret 'A' cannot be read: $WORK/none: No such file or directory"
	coffer audit --name A --outcome FAILED_PRECONDITION --json
	grep -qF "No such file or directory: $WORK/none" "$OUT" || fail "no reason"
	as_run exec --all true
	refused 125 "the source of secret 'A' cannot be read"
	printf here >"$WORK/none"
	as_run get A
	prints here
}

@test "what is no regular file, or too large, is refused and waited for by nobody" {
	mkfifo "$WORK/fifo"
	mkdir "$WORK/dir"
	head -c 65537 /dev/zero >"$WORK/large"
	for path in "$WORK/fifo" "$WORK/dir" /dev/zero; do
		coffer set A --source "file:$path"
		done_silently
		coffer get A
		refused 1 "$path: it is not a regular file"
	done
	coffer set A --source "file:$WORK/large"
	coffer get A
	refused 1 "it is larger than a value may be"
	coffer set A --source file:/proc/self/environ
	coffer get A
	refused 1 "the source of secret 'A' cannot be read"
	ln -s "$WORK/target" "$WORK/link"
	printf linked >"$WORK/target"
	coffer set A --source "file:$WORK/link"
	coffer get A
	prints linked
}

@test "operators see where a value comes from, runs do not" {
	printf x >"$WORK/value"
	coffer set A --source "file:$WORK/value"
	coffer ls --json
	holds --arg source "file:$WORK/value" '.[0].source == $source'
	coffer ls -l
	grep -qF "file:$WORK/value" "$OUT" || fail "ls -l does not tell it"
	coffer history A
	grep -qF "file:$WORK/value" "$OUT" || fail "history does not tell it"
	create_run
	as_run ls --json
	lacks "$OUT" "$WORK"
}

@test "a value replaces a source, a source a value, and rollback either" {
	printf from-file >"$WORK/value"
	put A plain
	coffer set A --source "file:$WORK/value"
	coffer get A
	prints from-file
	put A again
	coffer get A
	prints again
	coffer ls --json
	holds '.[0].source == null'
	coffer rollback A 2
	coffer get A
	prints from-file
	coffer get A --version 1
	prints plain
	printf newer >"$WORK/value"
	coffer get A --version 2
	prints newer
}

@test "what is no source is refused when it is set" {
	for bad in "$WORK/value" file:relative "file:$WORK/../x" http://x file:; do
		coffer set A --source "$bad"
		refused 1 "coffer: set: the source of secret 'A' "
	done
	coffer set A - --source file:/x </dev/null
	refused 2 "takes no value with --source"
	coffer set A --file x --source file:/x
	refused 2 "takes no value with --source"
	coffer set A=x --source file:/x
	refused 2 "takes --source with one NAME alone"
	coffer ls --json
	holds '. == []'
}

@test "with source_dirs only files below them are sources, also where links lead" {
	stop_daemon
	mkdir "$WORK/inner" "$WORK/outer"
	printf inside >"$WORK/inner/value"
	printf outside >"$WORK/outer/value"
	ln -s "$WORK/outer/value" "$WORK/inner/link"
	printf 'source_dirs = %s\n' "$WORK/inner" >"$COFFER_HOME/coffer.conf"
	start_daemon
	coffer set A --source "file:$WORK/inner/value"
	done_silently
	coffer get A
	prints inside
	coffer set A --source "file:$WORK/outer/value"
	refused 1 "is in none of the folders of source_dirs"
	coffer set A --source "file:$WORK/inner/link"
	done_silently
	coffer get A
	refused 1 "$WORK/inner/link: Permission denied"
}
