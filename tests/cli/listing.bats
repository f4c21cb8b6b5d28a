# ls, rm, history, rollback. (E2, J5)
load helper

@test "ls prints a line a secret and never a value" {
	put B hunter2
	put A hunter2
	put A hunter3 --scope pipeline/app
	coffer ls
	done_silently
	[[ $(wc -l <"$OUT") == 3 ]]
	[[ $(awk '{print $1 "/" $2 "@" $3}' "$OUT" | paste -sd' ') == \
		"global/A@1 global/B@1 pipeline/app/A@1" ]] || fail "wrong lines"
	awk '{print $4}' "$OUT" | grep -qxE '[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}Z'
	lacks "$OUT" hunter
}

@test "ls of nothing prints nothing, as JSON an empty array" {
	coffer ls
	done_silently
	prints ""
	coffer ls --json
	done_silently
	prints $'[]\n'
}

@test "ls --json has stable fields" {
	put A x
	put A y
	coffer ls --json
	done_silently
	holds 'length == 1 and (.[0] | keys ==
		["expires_at_ms","name","note","scope","source","updated_at_ms","version"])'
	holds '.[0] | .expires_at_ms == 0 and .note == null and .source == null'
	holds '.[0] | .scope == "global" and .name == "A" and .version == 2'
	holds '.[0].updated_at_ms > 1600000000000'
}

@test "ls --scope lists that scope alone; system ones only with --system" {
	put A x
	put B x --scope pipeline/app
	put C x --scope system/registry --system
	coffer ls --scope pipeline/app --json
	holds '[.[].name] == ["B"]'
	coffer ls --json
	holds '[.[].name] == ["A","B"]'
	coffer ls --scope system/registry
	refused 1 "coffer: ls:"
	coffer ls --scope system/registry --system --json
	holds '[.[].name] == ["C"]'
	coffer ls --system --json
	holds '[.[].name] | index("C")'
}

@test "a long list comes whole and sorted" {
	for batch in {1..8}; do
		mapfile -t names < <(printf "N${batch}_%03d=@/dev/null\n" {1..64})
		"$COFFER" set "${names[@]}" 3>&-
	done
	coffer ls --json
	done_silently
	holds 'length == 512 and ([.[].name] | . == sort)'
}

@test "rm leaves a tombstone that rollback goes behind" {
	put A one
	put A two
	coffer rm A
	done_silently
	prints ""
	coffer get A
	refused 1 "coffer: get: unknown secret 'A'"
	coffer ls --json
	holds '. == []'
	coffer history A --json
	done_silently
	holds '[.[].version] == [3,2,1] and [.[].deleted] == [true,false,false]'
	holds '.[0] | keys ==
		["deleted","expires_at_ms","name","note","scope","source","updated_at_ms","version"]'
	coffer rollback A 1
	done_silently
	coffer get A
	prints one
	coffer history A --json
	holds '.[0].version == 4 and .[0].deleted == false'
}

@test "history prints a line a version, the newest first" {
	put A one
	coffer rm A
	coffer history A
	done_silently
	[[ $(awk '{print $1 ":" $3}' "$OUT" | paste -sd' ') == "2:deleted 1:set" ]] || fail "lines"
}

@test "rm --purge leaves nothing to roll back to" {
	put A one
	coffer rm A --purge
	done_silently
	coffer history A
	refused 1 "coffer: history: unknown secret 'A'"
	coffer rollback A 1
	refused 1 "coffer: rollback:"
	coffer get A --version 1
	refused 1 "coffer: get:"
}

@test "rm --if-version deletes only the version that it names" {
	put A one
	put A two
	coffer rm A --if-version 1
	refused 1 "coffer: rm:"
	coffer get A
	prints two
	coffer rm A --if-version 2
	done_silently
	coffer get A
	refused 1 "unknown secret 'A'"
}

@test "rm, history and rollback of a secret that is not there name it" {
	for words in "rm NOTHING" "rm NOTHING --purge" "history NOTHING" "rollback NOTHING 1"; do
		coffer $words
		refused 1 "coffer: ${words%% *}:" "NOTHING"
	done
}

@test "rollback to a tombstone or to a version that is not there is refused" {
	put A one
	coffer rm A
	coffer rollback A 2
	refused 1 "coffer: rollback:"
	coffer rollback A 9
	refused 1 "coffer: rollback:"
}

@test "ten versions are kept" {
	for i in {1..12}; do
		put A "$i"
	done
	coffer history A --json
	holds '[.[].version] == [12,11,10,9,8,7,6,5,4,3]'
	coffer get A --version 2
	refused 1 "coffer: get:"
}

@test "rm, history and rollback work in their own scope" {
	put A global
	put A one --scope pipeline/app
	put A two --scope pipeline/app
	coffer rollback A 1 --scope pipeline/app
	done_silently
	coffer rm A --scope pipeline/app
	done_silently
	coffer history A --scope pipeline/app --json
	holds 'length == 4 and .[0].scope == "pipeline/app"'
	coffer get A
	prints global
}
