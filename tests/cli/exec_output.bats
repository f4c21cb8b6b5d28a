# exec: the command's output without secrets, its end, and signals on the way to it. (F2)
load helper

marker='***REDACTED***'

# A run that sees the secret A. The command of a case gets it with "--set A=A", or --all.
setup() {
	setup_job s3cret-value
}

# prepare NAME=VALUE...: sets more secrets, as the operator.
prepare() {
	local pair
	for pair; do
		COFFER_HOME="$WORK/home" put "${pair%%=*}" "${pair#*=}"
	done
}

# wait_for COMMAND...: returns when the command succeeds; fails the case if it does not within a minute.
wait_for() {
	local end=$((SECONDS + 60))
	until "$@"; do
		((SECONDS < end)) || fail "never came true: $*"
		read -r -t 0.02 <>"$WORK/never" || true
	done
}

# The end of a fifo that somebody else may open, and a fifo that nobody writes to.
fifos() {
	mkfifo "$WORK/in" "$WORK/out.fifo" "$WORK/never"
}

is_gone() { [[ ! -e /proc/$1 ]]; }
is_in() { grep -qF -e "$1" "$2" 2>/dev/null; }

@test "a value is redacted wherever it is cut between two writes" {
	coffer exec --all -- /usr/bin/python3 -c '
import fcntl, os, struct, termios

def write(data):
	os.write(1, data)
	# Until it has been read.
	while struct.unpack("i", fcntl.ioctl(1, termios.FIONREAD, b"\0" * 4))[0]:
		os.sched_yield()

value = os.environb[b"A"]
for cut in range(len(value) + 1):
	write(b"%d:" % cut)
	write(value[:cut] or b"<")
	write((value[cut:] or b">") + b"\n")
'
	done_silently
	# A pause lets up to 3 bytes of a value go, and the machine may have made one.
	! grep -vE '^[0-9]+:<?(s3?c?)?\*\*\*REDACTED\*\*\*>?$' "$OUT" || fail "another line"
	[[ $(wc -l <"$OUT") == 13 ]]
	lacks "$OUT" value
}

@test "values within one another and overlapping ones are redacted as one" {
	prepare INNER=abcdefghij OUTER=xx-abcdefghij-xx LEFT=0123456789ab RIGHT=89abcdefgh
	coffer exec --all -- printf '%s\n' "<xx-abcdefghij-xx>" "<abcdefghij>" "<0123456789abcdefgh>" \
		"<s3cret-values3cret-value>"
	done_silently
	prints "<$marker>"$'\n'"<$marker>"$'\n'"<$marker>"$'\n'"<$marker>"$'\n'
}

@test "the run's token is redacted, and a value on standard error as on standard output" {
	coffer exec --all -- sh -c 'echo "out $1 $A"; echo "err $1 $A" >&2; exit 3' sh "$TOKEN"
	[[ $status == 3 ]] || fail "another status"
	prints "out $marker $marker"$'\n'
	[[ $(<"$ERR") == "err $marker $marker" ]] || fail "another standard error"
}

@test "a value at the end, and most of one, are redacted; less of one is shown" {
	coffer exec --all -- printf 's3cret-value'
	prints "$marker"
	coffer exec --all -- printf 's3cret-val'
	prints "$marker"
	coffer exec --all -- printf 's3cret-'
	prints "s3cret-"
}

@test "standard output and error keep their order where they are one file" {
	status=0
	"$COFFER" exec --all -- sh -c 'for i in 1 2 3 4 5 6 7 8 9; do echo "out $i"; echo "err $i" >&2; done
		printf s3cret-; printf value >&2' >"$OUT" 2>&1 3>&- || status=$?
	[[ $status == 0 ]]
	prints "$(for i in 1 2 3 4 5 6 7 8 9; do echo "out $i"; echo "err $i"; done)"$'\n'"$marker"
}

@test "bytes that are no secret are passed on as they are" {
	head -c 3000000 /dev/urandom >"$WORK/bytes"
	coffer exec --all -- cat "$WORK/bytes"
	done_silently
	cmp "$WORK/bytes" "$OUT"
	coffer exec --all -- sh -c 'cat "$1" >&2' sh "$WORK/bytes"
	[[ $status == 0 ]]
	cmp "$WORK/bytes" "$ERR"
}

@test "a prompt without a newline is seen at once, while the command waits" {
	fifos
	"$COFFER" exec --all -- sh -c 'printf "name: "; read -r name; printf "hello s3c"; read -r end
		echo ret-value' <"$WORK/in" >"$WORK/out.fifo" 3>&- &
	exec 5>"$WORK/in" 6<"$WORK/out.fifo"
	IFS= read -r -t 60 -N 6 text <&6
	[[ $text == "name: " ]]
	# What could become a secret waits for a pause, and what follows is redacted still.
	echo joe >&5
	IFS= read -r -t 60 -N 9 text <&6
	[[ $text == "hello s3c" ]]
	echo end >&5
	[[ $(cat <&6) == "$marker" ]]
	exec 5>&- 6<&-
	wait "$!"
}

@test "a slow reader makes the command wait, and coffer's memory does not grow" {
	fifos
	"$COFFER" exec --all -- seq 12500000 >"$WORK/out.fifo" 3>&- &
	job=$!
	exec 6<"$WORK/out.fifo"
	head -c 50000000 <&6 >"$WORK/part"
	peak=$(awk '/^VmHWM/ { print $2 }' "/proc/$job/status")
	cat "$WORK/part" - <&6 | sha256sum >"$OUT"
	exec 6<&-
	wait "$job"
	[[ $(<"$OUT") == "$(seq 12500000 | sha256sum)" ]] || fail "the output is another"
	# The sanitizers' own memory counts, too.
	limit=32768
	! ldd "$COFFER" 2>&1 | grep -q asan || limit=$((4 * limit))
	((peak < limit)) || fail "it took $peak KiB"
}

@test "while standard output is blocked, standard error goes on and signals arrive" {
	fifos
	"$COFFER" exec --all -- /usr/bin/python3 -c '
import os, signal, threading
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
threading.Thread(target=lambda: os.write(1, b"x" * 10000000), daemon=True).start()
os.write(2, b"ready\n")
signal.sigwait([signal.SIGUSR1])
os.write(2, b"received\n")
os._exit(4)' >"$WORK/out.fifo" 2>"$ERR" 3>&- &
	job=$!
	exec 6<"$WORK/out.fifo"
	wait_for is_in ready "$ERR"
	kill -USR1 "$job"
	wait_for is_in received "$ERR"
	# What it had written before its end is still owed.
	[[ $(head -c 100000 <&6 | tr -d x | wc -c) == 0 ]]
	exec 6<&-
	status=0
	wait "$job" || status=$?
	[[ $status == 4 ]]
}

@test "a pipe that cannot be opened again blocks nobody either" {
	fifos
	as=()
	if ((EUID == 0)); then
		as=(setpriv --reuid=65534 --clear-groups)
		"${as[@]}" "$COFFER" help >/dev/null 2>&1 || skip "another user cannot reach the program"
	fi
	exec 5<>"$WORK/out.fifo"
	exec 6<"$WORK/out.fifo" 7>"$WORK/out.fifo" 5<&-
	chmod 000 "$WORK/out.fifo"
	"${as[@]}" "$COFFER" exec -- sh -c 'trap "echo received >&2; exit 4" USR1
		seq 100000 & echo ready >&2; wait' \
		>&7 2>"$ERR" 3>&- 6<&- 7>&- &
	job=$!
	exec 7>&-
	wait_for is_in ready "$ERR"
	kill -USR1 "$job"
	wait_for is_in received "$ERR"
	cmp <(head -n 10000 <&6) <(seq 10000)
	exec 6<&-
	status=0
	wait "$job" || status=$?
	[[ $status == 4 ]]
}

@test "a reader that has read enough ends the command, as without coffer" {
	set +o pipefail
	"$COFFER" exec --all -- yes 2>"$ERR" 3>&- | head -1 >"$OUT"
	statuses=("${PIPESTATUS[@]}")
	[[ ${statuses[0]} == 141 ]]
	prints $'y\n'
	[[ ! -s $ERR ]]
}

@test "a reader that has gone does not end what else the command does" {
	set +o pipefail
	"$COFFER" exec --all -- sh -c 'trap "" PIPE; yes 2>/dev/null; echo done >&2; exit 5' \
		2>"$ERR" 3>&- | head -1 >"$OUT"
	statuses=("${PIPESTATUS[@]}")
	[[ ${statuses[0]} == 5 ]]
	[[ $(<"$ERR") == "done" ]]
}

@test "a full disk is told, and is a failure whatever the command says" {
	status=0
	"$COFFER" exec --all -- echo text >/dev/full 2>"$ERR" 3>&- || status=$?
	[[ $status == 125 ]]
	grep -qF "coffer: exec: cannot write to standard output" "$ERR"
}

@test "sockets are written to as pipes are, and block nobody" {
	/usr/bin/python3 - "$COFFER" >"$OUT" 3>&- <<'PYTHON'
import fcntl, signal, socket, subprocess, sys, termios, time

def waiting(sock):
    return int.from_bytes(fcntl.ioctl(sock, termios.FIONREAD, bytes(4)), sys.byteorder)

ours, theirs = socket.socketpair()
job = subprocess.Popen([sys.argv[1], "exec", "--all", "--", "sh", "-c", """
    trap 'echo received >&2' USR1
    seq 200000 & echo ready >&2
    wait; wait; exit 4"""], stdout=theirs, stderr=subprocess.PIPE)
theirs.close()
job.stderr.readline()
# Until no more comes: only then would a blocking write show.
before = 0
while (now := waiting(ours)) == 0 or now != before:
    before = now
    time.sleep(0.02)
job.send_signal(signal.SIGUSR1)
job.stderr.readline()
while data := ours.recv(1 << 16):
    sys.stdout.buffer.write(data)
sys.exit(job.wait() != 4)
PYTHON
	cmp "$OUT" <(seq 200000)
}

@test "standard output and error of the caller stay blocking" {
	fifos
	exec 5<>"$WORK/out.fifo"
	exec 6<"$WORK/out.fifo" 7>"$WORK/out.fifo" 5<&-
	"$COFFER" exec --all -- sh -c 'echo ready; read -r end' <"$WORK/in" >&7 2>&7 3>&- 6<&- 7>&- &
	job=$!
	exec 5>"$WORK/in"
	IFS= read -r -t 60 text <&6
	# O_NONBLOCK is 04000.
	flags=$(awk '/^flags/ { print $2 }' /proc/self/fdinfo/7)
	(((8#$flags & 8#4000) == 0)) || fail "they do not: $flags"
	exec 5>&- 6<&- 7>&-
	wait "$job" || true
}

@test "the exit status is the command's, each of 256" {
	for want in {0..255}; do
		coffer exec -- sh -c "exit $want"
		[[ $status == "$want" ]] || fail "it is not $want"
	done
}

@test "a command that a signal ended counts as 128 and the signal's number" {
	for number in 1 2 3 4 6 8 9 10 11 12 13 14 15 24 31 35 64; do
		coffer exec -- /usr/bin/python3 -c "
import os, resource, signal
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
if $number != 9:
	signal.signal($number, signal.SIG_DFL)
os.kill(os.getpid(), $number)"
		[[ $status == $((128 + number)) ]] || fail "it is not 128 + $number"
	done
}

@test "a command that is not there is 127, one that cannot be executed 126" {
	printf '#!%s/nothing\n' "$WORK" >"$WORK/uninterpreted"
	printf 'text' >"$WORK/text"
	mkdir "$WORK/folder"
	chmod +x "$WORK/uninterpreted"
	for words in "127 $WORK/nothing" "127 no-such-command" "127 $WORK/uninterpreted" \
		"126 $WORK/text" "126 $WORK/folder" "126 $WORK/text/below"; do
		coffer exec -- "${words#* }"
		refused "${words%% *}" "coffer: exec: cannot run '${words#* }'"
	done
	coffer exec -- ""
	refused 127 "coffer: exec: cannot run ''"
}

@test "the command is looked for in its own PATH, and in all of it" {
	mkdir "$WORK/one" "$WORK/two"
	printf '#!/bin/sh\necho two "$@"\n' >"$WORK/two/tool"
	chmod +x "$WORK/two/tool"
	coffer exec -- env "PATH=$WORK/nothing:$WORK/two" "$COFFER" exec -- tool a 'b  c'
	[[ $(<"$OUT") == "two a b  c" ]] || fail "not found behind a missing folder"
	# A file that may not be executed does not hide one that may.
	printf 'text' >"$WORK/one/tool"
	coffer exec -- env "PATH=$WORK/one:$WORK/two" "$COFFER" exec -- tool
	[[ $(<"$OUT") == two ]] || fail "not found behind another"
	coffer exec -- env "PATH=$WORK/one" "$COFFER" exec -- tool
	[[ $status == 126 ]] || fail "not 126"
	# What is no program is a script.
	printf 'echo script "$@"\n' >"$WORK/one/tool"
	chmod +x "$WORK/one/tool"
	coffer exec -- env "PATH=$WORK/one:$WORK/two" "$COFFER" exec -- tool a 'b  c'
	[[ $(<"$OUT") == "script a b  c" ]] || fail "not run as a script"
	printf 'PATH=%s\n' "$WORK/two" >"$WORK/variables"
	coffer exec --env-file "$WORK/variables" -- tool
	[[ $(<"$OUT") == two ]] || fail "not found where its own PATH leads"
	# An empty folder is the current one.
	cd "$WORK/two"
	coffer exec -- env "PATH=$WORK/nothing:" "$COFFER" exec -- tool
	[[ $(<"$OUT") == two ]] || fail "not found here"
}

@test "standard input is the command's, also at its end" {
	coffer exec --all -- cat <<<"some text"
	prints $'some text\n'
	coffer exec --all -- cat </dev/null
	prints ""
	printf 'first\nsecond\n' >"$WORK/lines"
	{
		"$COFFER" exec --all -- sh -c 'read -r line; echo "$line"' 3>&-
		cat
	} <"$WORK/lines" >"$OUT"
	prints $'first\nsecond\n'
}

@test "the command has the descriptors that coffer was given, and no others" {
	list='import os; print(sorted(os.listdir("/proc/self/fd"), key=int), os.read(7, 9))'
	/usr/bin/python3 -c "$list" 7<<<token >"$WORK/direct" 2>/dev/null 3>&-
	coffer exec --all -- /usr/bin/python3 -c "$list" 7<<<token
	done_silently
	cmp "$WORK/direct" "$OUT"
}

@test "make's jobserver is passed on" {
	command -v make >/dev/null
	printf 'all: a b\na b:\n\t@echo $@\n' >"$WORK/inner"
	printf 'all:\n\t+@"$(COFFER)" exec -- $(MAKE) --no-print-directory -f "%s/inner"\n' "$WORK" >"$WORK/outer"
	COFFER="$COFFER" make -j2 --no-print-directory -f "$WORK/outer" >"$OUT" 2>"$ERR" 3>&-
	[[ ! -s $ERR ]] || fail "a warning"
	[[ $(sort "$OUT") == $'a\nb' ]]
}

@test "signal mask and dispositions are those that coffer was given" {
	/usr/bin/python3 - "$COFFER" >"$OUT" 3>&- <<'PYTHON'
import re, signal, subprocess, sys

SHOW = ["cat", "/proc/self/status"]

def state(command, ignored, blocked):
    def prepare():
        for number in (signal.SIGPIPE, signal.SIGHUP, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN if number in ignored else signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
    text = subprocess.run(command, preexec_fn=prepare, restore_signals=False, capture_output=True,
                          check=True).stdout
    # Without 32 and 33, which glibc keeps for itself and ignores in all that it spawns.
    return [int(mask, 16) & ~(3 << 31) for mask in re.findall(rb"Sig(?:Blk|Ign|Cgt):\s(\w+)", text)]

for ignored in [], [signal.SIGPIPE], [signal.SIGHUP], [signal.SIGINT, signal.SIGPIPE]:
    for blocked in [], [signal.SIGUSR1, signal.SIGTERM]:
        want = state(SHOW, ignored, blocked)
        got = state([sys.argv[1], "exec", "--all", "--"] + SHOW, ignored, blocked)
        print("same" if want == got else (ignored, blocked, want, got))
PYTHON
	[[ $(sort "$OUT" | uniq -c | tr -s ' ') == " 8 same" ]] || fail "they differ"
}

@test "the status is known also where SIGCHLD is ignored" {
	status=0
	(
		trap '' CHLD
		exec "$COFFER" exec -- sh -c 'exit 3'
	) 3>&- || status=$?
	[[ $status == 3 ]]
}

# A command that counts SIGINT until SIGUSR1 comes, and says when it can.
counting='
import os, signal
wanted = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2]
signal.pthread_sigmask(signal.SIG_BLOCK, wanted)
os.write(2, b"ready\n")
while (number := signal.sigwait(wanted)) != signal.SIGUSR1:
	os.write(1, b"%d\n" % number)
'

@test "a signal that is sent to coffer reaches the command, once" {
	fifos
	"$COFFER" exec --all -- /usr/bin/python3 -c "$counting" >"$WORK/out.fifo" 2>"$ERR" 3>&- &
	job=$!
	exec 6<"$WORK/out.fifo"
	wait_for is_in ready "$ERR"
	for number in 2 15 1 12 2; do
		kill -"$number" "$job"
		IFS= read -r -t 60 text <&6
		[[ $text == "$number" ]]
	done
	kill -USR1 "$job"
	[[ -z $(cat <&6) ]]
	exec 6<&-
	wait "$job"
}

@test "what the command sends to its process group is not sent to it again" {
	status=0
	setsid -w "$COFFER" exec --all -- /usr/bin/python3 -c '
import os, signal
wanted = [signal.SIGINT, signal.SIGUSR1]
signal.pthread_sigmask(signal.SIG_BLOCK, wanted)
coffer = os.getppid()
# So that what comes by way of coffer comes later, and counts.
os.kill(coffer, signal.SIGSTOP)
os.kill(0, signal.SIGINT)
first = signal.sigwait(wanted)
if os.fork() == 0:
	os.kill(coffer, signal.SIGUSR1)
	os.kill(coffer, signal.SIGCONT)
	os._exit(0)
print("got %d, then %d" % (first, signal.sigwait(wanted)))' >"$OUT" 2>"$ERR" 3>&- || status=$?
	done_silently
	prints $'got 2, then 10\n'
}

@test "a command that ignores SIGTERM goes on, and its status counts" {
	fifos
	"$COFFER" exec --all -- sh -c 'trap "" TERM; echo ready; read -r text; echo "$text"; exit 6' \
		<"$WORK/in" >"$WORK/out.fifo" 3>&- &
	job=$!
	exec 5>"$WORK/in" 6<"$WORK/out.fifo"
	IFS= read -r -t 60 text <&6
	kill -TERM "$job"
	echo "still here" >&5
	[[ $(cat <&6) == "still here" ]]
	exec 5>&- 6<&-
	status=0
	wait "$job" || status=$?
	[[ $status == 6 ]]
}

@test "a command that closes its output goes on, and the reader sees the end" {
	fifos
	"$COFFER" exec --all -- sh -c 'echo text; exec >&-; read -r end; exit 8' \
		<"$WORK/in" >"$WORK/out.fifo" 3>&- &
	job=$!
	exec 5>"$WORK/in" 6<"$WORK/out.fifo"
	[[ $(cat <&6) == text ]]
	kill -0 "$job"
	exec 5>&- 6<&-
	status=0
	wait "$job" || status=$?
	[[ $status == 8 ]]
}

@test "what the command leaves running is not waited for" {
	coffer exec --all -- sh -c 'sleep 1000 & echo "$!"'
	done_silently
	kill "$(<"$OUT")"
	# Nor is one that never stops writing.
	coffer exec --all -- sh -c '(trap "" PIPE; while echo "$$"; do :; done) 2>/dev/null & exit 9'
	[[ $status == 9 ]] || fail "another status"
}

@test "the command leaves no zombie while its output waits for the reader" {
	fifos
	"$COFFER" exec --all -- sh -c 'echo "$$" >&2; head -c 100000 /dev/zero' \
		>"$WORK/out.fifo" 2>"$ERR" 3>&- &
	job=$!
	exec 6<"$WORK/out.fifo"
	wait_for test -s "$ERR"
	wait_for is_gone "$(<"$ERR")"
	kill -0 "$job"
	[[ $(wc -c <&6) == 100000 ]]
	exec 6<&-
	wait "$job"
}

@test "whoever does not want to wait for the reader ends coffer with the command's status" {
	fifos
	"$COFFER" exec --all -- sh -c 'echo "$$" >&2; head -c 100000 /dev/zero; exit 7' \
		>"$WORK/out.fifo" 2>"$ERR" 3>&- &
	job=$!
	exec 6<"$WORK/out.fifo"
	wait_for test -s "$ERR"
	wait_for is_gone "$(<"$ERR")"
	kill -TERM "$job"
	status=0
	wait "$job" || status=$?
	exec 6<&-
	[[ $status == 7 ]]
}
