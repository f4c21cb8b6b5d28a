# why: where a secret comes from, or why it cannot be read. (C2, A1, A8)
load helper

@test "a run is told the scope that answers, and what the ones before lack" {
	put A value
	create_run
	as_run why A
	done_silently
	sed -n 1p "$OUT" | grep -qxF "A: found in global"
	sed -n 2p "$OUT" | grep -qxF "  run/$RUN: has no such secret"
	sed -n 3p "$OUT" | grep -qxF "  pipeline/app: has no such secret"
	sed -n 4p "$OUT" | grep -qxE '  global: version 1 of [0-9]{4}-[0-9T:-]+Z'
	[[ $(wc -l <"$OUT") == 4 ]]
	lacks "$OUT" value
}

@test "an operator asks for a run or a service, and for one of them" {
	put A value
	create_run
	coffer why A --run "$RUN"
	sed -n 1p "$OUT" | grep -qxF "A: found in global"
	coffer service create ci --scope global
	coffer why A --service ci
	sed -n 1p "$OUT" | grep -qxF "A: found in global"
	coffer why A
	refused 2 "needs either --run or --service"
	coffer why A --run "$RUN" --service ci
	refused 2 "needs either --run or --service"
	coffer why A --service nobody
	refused 1 "unknown service 'nobody'"
	coffer why
	refused 2 "needs NAME"
	as_run why A --run "$RUN"
	refused 2 "for operators"
}

@test "what is deleted, expired, not allowed, unknown or ended is said so" {
	put A value --scope pipeline/app
	"$COFFER" rm A --scope pipeline/app
	create_run --allow 'A*' --allow B
	as_run why A
	done_silently
	grep -qxF "A: not found: none of the scopes has it" "$OUT"
	grep -qxE '  pipeline/app: deleted, as version 2 at [0-9T:-]+Z' "$OUT" || fail "not said"
	as_run why C
	prints "C: not allowed: the token is for A* B
"
	coffer run finish "$RUN" --result failed
	coffer why A --run "$RUN"
	grep -qxF "A: no token to read it with: finished" "$OUT" || fail "not said"
	as_run why A
	refused 1 "the token is not valid"
}

@test "why --json has stable fields" {
	put A value
	create_run --allow 'A*'
	as_run why A --json
	done_silently
	holds 'keys == ["allow","expires_at_ms","name","outcome","scopes","state"]'
	holds '.name == "A" and .outcome == "found" and .allow == ["A*"] and .state == "live"'
	holds '.scopes | map(keys) | unique == [["expires_at_ms","from_file","outcome","scope",
		"updated_at_ms","version"]]'
	holds '.scopes | map(.outcome) == ["lacks","lacks","has"]'
	as_run why B --json
	holds '.outcome == "not allowed" and .scopes == []'
}
