# run: the life of a run as the orchestrator drives it. (A3 to A7, E5)
load helper

id_form='[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}'

@test "create prints socket, token and id, each on a line" {
	coffer run create --pipeline app --ref refs/heads/main
	done_silently
	[[ $(wc -l <"$OUT") == 3 ]]
	sed -n 1p "$OUT" | grep -qxF "COFFER_SOCKET=$COFFER_HOME/run/coffer.sock"
	sed -n 2p "$OUT" | grep -qxE 'COFFER_TOKEN=[A-Za-z0-9]{32}'
	sed -n 3p "$OUT" | grep -qxE "COFFER_RUN_ID=$id_form"
}

@test "what create prints can be evaluated by a shell" {
	stop_daemon
	mkdir "$WORK/a folder's"
	mv "$COFFER_HOME" "$WORK/a folder's/home"
	COFFER_HOME="$WORK/a folder's/home"
	start_daemon
	coffer run create --pipeline app --ref main
	done_silently
	eval "$(cat "$OUT")"
	[[ $COFFER_SOCKET == "$WORK/a folder's/home/run/coffer.sock" ]]
	[[ ${#COFFER_TOKEN} == 32 ]]
	unset COFFER_SOCKET COFFER_TOKEN COFFER_RUN_ID
}

@test "a relative home gives an absolute socket" {
	cd "$WORK"
	COFFER_HOME=home coffer run create --pipeline app --ref main
	done_silently
	sed -n 1p "$OUT" | grep -qxF "COFFER_SOCKET=$WORK/home/run/coffer.sock"
}

@test "create --json has stable fields" {
	coffer run create --pipeline app --ref main --ttl 15m --json
	done_silently
	holds 'keys == ["expires_at_ms","run_id","socket","superseded","token"]'
	holds --arg socket "$COFFER_HOME/run/coffer.sock" '.socket == $socket'
	holds '(.token | test("^[A-Za-z0-9]{32}$")) and .superseded == 0'
	run_id=$(jq -r .run_id "$OUT") expires=$(jq .expires_at_ms "$OUT")
	coffer run show "$run_id" --json
	holds --argjson expires "$expires" \
		'.expires_at_ms == $expires and .expires_at_ms - .created_at_ms == 900000'
}

@test "show tells all that create was told, and no secret or token" {
	printf hunter2 >"$WORK/value"
	coffer run create --pipeline app --ref refs/heads/main --repo git@example:app \
		--sha 0123abc --git-dir /srv/git/app --pushed-at 1700000000123 \
		--extra "k=v=w" --extra "two=2" \
		--allow 'AWS_*' --allow DB --bind-uid 4321 --secret DB=@"$WORK/value" --json
	done_silently
	token=$(jq -r .token "$OUT") run_id=$(jq -r .run_id "$OUT")
	coffer run show "$run_id" --json
	done_silently
	holds '.meta == {pipeline: "app", repo: "git@example:app", ref: "refs/heads/main",
		sha: "0123abc", pushed_at_ms: 1700000000123}'
	holds '.git_dir == "/srv/git/app" and .extras == {k: "v=w", two: "2"}'
	holds '.allow == ["AWS_*", "DB"] and .bind_uid and .uid == 4321 and .state == "pending"'
	holds '.started_at_ms == 0 and .finished_at_ms == 0'
	lacks "$OUT" hunter2 "$token"
	coffer run show "$run_id"
	done_silently
	grep -qxE 'pipeline +app' "$OUT"
	grep -qxE 'bind-uid +4321' "$OUT"
	grep -qxE 'extra +k=v=w' "$OUT"
	lacks "$OUT" hunter2 "$token"
	coffer run finish "$run_id" --result failed # what it was about outlives the run (A3)
	coffer run show "$run_id" --json
	holds '.meta.sha == "0123abc" and .git_dir == "/srv/git/app" and .extras.two == "2"'
}

@test "ls lists runs, the newest first" {
	for ref in one two three; do
		coffer run create --pipeline app --ref "$ref"
		done_silently
	done
	coffer run ls --json
	done_silently
	holds '[.[].meta.ref] == ["three","two","one"] and all(.[]; .state == "pending")'
	holds '.[0] | keys == ["created_at_ms","expires_at_ms","finished_at_ms","meta","run_id",
		"started_at_ms","state"]'
	coffer run ls
	done_silently
	[[ $(awk '{print $2 ":" $4 ":" $5}' "$OUT" | paste -sd' ') == \
		"pending:app:three pending:app:two pending:app:one" ]] || fail "lines"
}

@test "ls of no runs prints nothing, as JSON an empty array" {
	coffer run ls
	done_silently
	prints ""
	coffer run ls --json
	prints $'[]\n'
}

@test "finish ends a run with each result, once" {
	for result in succeeded failed cancelled; do
		create_run --extra "result=$result"
		coffer run finish "$RUN" --result "$result"
		done_silently
		prints ""
		coffer run show "$RUN" --json
		holds --arg state "$result" '.state == $state and .finished_at_ms > 0'
		coffer run finish "$RUN" --result succeeded
		refused 1 "coffer: run finish:"
		as_run get A
		refused 1 "coffer: get:"
	done
}

@test "revoke ends a run's token at once; the run counts as cancelled" {
	put A x
	create_run
	as_run get A
	done_silently
	coffer run revoke "$RUN"
	done_silently
	as_run get A
	refused 1 "coffer: get:"
	coffer run show "$RUN" --json
	holds '.state == "cancelled"'
}

@test "a new run of the same pipeline and ref replaces the old one" {
	put A x
	create_run
	old_token=$TOKEN old_run=$RUN
	coffer run create --pipeline app --ref refs/heads/main --json
	done_silently
	holds '.superseded == 1'
	coffer run show "$old_run" --json
	holds '.state == "superseded"'
	TOKEN=$old_token as_run get A
	refused 1 "coffer: get:"
}

@test "ids that are none are refused" {
	for words in "show" "revoke" "finish --result failed"; do
		coffer run $words 00000000-0000-7000-8000-000000000000
		refused 1 "coffer: run ${words%% *}:"
		coffer run $words nonsense
		refused 1 "coffer: run ${words%% *}:"
	done
}

@test "a run's own secrets come from files, standard input and the command line" {
	printf 'a\0b' >"$WORK/value"
	coffer run create --pipeline app --ref main --secret FILE=@"$WORK/value" --secret PIPE=- \
		--secret PLAIN=hunter2 < <(printf piped)
	[[ $status == 0 ]] || fail "create"
	grep -qF "coffer: run create: warning: a value on the command line" "$ERR"
	lacks "$ERR" hunter2
	SOCKET=$(sed -n 's/^COFFER_SOCKET=//p' "$OUT") TOKEN=$(sed -n 's/^COFFER_TOKEN=//p' "$OUT")
	RUN=$(sed -n 's/^COFFER_RUN_ID=//p' "$OUT")
	as_run get FILE
	cmp "$WORK/value" "$OUT"
	as_run get PIPE
	prints piped
	as_run get PLAIN
	prints hunter2
	coffer get PLAIN
	refused 1 "unknown secret 'PLAIN'"
	coffer run finish "$RUN" --result succeeded
	coffer ls --json
	holds '. == []'
}

@test "text with control characters is refused, and not shown" {
	coffer run create --pipeline app --ref $'evil\e]0;x\a'
	refused 1 "coffer: run create:"
	lacks "$ERR" $'\e'
	coffer run create --pipeline app --ref main --extra $'k=a\nb'
	refused 1 "coffer: run create:"
	coffer run ls --json
	holds '. == []'
}

@test "a run that is bound to a process ends with it" {
	put A value
	sleep 600 3>&- &
	pid=$!
	create_run --bind-process "$pid"
	as_run get A
	prints value
	coffer run show "$RUN" --json
	holds --argjson pid "$pid" '.bind_process == $pid'
	coffer run show "$RUN"
	grep -qE "^bind-process +$pid\$" "$OUT" || fail "not shown"
	kill "$pid"
	wait "$pid" || true
	for ((i = 0; i < 600; i++)); do
		coffer run show "$RUN" --json
		[[ $(jq -r .state "$OUT") == cancelled ]] && break
	done
	holds '.state == "cancelled"'
	as_run get A
	refused 1 "the token is not valid"
}

@test "a process that is not there is refused, and no run is made" {
	coffer run create --pipeline app --ref main --bind-process 2147483647
	refused 1 "there is no process 2147483647"
	coffer run create --pipeline app --ref main --bind-process 0
	refused 2 "option '--bind-process' needs a process's number"
	coffer run ls --json
	holds '. == []'
}
