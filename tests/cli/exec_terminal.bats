# exec: on a terminal, where colours, size, keys and job control stay what they are. (F2)
load helper

marker='***REDACTED***'

setup() {
	setup_job s3cret-value
	export PS1='$ ' HISTFILE=/dev/null TERM=xterm
}

teardown() {
	tmux -S "$WORK/tmux" kill-server 2>/dev/null || true
	stop_daemon
	rm -rf "$WORK"
}

# in_terminal STEP... -- COMMAND...: sets OUT to what was shown, with all that its usage says.
in_terminal() {
	status=0
	/usr/bin/python3 "$BATS_TEST_DIRNAME/in_terminal.py" "$@" >"$OUT" 2>"$ERR" 3>&- || status=$?
	done_silently
}

# shows TEXT...: each was shown.
shows() {
	local text
	for text; do
		grep -qF -e "$text" "$OUT" || fail "never shown: $text"
	done
}

# ended STATUS: the command gave it, and the terminal is as it was.
ended() {
	[[ $(<"$OUT") == *$'modes: kept\nstatus: '"$1" ]] || fail "another end"
}

# Before a command's words, for a shell in the terminal.
job="'$COFFER' exec --all --"

@test "values are redacted on a terminal, and lines end as the command's terminal ends them" {
	in_terminal -- "$COFFER" exec --all -- sh -c 'echo "a $A b"; echo "$A" >&2; stty raw; printf "x\ny"'
	[[ $(<"$OUT") == "a $marker b"$'\r\n'"$marker"$'\r\nx\nymodes: kept\nstatus: 0' ]] ||
		fail "something else"
}

@test "each stream is a terminal for the command where it is one for coffer, errors only with output" {
	local -A redirected=([in]='</dev/null' [out]='| cat' [err]='2>/dev/null' [none]='')
	local -A want=([in]=-oe [out]=i-- [err]=io- [none]=ioe)
	for stream in in out err none; do
		in_terminal -- bash -c "$job bash -c '
			seen=; for fd in 0:i 1:o 2:e; do [[ -t \${fd%:*} ]] && seen+=\${fd#*:} || seen+=-; done
			echo \"\$seen\" >\"\$0\"' '$WORK/seen' ${redirected[$stream]}"
		[[ $(<"$WORK/seen") == "${want[$stream]}" ]] || fail "not for $stream: $(<"$WORK/seen")"
	done
}

@test "the command's terminal is its controlling one, and it is in the foreground there" {
	in_terminal -- "$COFFER" exec --all -- sh -c 'ps -o pgid=,tpgid= -p "$$" | tr -s " " >/dev/tty'
	read -r group foreground <"$OUT"
	[[ $group == "${foreground%$'\r'}" ]] || fail "it is not"
}

@test "the window has its size, and a change of it is passed on" {
	in_terminal see:ready resize:44,120 -- "$COFFER" exec --all -- bash -c '
		trap "stty size; exit 3" WINCH; stty size; echo ready; while :; do read -r -t 1; done'
	shows "31 97" "44 120"
	ended 3
}

@test "modes of the terminal are the command's at its start" {
	in_terminal -- bash -c "stty -echo erase ^H; stty -a >'$WORK/before'
		$job stty -a >'$WORK/never'; $job sh -c 'stty -a >\"$WORK/seen\"'"
	cmp "$WORK/before" "$WORK/seen"
}

@test "a prompt is shown at once, what is typed is echoed and read" {
	in_terminal "see:name: " 'type:joe\n' -- "$COFFER" exec --all -- \
		sh -c 'printf "name: "; read -r name; echo "hello $name"'
	shows $'name: joe\r' "hello joe"
	ended 0
}

@test "keys that mean something mean it to the command" {
	in_terminal see:ready 'type:\x03' see:caught 'type:\x1c' -- "$COFFER" exec --all -- \
		sh -c 'trap "echo caught" INT; echo ready; while :; do read -r line; done'
	shows '^C' '^\'
	ended 131
	in_terminal see:ready 'type:text\n\x04' -- "$COFFER" exec --all -- sh -c 'echo ready; cat; echo end'
	shows end
	ended 0
	# And nothing to coffer where the command has turned that off.
	in_terminal see:ready 'type:\x03\x1a\x04\x11\x13\r' see:done -- "$COFFER" exec --all -- \
		sh -c 'stty raw -echo; echo ready; head -c 6 | od -An -tx1; echo done'
	shows "03 1a 04 11 13 0d"
	ended 0
}

@test "the terminal is raw while the command runs, and as before after each end" {
	in_terminal see:ready raw 'type:\n' -- "$COFFER" exec --all -- sh -c 'echo ready; read -r x; exit 4'
	ended 4
	in_terminal see:ready raw kill:SIGTERM -- "$COFFER" exec --all -- sh -c 'echo ready; read -r x'
	ended 143
	in_terminal see:ready raw 'type:\n' -- "$COFFER" exec --all -- sh -c 'echo ready; read -r x; kill -9 "$$"'
	ended 137
	in_terminal -- "$COFFER" exec --all -- "$WORK/nothing"
	ended 127
}

@test "signals are passed to the command in its terminal" {
	in_terminal see:ready kill:SIGUSR1 see:usr1 kill:SIGINT see:int kill:SIGTERM -- "$COFFER" exec --all -- \
		bash -c 'trap "echo usr1" USR1; trap "echo int" INT; trap "echo term; exit 9" TERM
			echo ready; while :; do read -r; done'
	shows term
	ended 9
}

# ends_with STEP: the command in the terminal ends, which shows by nobody having its fifo open any more.
ends_with() {
	rm -f "$WORK/fifo"
	mkfifo "$WORK/fifo"
	in_terminal see:ready "$1" -- "$COFFER" exec --all -- \
		sh -c 'exec 3>"$0"; echo ready; trap "" PIPE; sleep 1000' "$WORK/fifo" &
	timeout 60 cat "$WORK/fifo"
	wait "$!"
}

@test "a terminal that is closed ends the command" {
	ends_with hangup
	tail -n 1 "$OUT" | grep -qE '^status: 129$' || fail "another status"
}

@test "a coffer that is killed leaves no command in its terminal" {
	ends_with kill:SIGKILL
	tail -n 1 "$OUT" | grep -qE '^status: 137$' || fail "another status"
}

@test "what the command has written before its end is shown, however slow the terminal" {
	in_terminal "ended:$WORK/pid" -- "$COFFER" exec --all -- \
		bash -c 'echo "$$" >"$0"; exec head -c 20000 /dev/zero' "$WORK/pid"
	[[ $(tr -dc '\0' <"$OUT" | wc -c) == 20000 ]] || fail "some is missing"
}

@test "a reader of standard error that has gone ends a command in a terminal, too" {
	in_terminal -- bash -c "$job sh -c 'yes >&2' 2> >(head -n 1 >/dev/null); echo code \$?"
	shows "code 141"
}

@test "the command can close its terminal and open it again" {
	in_terminal see:again 'type:word\n' -- "$COFFER" exec --all -- \
		bash -c 'exec <&- >&- 2>&-; command -p true; echo again >/dev/tty; read -r x </dev/tty; echo "got $x" >/dev/tty; exit 5'
	shows "got word"
	ended 5
}

# stop_and_continue SHELL...: in that shell.
stop_and_continue() {
	shell=("$@")
	in_terminal 'see:$ ' 'type:stty -a >'"$WORK"'/before\n' 'see:$ ' \
		"type:$job cat\n" raw 'type:one\n' 'see:one\r\none' 'type:\x1a' see:Stopped 'see:$ ' cooked \
		'type:stty -a >'"$WORK"'/after; jobs -l; echo te"xt"\n' see:text 'see:$ ' \
		'type:fg\n' raw 'type:two\n' 'see:two\r\ntwo' 'type:\x04' 'see:$ ' \
		'type:echo status $?\n' 'see:status 0' 'see:$ ' 'type:exit\n' -- "${shell[@]}"
	cmp "$WORK/before" "$WORK/after"
}

@test "^Z stops the command and coffer, and fg continues both" {
	stop_and_continue bash --norc --noediting -i
	# This one does not repair the terminal's modes itself.
	command -v dash >/dev/null
	stop_and_continue dash -i
}

@test "a size that changed during a stop is passed on" {
	in_terminal 'see:$ ' "type:$job bash -c 'echo rea\"\"dy; cat; stty size'\n" see:ready raw 'type:\x1a' \
		see:Stopped 'see:$ ' resize:40,110 'type:fg\n' raw 'type:\x04' 'see:40 110' 'see:$ ' \
		'type:exit\n' -- bash --norc --noediting -i
}

@test "in the background the terminal is left alone, and fg takes it" {
	in_terminal 'see:$ ' "type:$job sh -c 'echo star\"\"ted; read -r x; echo got \$x' &\n" see:started \
		'type:echo sh"ell"\n' see:shell 'type:fg\n' raw 'type:word\n' 'see:got word' 'see:$ ' \
		'type:exit\n' -- bash --norc --noediting -i
}

@test "in the background it ends without ever having had the terminal" {
	in_terminal 'see:$ ' "type:$job sh -c 'echo star\"\"ted; exit 3' & wait \$!; echo status \$?\n" \
		see:started 'see:status 3' 'see:$ ' 'type:exit\n' -- bash --norc --noediting -i
	shows "modes: kept"
}

@test "a job stopped and put into the background goes on there" {
	in_terminal 'see:$ ' "type:$job sh -c 'echo rea\"\"dy; read -r x; echo got \$x; read -r y; echo en\"\"d'\n" \
		see:ready raw 'type:\x1a' see:Stopped 'see:$ ' 'type:bg\n' 'see:$ ' 'type:echo sh"ell"\n' see:shell \
		'type:fg\n' raw 'type:a\nb\n' see:end 'see:$ ' 'type:exit\n' -- bash --norc --noediting -i
	shows "modes: kept"
}

@test "^Z where no shell could continue the command does not stop it" {
	in_terminal see:ready raw 'type:\x1aword\n' -- "$COFFER" exec --all -- \
		sh -c 'echo ready; read -r x; echo "got $x"'
	shows "got word"
	ended 0
}

# A command that waits for SIGINT while coffer is stopped, so that what comes by way of coffer comes later and counts;
# then for what coffer passes on next.
once='
import os, signal
wanted = [signal.SIGINT, signal.SIGUSR1]
signal.pthread_sigmask(signal.SIG_BLOCK, wanted)
signal.signal(signal.SIGINT, signal.SIG_DFL)
coffer = os.getppid()
os.kill(coffer, signal.SIGSTOP)
os.write(os.open("/dev/tty", os.O_WRONLY), b"ready\n")
first = signal.sigwait(wanted)
if os.fork() == 0:
	os.kill(coffer, signal.SIGUSR1)
	os.kill(coffer, signal.SIGCONT)
	os._exit(0)
print("got %d, then %d" % (first, signal.sigwait(wanted)))'

@test "^C in a pipeline reaches the command once" {
	in_terminal see:ready 'type:\x03' -- bash -c "trap '' INT
		$job /usr/bin/python3 -c '$once' | cat"
	shows "got 2, then 10"
}

@test "with another standard input, keys are the command's once it asks for single ones" {
	# Not before: the first of the pipeline reads lines.
	in_terminal see:ready cooked 'type:some text\n' 'see:got some text' -- bash -c "
		{ read -r x; echo \"\$x\"; } | $job sh -c 'echo ready; read -r x; echo got \$x'"
	in_terminal see:ready 'type:k' 'see:key k' -- bash -c "
		: | $job bash -c 'stty -icanon </dev/tty; echo ready; read -r -N 1 key </dev/tty; echo \"key \$key\"'"
	shows "modes: kept"
}

# --- whole programs --------------------------------------------------------------------------------

# on_screen TEXT: waits until tmux shows it.
on_screen() {
	local end=$((SECONDS + 60))
	mkfifo -m 600 "$WORK/never" 2>/dev/null || true
	until tmux -S "$WORK/tmux" capture-pane -p | grep -qE -e "$1"; do
		((SECONDS < end)) || {
			tmux -S "$WORK/tmux" capture-pane -p
			return 1
		}
		read -r -t 0.02 <>"$WORK/never" || true
	done
}

press() {
	tmux -S "$WORK/tmux" send-keys "$@"
}

# screen COMMAND...: a tmux of our own that runs the command in a shell.
screen() {
	tmux -S "$WORK/tmux" -f /dev/null new-session -d -x 90 -y 24 "PS1='\\$ ' exec bash --norc --noediting" 3>&-
	on_screen '^[$#] *$'
	press "$*" Enter
}

@test "an editor works within exec, and is stopped and continued" {
	screen "$job vim.tiny -u NONE '$WORK/file'"
	on_screen '^~'
	press i "some text" Escape
	on_screen "some text"
	press C-z
	on_screen Stopped
	press fg Enter
	on_screen '^~'
	press A ", and more" Escape ":wq" Enter
	on_screen '^[$#] *$'
	[[ $(<"$WORK/file") == "some text, and more" ]]
}

@test "a program of the whole screen works within exec, and follows its size" {
	screen "$job top -d 1000"
	on_screen 'load average'
	tmux -S "$WORK/tmux" resize-window -x 60 -y 12
	[[ $(tmux -S "$WORK/tmux" capture-pane -p | wc -l) == 12 ]]
	on_screen PID
	press q
	on_screen '^[$#] *$'
	press clear Enter "echo status \$?" Enter
	on_screen 'status 0'
}
