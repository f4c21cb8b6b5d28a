# export, and what import makes of it. (E3)
load helper

# random_secrets FILE [words]: a JSON file of many values, of all that text can hold; with "bytes" of any bytes.
random_secrets() {
	/usr/bin/python3 - "$1" "${2:-}" <<'PYTHON'
import base64, json, random, sys
path, kind = sys.argv[1:]
rest = random.Random(20261122)
alphabet = ["'", '"', "\\", "$", "`", "\n", "\r", "\t", "#", "=", " ", "!", "%", "n", "é", "\U0001f511", "\x01",
            "\x7f", "\x9b", "a", "\\n", "'\\''", "export ", "{", "}"]
secrets = {"EMPTY": "", "QUOTES": "'\"'\"", "BACKSLASHES": "\\\\\\", "ENDS": "\n\n"}
for i in range(150):
    secrets[f"TEXT_{i}"] = "".join(rest.choices(alphabet, k=rest.randrange(30)))
for i in range(50 if kind == "bytes" else 0):
    value = rest.randbytes(rest.randrange(1, 60)) + b"\xff\0"
    secrets[f"with.bytes-{i}"] = {"base64": base64.b64encode(value).decode()}
json.dump(secrets, open(path, "w"))
PYTHON
}

# same FILE FILE: two JSON files hold the same.
same() {
	cmp <(jq -S . "$1") <(jq -S . "$2") || fail "$1 and $2 differ"
}

@test "JSON brings every byte back" {
	random_secrets "$WORK/in" bytes
	coffer import --format json --scope pipeline/a "$WORK/in"
	done_silently
	prints $'204 written, 0 unchanged, 0 skipped\n'
	coffer export --format json --scope pipeline/a
	done_silently
	same "$WORK/in" "$OUT"
	cp "$OUT" "$WORK/again"
	coffer import --format json --scope pipeline/b "$WORK/again"
	coffer export --format json --scope pipeline/b
	cmp "$WORK/again" "$OUT"
	coffer get with.bytes-7 --scope pipeline/b
	jq -r '.["with.bytes-7"].base64' "$WORK/in" | base64 -d | cmp - "$OUT"
}

@test "dotenv brings every text back" {
	random_secrets "$WORK/in"
	coffer import --format json --scope pipeline/a "$WORK/in"
	coffer export --format dotenv --scope pipeline/a --output "$WORK/env"
	done_silently
	prints ""
	coffer import --format dotenv --scope pipeline/b "$WORK/env"
	done_silently
	coffer export --format json --scope pipeline/b
	same "$WORK/in" "$OUT"
}

@test "a shell reads every text back" {
	random_secrets "$WORK/in"
	coffer import --format json "$WORK/in"
	coffer export --format shell --output "$WORK/sh"
	done_silently
	for shell in sh bash; do
		env -i "$shell" -c '. "$1" && exec /usr/bin/python3 -c "$2"' - "$WORK/sh" '
import json, os
seen = {name: value.encode(errors="surrogateescape").decode() for name, value in os.environ.items()}
print(json.dumps({n: v for n, v in seen.items() if n.startswith("TEXT_") or n in
                  ("EMPTY", "QUOTES", "BACKSLASHES", "ENDS")}))' >"$WORK/out.json"
		same "$WORK/in" "$WORK/out.json"
	done
}

@test "what a format cannot hold is refused by name, all of it, and nothing is printed" {
	put PLAIN x
	put dotted.name x
	put dashed-name x
	printf 'a\0sup3r' | "$COFFER" set NUL
	printf 'sup3r\377' | "$COFFER" set LATIN
	coffer export --format shell
	refused 1 "'dotted.name' cannot be a variable of a shell" \
		"'dashed-name' cannot be a variable of a shell" \
		"the value of 'NUL' is not text" "the value of 'LATIN' is not text"
	lacks "$ERR" sup3r
	coffer export --format dotenv
	refused 1 "the value of 'NUL' is not text" "the value of 'LATIN' is not text"
	lacks "$ERR" dotted
	coffer export --format json
	done_silently
	holds 'length == 5 and .NUL.base64 == "YQBzdXAzcg=="'
}

@test "--output makes a private file, and only where there is none" {
	put A hunter2
	(umask 0 && "$COFFER" export --format dotenv --output "$WORK/env")
	[[ $(stat -c %a "$WORK/env") == 600 ]] || fail "mode"
	[[ $(<"$WORK/env") == "A='hunter2'" ]] || fail "content"
	coffer export --format dotenv --output "$WORK/env"
	refused 1 "cannot create $WORK/env: File exists"
	ln -s "$WORK/elsewhere" "$WORK/link"
	coffer export --format dotenv --output "$WORK/link"
	refused 1 "cannot create $WORK/link: File exists"
	[[ ! -e $WORK/elsewhere ]] || fail "it wrote through the link"
}

@test "nothing is printed on a terminal" {
	put A hunter2
	/usr/bin/python3 "$BATS_TEST_DIRNAME/in_terminal.py" -- "$COFFER" export --format dotenv \
		>"$OUT" 3>&-
	grep -qx "status: 2" "$OUT" || fail "it is not refused"
	lacks "$OUT" hunter2
	grep -qF "shows no values on a terminal" "$OUT" || fail "no reason"
}

@test "each value leaves a record, and a source that fails fails all" {
	put A hunter2
	put B hunter2
	coffer export --format json
	done_silently
	coffer audit --op RevealSecret --json
	[[ $(wc -l <"$OUT") == 2 ]] || fail "not two records"
	coffer set C --source "file:$WORK/none"
	coffer export --format json
	refused 1 "coffer: export: the source of secret 'C' cannot be read"
	printf from-file >"$WORK/none"
	coffer export --format json
	holds '.C == "from-file"'
}

@test "export is of one scope, and of system ones with --system" {
	put A x
	put B x --scope pipeline/app
	put C x --scope system/registry --system
	coffer export --format json
	holds 'keys == ["A"]'
	coffer export --format json --scope pipeline/app
	holds 'keys == ["B"]'
	coffer export --format json --scope pipeline/none
	prints $'{}\n'
	coffer export --format json --scope system/registry
	refused 1 "coffer: export:"
	coffer export --format json --scope system/registry --system
	holds 'keys == ["C"]'
	coffer export
	refused 2 "needs --format"
}
