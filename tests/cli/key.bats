# key: what opens the store is changed for something else. (G4)
load helper

# With the passphrase in COFFER_PASSPHRASE, if that is set.
restart() {
	stop_daemon
	start_daemon
}

@test "key passphrase lets a new passphrase open the store" {
	printf value | coffer set NAME
	printf 'correct horse\n' >"$WORK/passphrase"
	coffer key passphrase --passphrase-file "$WORK/passphrase"
	done_silently
	prints ""
	COFFER_PASSPHRASE="correct horse" restart
	coffer get NAME --scope global
	prints value
	printf 'battery staple\n' | coffer key passphrase
	done_silently
	COFFER_PASSPHRASE="battery staple" restart
	if COFFER_PASSPHRASE="correct horse" restart; then
		fail "the old passphrase opens the store"
	fi
	grep -qF "the passphrase is wrong" "$WORK/log" || fail "not said"
}

@test "key passphrase --generate prints what it made, once, and it opens the store" {
	coffer key passphrase --generate
	done_silently
	made=$(cat "$OUT")
	[[ $made =~ ^([a-hjkmnp-z02-9]{5}-){5}[a-hjkmnp-z02-9]{5}$ ]] || fail "not of its form"
	coffer key passphrase --generate
	[[ $(cat "$OUT") != "$made" ]] || fail "the same again"
	made=$(cat "$OUT")
	COFFER_PASSPHRASE="$made" restart
}

@test "key passphrase --generate changes nothing if it cannot print" {
	status=0
	"$COFFER" key passphrase --generate >/dev/full 2>"$ERR" || status=$?
	: >"$OUT"
	refused 1 "cannot write to standard output"
	restart
}

@test "key file makes the file, prints its path, and lets it open the store" {
	mv "$COFFER_HOME/key" "$WORK/old"
	coffer key file
	done_silently
	prints "$COFFER_HOME/key"$'\n'
	restart
	cp "$WORK/old" "$COFFER_HOME/key"
	coffer key file
	done_silently
	restart
	coffer key passphrase <<<"words"
	done_silently
	coffer key file
	done_silently
	restart
}

@test "key refuses what no start could use" {
	coffer key passphrase </dev/null
	refused 1 "the passphrase is empty"
	head -c 5000 /dev/zero | tr '\0' x >"$WORK/long"
	coffer key passphrase --passphrase-file "$WORK/long"
	refused 1 "longer than 4096 bytes"
	coffer key passphrase --passphrase-file "$WORK/none"
	refused 1 "cannot read $WORK/none"
	coffer key passphrase --passphrase-file F --generate
	refused 2 "not both"
	coffer key
	refused 2 "passphrase"
	chmod 0644 "$COFFER_HOME/key"
	coffer key file
	refused 1 "the key file $COFFER_HOME/key cannot be used"
	chmod 0600 "$COFFER_HOME/key"
	restart
}

@test "key rotate makes a new root key, and every secret stays as it was" {
	put A one
	put A two
	coffer key rotate --wait
	done_silently
	prints ""
	coffer status --json
	holds '.key_epoch == 2 and (.key_rotating | not)'
	coffer get A --scope global
	prints two
	restart
	printf words >"$WORK/words"
	coffer key passphrase --passphrase-file "$WORK/words"
	coffer key rotate
	refused 1 "it takes the passphrase"
	printf other | coffer key rotate --passphrase-file -
	refused 1 "the passphrase is wrong"
	coffer key rotate --passphrase-file "$WORK/words" --wait
	done_silently
	coffer status
	grep -qE '^root key +number 3$' "$OUT" || fail "not told"
	COFFER_PASSPHRASE=words restart
}
