# service: long-lived callers with scopes of their own. (A8, D2)
load helper

# create_service NAME [option...]: makes a service and sets SOCKET and TOKEN.
create_service() {
	coffer service create "$@"
	done_silently
	SOCKET=$(sed -n 's/^COFFER_SOCKET=//p' "$OUT")
	TOKEN=$(sed -n 's/^COFFER_TOKEN=//p' "$OUT")
}

@test "create prints socket and token, each on a line that a shell can evaluate" {
	coffer service create dispatcher --scope global
	done_silently
	[[ $(wc -l <"$OUT") == 2 ]]
	sed -n 1p "$OUT" | grep -qxF "COFFER_SOCKET=$COFFER_HOME/run/coffer.sock"
	sed -n 2p "$OUT" | grep -qxE 'COFFER_TOKEN=[A-Za-z0-9]{32}'
}

@test "create --json has stable fields" {
	coffer service create dispatcher --scope global --json
	done_silently
	holds 'keys == ["expires_at_ms","id","socket","token"]'
	holds --arg socket "$COFFER_HOME/run/coffer.sock" '.socket == $socket'
	holds '(.token | test("^[A-Za-z0-9]{32}$")) and (.id | length == 36)'
}

@test "a service reads its scopes in the order in which they were given" {
	put A from-global
	put A from-ci --scope system/ci --system
	put B of-the-pipeline --scope pipeline/app
	create_service one --scope system/ci --scope global
	as_run get A
	prints from-ci
	as_run get B
	refused 1 "unknown secret 'B'"
	create_service two --scope global --scope pipeline/app --scope system/ci
	as_run get A
	prints from-global
	as_run get B
	prints of-the-pipeline
}

@test "a service may exec, and its token stays out of the command's environment" {
	put A value
	create_service dispatcher --scope global
	as_run exec --all --no-redact -- sh -c 'echo "$A:${COFFER_TOKEN-none}"'
	prints "value:none
"
}

@test "--allow lets matching names through only" {
	put AWS_KEY 1
	put OTHER 2
	create_service dispatcher --scope global --allow 'AWS_*'
	as_run ls --json
	holds '[.[].name] == ["AWS_KEY"]'
	as_run get OTHER
	refused 1 OTHER
}

@test "list shows live services, and with --all those that have ended" {
	coffer service create old --scope global
	coffer service revoke old
	done_silently
	coffer service create dispatcher --scope system/ci --scope global --allow 'A*' --allow B \
		--ttl 2d --bind-uid 7
	coffer service list
	done_silently
	grep -qE '^dispatcher +live +[0-9TZ:-]+ +system/ci global +A\* B *$' "$OUT" || fail "no row"
	lacks "$OUT" old
	coffer service list --json
	holds 'length == 1 and (.[0] | keys == ["allow","bind_uid","created_at_ms","expires_at_ms",
		"id","name","scopes","state","uid"])'
	holds '.[0] | .scopes == ["system/ci","global"] and .allow == ["A*","B"] and .uid == 7
		and .expires_at_ms - .created_at_ms == 172800000'
	coffer service list --all --json
	holds 'map([.name, .state]) == [["old","revoked"],["dispatcher","live"]]'
}

@test "the default lifetime is 24 hours" {
	coffer service create dispatcher --scope global
	coffer service list --json
	holds '.[0].expires_at_ms - .[0].created_at_ms == 86400000'
}

@test "renew moves the end and keeps the token" {
	put A value
	create_service dispatcher --scope global --ttl 1m
	coffer service renew dispatcher --ttl 30d
	done_silently
	prints ""
	coffer service list --json
	holds '.[0].expires_at_ms - .[0].created_at_ms >= 2592000000'
	as_run get A
	prints value
	coffer service renew dispatcher --json
	holds 'keys == ["expires_at_ms"]'
}

@test "revoke ends it at once, and its name is free again" {
	put A value
	create_service dispatcher --scope global
	coffer service create dispatcher --scope global
	refused 1 "there is a service 'dispatcher' already"
	coffer service revoke dispatcher
	done_silently
	as_run get A
	refused 1 "the token is not valid"
	coffer service revoke dispatcher
	refused 1 "unknown service 'dispatcher'"
	coffer service renew dispatcher
	refused 1 "unknown service 'dispatcher'"
	create_service dispatcher --scope global
	as_run get A
	prints value
}

@test "a run's scope, no scope and no name are refused" {
	coffer service create dispatcher --scope run/01890000-0000-7000-8000-000000000000
	refused 1 "the scope is a run's"
	coffer service create dispatcher
	refused 2 "needs --scope"
	coffer service create --scope global
	refused 2 "needs NAME"
	coffer service create 'a b' --scope global
	refused 1 "the service's name"
	coffer service
	refused 2 "needs a verb of its own"
}

@test "a service whose token cannot be printed is revoked" {
	status=0
	"$COFFER" service create dispatcher --scope global >/dev/full 2>"$ERR" 3>&- || status=$?
	: >"$OUT"
	refused 1 "was created and is revoked"
	coffer service list --json
	holds '. == []'
}
