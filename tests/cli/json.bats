# What --json prints has fields that stay: programs read them. A field may be added here; one that goes, or becomes
# another type, breaks its users. (J5)
load helper

# fields FILTER TEXT: the object that FILTER finds on standard output has exactly the fields of TEXT, "name:type" each.
fields() {
	local got
	got=$(jq -r "$1 | to_entries | map(\"\\(.key):\\(.value | type)\") | sort | join(\" \")" <"$OUT") || fail "no JSON"
	[[ $got == "$(tr -s '[:space:]' '\n' <<<"$2" | sed '/^$/d' | LC_ALL=C sort | paste -sd' ')" ]] ||
		fail "$1 has the fields: $got"
}

SECRET="scope:string name:string version:number updated_at_ms:number expires_at_ms:number"
META="pipeline:string repo:string ref:string sha:string pushed_at_ms:number"
RUN_FIELDS="run_id:string meta:object state:string created_at_ms:number started_at_ms:number finished_at_ms:number
	expires_at_ms:number"

@test "ls and history keep their fields" {
	put A x --note why --expires 1h
	coffer set B --source file:/etc/hostname
	done_silently
	coffer ls --json
	fields '.[0]' "$SECRET note:string source:null"
	fields '.[1]' "$SECRET note:null source:string"
	coffer history A --json
	fields '.[0]' "$SECRET note:string source:null deleted:boolean"
	create_run
	as_run ls --json
	fields '.[0]' "scope:string name:string version:number updated_at_ms:number"
}

@test "run create, run ls, run show and bootstrap keep their fields" {
	coffer run create --pipeline p --ref r --extra K=V --allow 'A*' --bind-uid "$(id -u)" --bind-process $$ --json
	done_silently
	fields . "socket:string token:string run_id:string expires_at_ms:number superseded:number"
	RUN=$(jq -r .run_id "$OUT") TOKEN=$(jq -r .token "$OUT") SOCKET=$(jq -r .socket "$OUT")
	coffer run ls --json
	fields '.[0]' "$RUN_FIELDS"
	fields '.[0].meta' "$META"
	coffer run show "$RUN" --json
	fields . "$RUN_FIELDS git_dir:string extras:object allow:array bind_uid:boolean uid:number bind_process:number"
	holds '.extras == {"K": "V"} and .allow == ["A*"] and .expires_at_ms > .created_at_ms'
	as_run bootstrap --json
	fields . "run_id:string git_dir:string meta:object sentry:object extras:object"
	fields .meta "$META"
	fields .sentry "dsn:string trace_id:string"
	coffer run create --pipeline p --ref other --json
	RUN=$(jq -r .run_id "$OUT")
	coffer run show "$RUN" --json
	fields . "$RUN_FIELDS git_dir:string extras:object allow:array bind_uid:boolean"
	coffer run create --pipeline p --ref r --transport filesystem --bootstrap-file "$WORK/file" --json
	fields . "transport:string bootstrap:string run_id:string expires_at_ms:number superseded:number"
}

@test "service create, service list and service renew keep their fields" {
	coffer service create nightly --scope global --bind-uid 7 --json
	fields . "id:string socket:string token:string expires_at_ms:number"
	coffer service list --json
	fields '.[0]' "id:string name:string state:string scopes:array allow:array created_at_ms:number
		expires_at_ms:number bind_uid:boolean uid:number"
	coffer service renew nightly --json
	fields . "expires_at_ms:number"
	coffer service create other --scope global
	coffer service list --json
	fields '.[1]' "id:string name:string state:string scopes:array allow:array created_at_ms:number
		expires_at_ms:number bind_uid:boolean"
}

@test "why keeps its fields" {
	put A x
	create_run
	coffer why A --run "$RUN" --json
	fields . "name:string outcome:string scopes:array allow:array state:string expires_at_ms:number"
	fields '.scopes[0]' "scope:string outcome:string version:number updated_at_ms:number expires_at_ms:number
		from_file:boolean"
	cp "$OUT" "$WORK/operator"
	as_run why A --json
	cmp "$WORK/operator" "$OUT" || fail "a run is told otherwise"
}

@test "migrate keeps its fields" {
	put REGISTRY_OAUTH_X x
	coffer migrate --dry-run --json
	fields '.[0]' "name:string scope:string version:number kept:boolean"
	holds '.[0].version == 0 and (.[0].kept | not)'
	coffer migrate --json
	fields '.[0]' "name:string scope:string version:number kept:boolean"
	holds '.[0].version == 1'
	coffer migrate --json
	prints $'[]\n'
}

@test "audit and audit checkpoint keep their fields" {
	put A x
	printf y >"$WORK/value"
	coffer set B=@"$WORK/value" C=@"$WORK/value"
	coffer audit --json
	jq -s '.[0]' "$OUT" >"$WORK/record"
	jq -s '.[1]' "$OUT" >"$WORK/batch"
	mv "$WORK/record" "$OUT"
	fields . "seq:number time:string op:string uid:number gid:number pid:number scope:string name:string
		version:number outcome:string mac:string"
	mv "$WORK/batch" "$OUT"
	fields '.secrets[0]' "scope:string name:string version:number"
	create_run
	as_run get NONE
	coffer audit --outcome NOT_FOUND --json
	fields . "seq:number time:string op:string run:string uid:number gid:number pid:number name:string
		outcome:string mac:string"
	coffer audit checkpoint
	fields . "seq:number mac:string store:string time:string"
}

@test "status keeps its fields" {
	coffer status --json
	fields . "server:string protocol:number schema:number sqlite:string libsodium:string cipher:string
		started_at_ms:number uptime_ms:number connections:number secrets:number versions:number
		runs_live:number services_live:number revision:number audit_seq:number audit_oldest_seq:number
		audit_bytes:number audit_delays:number audit_writable:boolean arena_used:number arena_peak:number
		arena_size:number store_bytes:number key_epoch:number key_rotating:boolean backup_at_ms:number
		methods:array"
	fields '.methods[0]' "method:string calls:number errors:number p50_us:number p90_us:number p99_us:number
		total_us:number"
}
