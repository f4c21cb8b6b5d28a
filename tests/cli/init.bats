# init, which hands over to the daemon's program. (G1)
load helper

setup() {
	setup_home
}

teardown() {
	rm -rf "$WORK"
}

@test "init makes a home once" {
	coffer init
	[[ $status == 0 ]] || fail "init"
	prints ""
	coffer init
	[[ $status != 0 && -s $ERR ]] || fail "init made a home twice"
}

@test "init hands its options to the daemon's program" {
	coffer --home "$WORK/third" init --cipher rot13
	[[ $status != 0 ]] || fail "rot13 was taken"
	grep -qF -e --cipher "$ERR" || fail "the option is not named"
	printf 'correct horse battery staple\n' >"$WORK/passphrase"
	chmod 0600 "$WORK/passphrase"
	coffer --home "$WORK/fourth" init --passphrase-file "$WORK/passphrase"
	[[ $status == 0 ]] || fail "init"
}

@test "init without the daemon's program says so" {
	mkdir "$WORK/bin"
	cp "$COFFER" "$WORK/bin/coffer"
	status=0
	PATH=/nonexistent "$WORK/bin/coffer" init >"$OUT" 2>"$ERR" || status=$?
	refused 1 "coffer: init: cannot start cofferd: No such file or directory"
}

@test "init takes the daemon's program beside its own, through a link" {
	mkdir "$WORK/bin" "$WORK/link"
	cp "$COFFER" "$WORK/bin/coffer"
	printf '#!/bin/sh\nprintf "%%s\\n" "$@"\n' >"$WORK/bin/cofferd"
	chmod 0755 "$WORK/bin/cofferd"
	ln -s "$WORK/bin/coffer" "$WORK/link/coffer"
	status=0
	"$WORK/link/coffer" --home /h init --cipher aes-256-gcm >"$OUT" 2>"$ERR" || status=$?
	done_silently
	prints $'--home=/h\n--init\n--cipher=aes-256-gcm\n'
	mkdir "$WORK/sbin"
	mv "$WORK/bin/cofferd" "$WORK/sbin"
	"$WORK/link/coffer" --home /h init >"$OUT" 2>"$ERR"
	done_silently
	prints $'--home=/h\n--init\n'
}

@test "standard descriptors that are closed are held, so that no socket takes their place" {
	mkdir "$WORK/bin"
	cp "$COFFER" "$WORK/bin/coffer"
	cat >"$WORK/bin/cofferd" <<-'SCRIPT'
		#!/bin/sh
		seen=$(readlink /proc/$$/fd/0 /proc/$$/fd/1 /proc/$$/fd/2)
		echo "$seen" >"$SEEN"
	SCRIPT
	chmod 0755 "$WORK/bin/cofferd"
	SEEN="$WORK/seen" "$WORK/bin/coffer" init <&- >&- 2>&-
	printf '/dev/null\n/dev/null\n/dev/null\n' | cmp - "$WORK/seen"
}
