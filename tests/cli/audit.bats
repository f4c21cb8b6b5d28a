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

# numbers: the sequence numbers on standard output, in one line.
numbers() {
	jq -s -c '[.[].seq]' <"$OUT"
}

@test "audit shows the records that match every filter" {
	put A x
	put B x
	coffer get A
	coffer get NOTHING
	create_run
	as_run get A
	as_run get NOTHING
	coffer audit --json --name A
	done_silently
	jq -es 'map([.op, .name]) == [["PutSecret","A"],["RevealSecret","A"],["GetSecret","A"]]' <"$OUT"
	coffer audit --json --run "$RUN"
	done_silently
	jq -es --arg run "$RUN" '(map(.op) | unique) == ["CreateRun","GetSecret","Hello"]
		and all(.[]; .run == $run)' <"$OUT"
	coffer audit --json --run "$RUN" --name A --op GetSecret
	done_silently
	jq -es 'length == 1 and .[0].outcome == "OK"' <"$OUT"
	coffer audit --json --outcome not_found
	done_silently
	jq -es 'length == 2 and all(.[]; .name == "NOTHING")' <"$OUT"
	coffer audit --op PutSecret
	done_silently
	[[ $(grep -c ' PutSecret OK ' "$OUT") == 2 && $(wc -l <"$OUT") == 2 ]] || fail "not the two"
	coffer audit --op Nothing
	done_silently
	prints ''
}

@test "audit --since leaves out what is older" {
	put A x
	put B x
	coffer audit --since 1h
	done_silently
	[[ $(wc -l <"$OUT") == 2 ]] || fail "not both"
	# Sooner or later both are older than a second.
	SECONDS=0
	until [[ ! -s $OUT ]]; do
		((SECONDS < 60)) || fail "they never grow old"
		coffer audit --since 1s
		done_silently
	done
	coffer audit --since 36500d --json
	done_silently
	[[ $(numbers) == "[1,2]" ]] || fail "not both"
	coffer audit --since tomorrow
	refused 2 "a duration like"
	coffer audit --since 0s
	refused 2 "a duration like"
}

@test "audit -n shows the last of those that match" {
	for name in A B C D E; do
		put "$name" x
		coffer get NOTHING
	done
	coffer audit --json -n 3
	done_silently
	[[ $(numbers) == "[8,9,10]" ]] || fail "not the last three"
	coffer audit --json -n 2 --op PutSecret
	done_silently
	[[ $(numbers) == "[7,9]" ]] || fail "not the last two"
	coffer audit --json -n 100
	done_silently
	[[ $(numbers) == "[1,2,3,4,5,6,7,8,9,10]" ]] || fail "not all"
	coffer audit -n 1
	done_silently
	grep -q 'RevealSecret NOT_FOUND' "$OUT" || fail "not the last one"
	coffer audit -n 0
	done_silently
	prints ''
	coffer audit -n
	refused 2 "option '-n' needs a value"
	coffer audit -n many
	refused 2 "option '-n' needs a number"
}

@test "audit refuses what no record can be like" {
	coffer audit --run 7
	refused 1 "UUID"
	coffer audit --name 'A B'
	refused 1 "name"
	coffer audit --outcome FINE
	refused 2 "there is no outcome 'FINE'"
	coffer audit extra
	refused 2 "too many arguments"
}

@test "audit --follow goes on until nobody reads any more" {
	put A x
	mkfifo "$WORK/pipe"
	"$COFFER" audit --follow >"$WORK/pipe" 2>"$ERR" 3>&- &
	follower=$!
	exec 5<"$WORK/pipe"
	IFS= read -r -t 60 line <&5
	[[ $line == *" PutSecret OK "* ]]
	put B x
	IFS= read -r -t 60 line <&5
	[[ $line == *" PutSecret OK "*/B@1 ]]
	exec 5<&-
	wait "$follower" || true
	[[ ! -s $ERR ]]
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

@test "audit verify compares with a checkpoint that was kept" {
	put A x
	coffer audit checkpoint
	done_silently
	holds 'keys == ["mac","seq","store","time"] and .seq == 1 and (.mac | test("^[0-9a-f]{64}$"))'
	cp "$OUT" "$WORK/checkpoint"
	put B x
	coffer audit verify --checkpoint "$WORK/checkpoint"
	done_silently
	prints $'audit verified: 2 records (1 to 2)\nrecord 1 is the one of the checkpoint\n'
	coffer audit verify --checkpoint - <"$WORK/checkpoint"
	done_silently
	jq -c '.mac = ("0" * 64)' <"$WORK/checkpoint" >"$WORK/other"
	coffer audit verify --checkpoint "$WORK/other"
	refused 1 "record 1 is not the one of the checkpoint"
	jq -c '.seq = 9' <"$WORK/checkpoint" >"$WORK/other"
	coffer audit verify --checkpoint "$WORK/other"
	refused 1 "the log ends with record 2, and the checkpoint is of record 9"
	jq -c '.store = "00000000-0000-0000-0000-000000000000"' <"$WORK/checkpoint" >"$WORK/other"
	coffer audit verify --checkpoint "$WORK/other"
	refused 1 "the checkpoint is of another store's log"
}

@test "what is no checkpoint is refused" {
	put A x
	coffer audit checkpoint
	cp "$OUT" "$WORK/checkpoint"
	for change in 'del(.seq)' '.seq = 0' '.seq = -1' '.seq = "1"' 'del(.mac)' '.mac = "00"' \
		'.mac |= ascii_upcase' '.mac |= .[1:] + "g"' 'del(.store)' '.store = ""' '[.]'; do
		jq -c "$change" <"$WORK/checkpoint" >"$WORK/other"
		cmp -s "$WORK/checkpoint" "$WORK/other" && continue
		coffer audit verify --checkpoint "$WORK/other"
		refused 1 "is not a checkpoint"
	done
	: >"$WORK/other"
	coffer audit verify --checkpoint "$WORK/other"
	refused 1 "is not a checkpoint"
	coffer audit verify --checkpoint "$WORK/nothing"
	refused 1 "cannot read"
}

@test "audit checkpoint writes a new file, and spoils no older one" {
	coffer audit checkpoint
	refused 1 "there is no record yet"
	put A x
	coffer audit checkpoint --out "$WORK/checkpoint"
	done_silently
	prints ''
	jq -e '.seq == 1' <"$WORK/checkpoint"
	[[ $(wc -l <"$WORK/checkpoint") == 1 ]]
	cp "$WORK/checkpoint" "$WORK/copy"
	put B x
	coffer audit checkpoint --out "$WORK/checkpoint"
	refused 1 "cannot make"
	cmp "$WORK/checkpoint" "$WORK/copy"
	coffer audit checkpoint --out "$WORK/no/such/folder"
	refused 1 "cannot make"
	coffer audit verify --checkpoint "$WORK/copy"
	done_silently
}

@test "audit checkpoint gives none of a log that does not stand" {
	put A x
	put B x
	stop_daemon
	sed -i '0,/"name":"A"/s//"name":"Z"/' "$COFFER_HOME"/audit/*.jsonl
	start_daemon
	coffer audit checkpoint --out "$WORK/checkpoint"
	refused 1 "was altered"
	[[ ! -e $WORK/checkpoint ]]
}

@test "status tells how the daemon is" {
	put A x
	create_run
	coffer service create deployer --scope global
	coffer status
	done_silently
	grep -qE '^server +cofferd/[0-9.]+, protocol 1, schema [0-9]+$' "$OUT"
	grep -qE '^libraries +SQLite [0-9.]+, libsodium [0-9.]+$' "$OUT"
	grep -qE '^secrets +1 in 1 versions$' "$OUT"
	grep -qE '^live +1 runs, 1 services$' "$OUT"
	grep -qE '^PutSecret +1 +0 +[0-9]+ +[0-9]+ +[0-9]+$' "$OUT"
	[ "$(grep -c '^RollbackSecret' "$OUT")" -eq 0 ]
	grep -qE '^audit +record [0-9]+, writable$' "$OUT"
	coffer status --json
	done_silently
	holds 'keys == ["arena_peak","arena_size","arena_used","audit_bytes","audit_delays",
		"audit_oldest_seq","audit_seq","audit_writable","backup_at_ms","cipher","connections",
		"key_epoch","key_rotating","libsodium","methods","protocol","revision","runs_live","schema",
		"secrets","server","services_live","sqlite","started_at_ms","store_bytes","uptime_ms","versions"]'
	holds '.secrets == 1 and .versions == 1 and .runs_live == 1 and .services_live == 1'
	holds '.store_bytes > 4096 and .audit_bytes > 100 and .audit_oldest_seq == 1'
	holds '.arena_peak >= .arena_used and .arena_size > .arena_peak and .uptime_ms >= 0'
	holds '.methods[] | select(.method == "PutSecret") | .p50_us > 0 and .p50_us <= .p90_us
		and .p90_us <= .p99_us and .total_us > 0'
	holds '.revision == 2 and .audit_writable and .connections >= 1 and .arena_size > 0'
	holds '.methods[] | select(.method == "PutSecret") | .calls == 1 and .errors == 0'
}
