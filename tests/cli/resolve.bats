# resolve: references in a JSON file. (F5)
load helper

setup() {
	setup_home
	"$COFFER" init >/dev/null 2>&1
	start_daemon
	put USER deploy
	put PASSWORD $'p"w\\\n\xe2\x82\xac'
	create_run
}

document() {
	cat >"$WORK/in.json"
}

@test "references are resolved at any depth and nothing else is changed" {
	document <<-'END'
		{ "db" : { "user":"secret:USER", "hosts":["a", "secret:USER",{"x":["secret:PASSWORD"]}] },
		  "secret:USER": "secret:", "n":[1.50, -0, 1e400, 123456789012345678901234567890],
		  "t":true,"f":false , "z":null, "u":"\u00e9\ud83d\ude00 é", "not":" secret:USER" }
	END
	cp "$WORK/in.json" "$WORK/before"
	as_run resolve "$WORK/in.json"
	done_silently
	cmp "$WORK/in.json" "$WORK/before"
	cat >"$WORK/want" <<-'END'
		{ "db" : { "user":"deploy", "hosts":["a", "deploy",{"x":["p\"w\\\n€"]}] },
		  "secret:USER": "secret:", "n":[1.50, -0, 1e400, 123456789012345678901234567890],
		  "t":true,"f":false , "z":null, "u":"\u00e9\ud83d\ude00 é", "not":" secret:USER" }
	END
	cmp "$WORK/want" "$OUT"
	[[ $(jq -r .db.hosts[2].x[0] "$OUT") == $'p"w\\\n€' ]]
}

@test "the document may come from standard input" {
	as_run resolve - < <(printf '"secret:USER"')
	done_silently
	prints '"deploy"'
	as_run resolve - < <(printf '["secret:USER"')
	refused 1 "coffer: resolve: standard input: line 1, column 15: the text ends too early"
}

@test "every missing secret is named, and nothing is printed" {
	document <<<'{"a":"secret:NO_1","b":["secret:USER","secret:NO_2"],"c":"secret:NO_1"}'
	as_run resolve "$WORK/in.json"
	refused 1 "coffer: resolve: $WORK/in.json: unknown secrets 'NO_1', 'NO_2'"
	lacks "$ERR" deploy
}

@test "what is not JSON is refused with file, line and column" {
	document <<-'END'
		{
		  "a": "secret:USER",
		  "b": hunter2
		}
	END
	as_run resolve "$WORK/in.json"
	refused 1 "coffer: resolve: $WORK/in.json: line 3, column 8: there is no value"
	lacks "$ERR" hunter2
}

@test "a value that is no text is refused by its secret's name" {
	printf '\xff\xfe' | "$COFFER" set BINARY 3>&-
	document <<<'["secret:USER", "secret:BINARY"]'
	as_run resolve "$WORK/in.json"
	refused 1 "$WORK/in.json: the value of 'BINARY' is not UTF-8"
}

@test "a name is fetched once, however often it stands there" {
	document <<<'["secret:USER","secret:USER",{"a":"secret:USER"},"secret:PASSWORD"]'
	as_run resolve "$WORK/in.json"
	done_silently
	coffer audit
	[[ $(grep -c ' GetSecret OK' "$OUT") == 2 ]] || fail "not once each"
}

@test "it is for runs alone" {
	document <<<'["secret:USER"]'
	coffer resolve "$WORK/in.json"
	refused 1 "coffer: resolve: no token"
}

@test "wrong usage and files that cannot be read are refused" {
	as_run resolve
	refused 2 "coffer: resolve: "
	as_run resolve a b
	refused 2 "coffer: resolve: "
	as_run resolve "$WORK/none"
	refused 1 "cannot read $WORK/none"
	head -c 1048577 /dev/zero >"$WORK/large"
	as_run resolve "$WORK/large"
	refused 1 "larger than 1048576 bytes"
}
