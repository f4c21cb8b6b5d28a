# What differs on a terminal: the hidden prompt, the newline, the header. (E1)
load helper

# The program in a terminal of its own: stdin and stdout are one. Prints what the terminal showed.
# Words before "--" are typed, each after the next question.
in_terminal() {
	/usr/bin/python3 - "$COFFER" "$@" 3>&- <<'PYTHON'
import os, pty, sys, termios

split = sys.argv.index("--")
typed, words = sys.argv[2:split], sys.argv[split + 1:]
pid, fd = pty.fork()
if pid == 0:
    os.execv(sys.argv[1], [sys.argv[1]] + words)
shown = b""
questions = 0
while True:
    try:
        data = os.read(fd, 4096)
    except OSError:
        break
    if not data:
        break
    shown += data
    while questions < len(typed) and shown.count(b": ") > questions:
        text = typed[questions]
        os.write(fd, b"\x03" if text == "^C" else b"\x04" if text == "^D" else
                 text.encode() + b"\n")
        questions += 1
echo = termios.tcgetattr(fd)[3] & termios.ECHO
status = os.waitpid(pid, 0)[1]
sys.stdout.buffer.write(shown)
print("echo:", bool(echo))
print("status:", os.WTERMSIG(status) + 128 if os.WIFSIGNALED(status) else os.WEXITSTATUS(status))
PYTHON
}

@test "set on a terminal asks twice and shows nothing of the value" {
	shown=$(in_terminal hunter2 hunter2 -- set A)
	grep -q "status: 0" <<<"$shown"
	[[ $shown != *hunter2* ]]
	grep -q "echo: True" <<<"$shown"
	coffer get A
	prints hunter2
}

@test "two values that differ at the prompt are refused" {
	shown=$(in_terminal hunter2 hunter3 -- set A)
	grep -q "status: 1" <<<"$shown"
	grep -q "coffer: set: the two values differ" <<<"$shown"
	[[ $shown != *hunter* ]]
	coffer get A
	refused 1 "unknown secret 'A'"
}

@test "an interrupt at the prompt ends the program and leaves the echo on" {
	shown=$(in_terminal ^C -- set A)
	grep -q "status: 130" <<<"$shown"
	grep -q "echo: True" <<<"$shown"
}

@test "the end of input at the prompt is no empty value" {
	shown=$(in_terminal ^D -- set A)
	grep -q "status: 1" <<<"$shown"
	grep -q "nothing was entered" <<<"$shown"
}

@test "a value on a terminal gets a newline behind it" {
	put A hunter2
	shown=$(in_terminal -- get A)
	[[ $shown == $'hunter2\r\necho: True\nstatus: 0' ]]
}

@test "a table on a terminal has a header" {
	put A x
	shown=$(in_terminal -- ls)
	[[ $shown == *SCOPE*NAME*VERSION*UPDATED*global*A*1* ]]
}
