# redact: a filter that takes secrets out of a log. (C7)
load helper

marker='***REDACTED***'

# redact_as_run TEXT [option...]: the text through "coffer redact" of the run of create_run.
redact_as_run() {
	local text=$1
	shift
	as_run redact "$@" <<<"$text"
}

@test "every visible secret and the token are redacted by default" {
	put DB_PASSWORD s3cret-value
	put APP_KEY app-key-value --scope pipeline/app
	put OTHER other-pipeline --scope pipeline/other
	create_run
	redact_as_run "a s3cret-value b app-key-value c $TOKEN d other-pipeline"
	done_silently
	prints "a $marker b $marker c $marker d other-pipeline"$'\n'
}

@test "--names redacts only those secrets, and the token" {
	put A aaaa-value
	put B bbbb-value
	put C cccc-value
	create_run
	redact_as_run "aaaa-value bbbb-value cccc-value $TOKEN" --names A,B
	done_silently
	prints "$marker $marker cccc-value $marker"$'\n'
	redact_as_run "aaaa-value bbbb-value cccc-value" --names A --names C
	done_silently
	prints "$marker bbbb-value $marker"$'\n'
}

@test "more names than fit into one request are all redacted" {
	local names
	for batch in 1 2; do
		read -ra words < <(printf "N${batch}_%03d=@$WORK/value " {1..64}) || true
		printf 'value-of-%s' "$batch" >"$WORK/value"
		"$COFFER" set "${words[@]}" 3>&-
	done
	names=$(printf 'N1_%03d,' {1..64})$(printf 'N2_%03d,' {1..63})N2_064
	create_run
	redact_as_run "value-of-1 value-of-2 value-of-3" --names "$names"
	done_silently
	prints "$marker $marker value-of-3"$'\n'
}

@test "an unknown name is named, and nothing is copied" {
	put A aaaa-value
	create_run
	redact_as_run "aaaa-value" --names A,NOTHING
	refused 1 "coffer: redact:" "NOTHING"
}

@test "an empty name is refused" {
	put A aaaa-value
	create_run
	redact_as_run "aaaa-value" --names A,,A
	refused 1 "coffer: redact:"
}

@test "a value in other forms is redacted" {
	put KEY $'line one of it\nline "two" of it'
	create_run
	redact_as_run "$(printf '%s' $'line one of it\nline "two" of it' | jq -Rs .)"
	prints "\"$marker\""$'\n'
	put KEY 'swordfish+1'
	redact_as_run "$(printf 'user:swordfish+1:host' | base64)"
	lacks "$OUT" "$(printf 'user:swordfish+1:host' | base64 | cut -c 8-20)"
	redact_as_run "$(printf 'swordfish+1' | od -An -tx1 | tr -d ' \n')"
	prints "$marker"$'\n'
}

@test "a short value is warned about by its name, never by its value" {
	put PIN 4711
	put GOOD s3cret-value
	create_run
	redact_as_run "4711 s3cret-value"
	[[ $status == 0 ]] || fail "it is refused"
	prints "4711 $marker"$'\n'
	grep -qF "coffer: redact: warning: the value of 'PIN'" "$ERR"
	[[ $(wc -l <"$ERR") == 1 ]]
	lacks "$ERR" 4711
}

@test "bytes are copied as they are" {
	put A s3cret-value
	create_run
	head -c 300000 /dev/urandom >"$WORK/in"
	as_run redact <"$WORK/in"
	done_silently
	cmp "$WORK/in" "$OUT"
	as_run redact </dev/null
	done_silently
	prints ""
}

@test "a value in pieces is redacted, and what is no value does not wait for a newline" {
	put A s3cret-value
	create_run
	mkfifo "$WORK/in" "$WORK/out.fifo"
	env -u COFFER_HOME COFFER_SOCKET="$SOCKET" COFFER_TOKEN="$TOKEN" "$COFFER" redact \
		<"$WORK/in" >"$WORK/out.fifo" 3>&- &
	filter=$!
	exec 5>"$WORK/in" 6<"$WORK/out.fifo"
	printf 'prompt: ' >&5
	IFS= read -r -t 60 -N 8 text <&6
	[[ $text == "prompt: " ]]
	# A pause lets the first bytes of a value go, but not the rest.
	printf 's3c' >&5
	IFS= read -r -t 60 -N 3 text <&6
	[[ $text == s3c ]]
	printf 'ret-va' >&5
	printf 'lue!' >&5
	IFS= read -r -t 60 -N 15 text <&6
	[[ $text == "$marker!" ]]
	# The end within a value.
	printf 's3cret-val' >&5
	exec 5>&-
	[[ $(cat <&6) == "$marker" ]]
	exec 6<&-
	wait "$filter"
}

@test "the token may be in a file" {
	put A s3cret-value
	create_run
	printf '%s\n' "$TOKEN" >"$WORK/token"
	status=0
	env -u COFFER_HOME COFFER_SOCKET="$SOCKET" COFFER_TOKEN_FILE="$WORK/token" \
		"$COFFER" redact >"$OUT" 2>"$ERR" 3>&- <<<"s3cret-value $TOKEN" || status=$?
	done_silently
	prints "$marker $marker"$'\n'
}

# It was read once to be used and once to be redacted. Out of a pipe there was nothing the second time, and the token was
# copied as it is.
@test "a token file that can be read but once is used and redacted" {
	put A s3cret-value
	create_run
	status=0
	env -u COFFER_HOME COFFER_SOCKET="$SOCKET" COFFER_TOKEN_FILE=<(printf '%s\n' "$TOKEN") \
		"$COFFER" redact >"$OUT" 2>"$ERR" 3>&- <<<"s3cret-value $TOKEN" || status=$?
	done_silently
	prints "$marker $marker"$'\n'
}

@test "a token that another one goes before is redacted, too" {
	put A s3cret-value
	create_run
	status=0
	env -u COFFER_HOME COFFER_SOCKET="$SOCKET" COFFER_TOKEN="$TOKEN" SECRETS_API_TOKEN=another-token \
		"$COFFER" redact >"$OUT" 2>"$ERR" 3>&- <<<"another-token $TOKEN" || status=$?
	done_silently
	prints "$marker $marker"$'\n'
}

@test "without a token, without a daemon and after the run nothing is copied" {
	put A s3cret-value
	create_run
	status=0
	env COFFER_SOCKET="$SOCKET" "$COFFER" redact >"$OUT" 2>"$ERR" 3>&- <<<text || status=$?
	refused 1 "coffer: redact:"
	coffer run finish "$RUN" --result succeeded
	redact_as_run text
	refused 1 "coffer: redact:"
	stop_daemon
	redact_as_run text
	refused 1 "coffer: redact:"
}

@test "wrong usage is refused" {
	create_run
	redact_as_run text operand
	refused 2 "coffer: redact:"
	redact_as_run text --nothing
	refused 2 "coffer: redact:"
	redact_as_run text --names ""
	refused 1 "coffer: redact:" "name"
}

@test "a full disk is told" {
	put A s3cret-value
	create_run
	status=0
	env -u COFFER_HOME COFFER_SOCKET="$SOCKET" COFFER_TOKEN="$TOKEN" \
		"$COFFER" redact >/dev/full 2>"$ERR" 3>&- <<<text || status=$?
	[[ $status == 1 ]]
	grep -qF "coffer: redact: cannot write to standard output" "$ERR"
}
