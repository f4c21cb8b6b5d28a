# audit and status. (H1 to H3, J5)
load helper

@test "audit prints a line a record: time, operation, outcome, who and what" {
	put A hunter2
	coffer get A
	coffer get NOTHING
	coffer audit
	done_silently
	grep -qE "^[0-9-]{10}T[0-9:.]+Z PutSecret OK uid=$(id -u) pid=[0-9]+ .*global/A@1" "$OUT" ||
		fail "no PutSecret"
	grep -qE "RevealSecret OK .*global/A@1" "$OUT" || fail "no RevealSecret"
	grep -qE "RevealSecret NOT_FOUND .*global/NOTHING" "$OUT" || fail "no failed RevealSecret"
	lacks "$OUT" hunter2
}

@test "audit --json prints the records as they stand" {
	put A x
	create_run
	as_run get A
	coffer audit --json
	done_silently
	jq -es 'all(.[]; has("seq") and has("time") and has("op") and has("outcome") and has("mac"))
		and ([.[].seq] | . == [range(1; length + 1)])' <"$OUT"
	jq -es --arg run "$RUN" 'map(select(.op == "GetSecret")) | length == 1 and .[0].run == $run
		and .[0].scope == "global" and .[0].name == "A" and .[0].version == 1' <"$OUT"
	lacks "$OUT" "$TOKEN"
}

@test "a long audit log comes whole" {
	put A x
	create_run
	for i in {1..300}; do
		"$COFFER" get A >/dev/null 3>&-
	done
	coffer audit --json
	done_silently
	jq -es '[.[].seq] | length > 300 and . == [range(1; length + 1)]' <"$OUT"
	coffer audit
	done_silently
	[[ $(grep -c 'RevealSecret OK' "$OUT") == 300 ]]
}

@test "audit verify confirms a log that stands" {
	put A x
	coffer audit verify
	done_silently
	grep -qxE 'audit verified: [1-9][0-9]* records \(1 to [0-9]+\)' "$OUT" || fail "wrong line"
}

@test "audit verify finds an edited record" {
	put A x
	put B x
	stop_daemon
	file=$(find "$COFFER_HOME" -name '*.jsonl' | sort | head -n 1)
	sed -i '0,/"name":"A"/s//"name":"Z"/' "$file"
	start_daemon
	coffer audit verify
	refused 1 "coffer: audit verify:"
}

@test "status tells how the daemon is" {
	put A x
	coffer status
	done_silently
	grep -qE '^server +cofferd/' "$OUT"
	grep -qE '^audit +record [0-9]+, writable$' "$OUT"
	coffer status --json
	done_silently
	holds 'keys == ["arena_size","arena_used","audit_seq","audit_writable","cipher",
		"connections","methods","revision","server","started_at_ms"]'
	holds '.revision == 1 and .audit_writable and .connections >= 1 and .arena_size > 0'
	holds '.methods[] | select(.method == "PutSecret") | .calls == 1 and .errors == 0'
}
