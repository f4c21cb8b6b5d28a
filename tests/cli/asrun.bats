# get, ls and bootstrap with a run's token in the environment. (A5 to A7, B1, C2, C3, J1)
load helper

@test "a run reads its own, its pipeline's and the global secrets, in that order" {
	put A global
	put B global
	put C global
	put B pipeline --scope pipeline/app
	put C pipeline --scope pipeline/app
	printf run >"$WORK/run"
	create_run --secret C=@"$WORK/run"
	for pair in A:global B:pipeline C:run; do
		as_run get "${pair%:*}"
		done_silently
		prints "${pair#*:}"
	done
	as_run ls --json
	done_silently
	holds --arg run "run/$RUN" '[.[] | [.name, .scope]] ==
		[["A","global"],["B","pipeline/app"],["C",$run]]'
	holds '.[0] | keys == ["name","scope","updated_at_ms","version"]'
	as_run ls
	done_silently
	[[ $(awk '{print $2}' "$OUT" | paste -sd' ') == "A B C" ]] || fail "lines"
}

@test "a run does not see other pipelines, other runs nor the system" {
	put OTHER x --scope pipeline/web
	put SYS x --scope system/registry --system
	create_run
	for name in OTHER SYS; do
		as_run get "$name"
		refused 1 "coffer: get: unknown secret '$name'"
	done
	as_run ls --json
	holds '. == []'
}

@test "a run reads binary values byte for byte" {
	head -c 65536 /dev/urandom >"$WORK/value"
	coffer set A --file "$WORK/value"
	create_run
	as_run get A
	done_silently
	cmp "$WORK/value" "$OUT"
}

@test "a name outside --allow is refused" {
	put AWS_KEY x
	put DB x
	create_run --allow 'AWS_*'
	as_run get AWS_KEY
	done_silently
	as_run get DB
	refused 1 "coffer: get:"
	as_run ls --json
	holds '[.[].name] == ["AWS_KEY"]'
}

@test "a wrong token, one that is none and an empty one are refused" {
	put A x
	create_run
	TOKEN=00000000000000000000000000000000 as_run get A
	refused 1 "coffer: get:"
	TOKEN=swordfish as_run get A
	refused 1 "coffer: get:"
	lacks "$ERR" swordfish
	# An operator with an empty token in the environment is a run that lost its token.
	COFFER_TOKEN='' coffer get A
	refused 1 "coffer: get:"
}

@test "the token may come from a file" {
	put A x
	create_run
	printf '%s\n' "$TOKEN" >"$WORK/token"
	chmod 0600 "$WORK/token"
	COFFER_TOKEN_FILE="$WORK/token" coffer get A
	done_silently
	prints x
	COFFER_TOKEN_FILE="$WORK/none" coffer get A
	refused 1 "coffer: get:"
}

@test "COFFER_RUN_ID must be the token's run" {
	put A x
	create_run
	COFFER_RUN_ID=$RUN as_run get A
	done_silently
	COFFER_RUN_ID=00000000-0000-7000-8000-000000000000 as_run get A
	refused 1 "coffer: get:"
}

@test "bootstrap prints lines that a shell can evaluate, and no more than that" {
	coffer run create --pipeline app --ref "it's; touch $WORK/pwned" --repo '$(touch pwned)' \
		--sha 0123abc --git-dir '/srv/a b' --pushed-at 1700000000123 \
		--sentry-dsn https://k@s/1 --sentry-trace 00ff --extra 'a-b=`id`' \
		--extra 'x;touch pwned;y=1'
	done_silently
	SOCKET=$(sed -n 's/^COFFER_SOCKET=//p' "$OUT") TOKEN=$(sed -n 's/^COFFER_TOKEN=//p' "$OUT")
	run_id=$(sed -n 's/^COFFER_RUN_ID=//p' "$OUT")
	as_run bootstrap
	done_silently
	cd "$WORK"
	eval "$(cat "$OUT")"
	[[ ! -e $WORK/pwned ]]
	[[ $RUN_ID == "$run_id" && $GIT_DIR == "/srv/a b" && $PIPELINE == app ]]
	[[ $REF == "it's; touch $WORK/pwned" && $REPO == '$(touch pwned)' && $SHA == 0123abc ]]
	[[ $PUSHED_AT_MS == 1700000000123 && $SENTRY_DSN == https://k@s/1 ]]
	[[ $SENTRY_TRACE_ID == 00ff && $EXTRA_a_b == '`id`' ]]
	[[ $EXTRA_x_touch_pwned_y == 1 ]]
	unset GIT_DIR
}

@test "bootstrap --json has stable fields" {
	create_run --repo R --sha S --git-dir /g --pushed-at 5 --sentry-dsn D --sentry-trace T \
		--extra a-b=c
	as_run bootstrap --json
	done_silently
	holds --arg run "$RUN" '. == {run_id: $run, git_dir: "/g",
		meta: {pipeline: "app", repo: "R", ref: "refs/heads/main", sha: "S",
		pushed_at_ms: 5},
		sentry: {dsn: "D", trace_id: "T"}, extras: {"a-b": "c"}}'
}

@test "bootstrap is given once, and makes the run active" {
	create_run
	coffer run show "$RUN" --json
	holds '.state == "pending"'
	as_run bootstrap
	done_silently
	coffer run show "$RUN" --json
	holds '.state == "active" and .started_at_ms > 0'
	as_run bootstrap
	refused 1 "coffer: bootstrap:"
}

@test "a run without bootstrap data is told so" {
	create_run --no-bootstrap
	as_run bootstrap
	refused 1 "coffer: bootstrap:"
}

@test "bootstrap without a token says so" {
	coffer bootstrap
	refused 1 "coffer: bootstrap:" "token"
}

@test "a token that is bound to another uid is refused" {
	[[ $(id -u) != 4321 ]]
	put A x
	create_run --bind-uid 4321
	as_run get A
	refused 1 "coffer: get:"
}
