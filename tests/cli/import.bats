# import: what is written, what is left alone, and what is refused before. (E3)
load helper

versions() {
	coffer ls --json
	jq -r '[.[] | .name + "@" + (.version | tostring)] | join(" ")' "$OUT"
}

@test "a dotenv file is read as exec --env-file reads one" {
	cat >"$WORK/env" <<'ENV'
# a comment
export PLAIN=one two  # behind it
QUOTED="a\nb\t\$c"
SINGLE='$as it is\n'
LINES="first
second"
with.dot-and-dash=secret:NAME
EMPTY=
ENV
	coffer import --format dotenv "$WORK/env"
	done_silently
	prints $'6 written, 0 unchanged, 0 skipped\n'
	coffer export --format json
	holds '. == {PLAIN: "one two", QUOTED: "a\nb\t$c", SINGLE: "$as it is\\n",
		LINES: "first\nsecond", "with.dot-and-dash": "secret:NAME", EMPTY: ""}'
}

@test "standard input and scopes" {
	coffer import --format json --scope pipeline/app - <<<'{"A": "x"}'
	done_silently
	coffer get A --scope pipeline/app
	prints x
	coffer import --format json --scope system/x - <<<'{"A": "x"}'
	refused 1 "coffer: import:"
	coffer import --format json --scope system/x --system - <<<'{"A": "x"}'
	done_silently
}

@test "what is equal already is not written again" {
	coffer import --format json - <<<'{"A": "1", "B": "2"}'
	coffer import --format json - <<<'{"A": "1", "B": "2", "C": "3"}'
	done_silently
	prints $'1 written, 2 unchanged, 0 skipped\n'
	[[ $(versions) == "A@1 B@1 C@1" ]] || fail versions
}

@test "another value is refused, and nothing is written, unless told what to do" {
	put A old
	put B old
	coffer import --format json - <<<'{"A": "new", "B": "newer", "C": "new"}'
	refused 1 "'A' has another value" "'B' has another value" \
		"nothing was written: use --overwrite or --skip-existing"
	lacks "$ERR" newer
	[[ $(versions) == "A@1 B@1" ]] || fail versions
	coffer import --format json --skip-existing - <<<'{"A": "new", "B": "old", "C": "new"}'
	done_silently
	prints $'1 written, 0 unchanged, 2 skipped\n'
	[[ $(versions) == "A@1 B@1 C@1" ]] || fail versions
	coffer import --format json --overwrite - <<<'{"A": "new", "B": "old", "C": "new"}'
	done_silently
	prints $'1 written, 2 unchanged, 0 skipped\n'
	[[ $(versions) == "A@2 B@1 C@1" ]] || fail versions
	coffer get A
	prints new
	coffer import --format json --overwrite --skip-existing - <<<'{}'
	refused 2 "not both"
}

@test "a source is another value than any, and is not read" {
	coffer set A --source file:/nonexistent
	coffer import --format json - <<<'{"A": "v"}'
	refused 1 "'A' has another value"
	coffer import --format json --overwrite - <<<'{"A": "v"}'
	done_silently
	coffer get A
	prints v
}

@test "--dry-run tells what would be done, and does nothing" {
	put A old
	coffer import --format json --dry-run --overwrite - <<<'{"A": "sup3r", "B": "sup3r"}'
	done_silently
	prints $'overwrite A\nwrite B\nnot done: 2 written, 0 unchanged, 0 skipped\n'
	[[ $(versions) == "A@1" ]] || fail versions
}

@test "names that are none are told all at once, by line, before anything is written" {
	cat >"$WORK/env" <<ENV
GOOD=x
1sup3r=x
with space=x

__coffer_x="two
lines"
GOOD=y
$(printf 'A%.0s' {1..129})=x
ENV
	coffer import --format dotenv "$WORK/env"
	refused 1 "$WORK/env:2: has no secret's name" "$WORK/env:3: has no secret's name" \
		"$WORK/env:5: has no secret's name" "$WORK/env:8: has no secret's name" \
		"$WORK/env:7: 'GOOD' stands in line 1 as well"
	lacks "$ERR" sup3r
	coffer import --format json - <<<'{"GOOD": "x", "sup3r=": "x", "": "x"}'
	refused 1 "-: member 2 has no secret's name" "-: member 3 has no secret's name"
	lacks "$ERR" sup3r
	coffer ls
	prints ""
}

@test "what is no file of that format is told without repeating it" {
	for bad in '{"A": sup3r}' '{"A": "sup3r' '["sup3r"]' '"sup3r"' '' '{"A": "x"} sup3r' \
		'{"A": "sup3r", "A": "x"}' '{"A": 1234567}' '{"A": null}' '{"A": {"base64": "*"}}' \
		'{"A": {"base64": "eA==", "sup3r": 1}}' '{"A": ["sup3r"]}'; do
		coffer import --format json - <<<"$bad"
		[[ $status == 1 && ! -s $OUT ]] || fail "taken: $bad"
		lacks "$ERR" sup3r 1234567
	done
	for bad in 'sup3r' 'A="sup3r' 'A="x" sup3r'; do
		coffer import --format dotenv - <<<"$bad"
		refused 1 "-:1: "
		lacks "$ERR" sup3r
	done
	coffer ls
	prints ""
	coffer import --format shell "$WORK/none"
	refused 2 "needs --format dotenv or --format json"
	coffer import --format json "$WORK/none"
	refused 1 "cannot read $WORK/none: No such file or directory"
}

@test "many are written in several requests, and one that fails can be repeated" {
	/usr/bin/python3 -c 'import json
names = {f"N{i:04}": f"value {i}" for i in range(500)}
print(json.dumps({**names, "N0400": "x" * 66000}))' >"$WORK/large"
	coffer import --format json "$WORK/large"
	refused 1 "the value of 'N0400' is larger than 65536 bytes" \
		"400 of 500 secrets are known to be written; the same import again writes the rest"
	sed -i 's/xxx*/fits/' "$WORK/large"
	coffer import --format json "$WORK/large"
	done_silently
	prints $'100 written, 400 unchanged, 0 skipped\n'
	coffer export --format json
	cmp <(jq -S . "$WORK/large") <(jq -S . "$OUT") || fail "not the same"
}
