#!/usr/bin/python3
"""Runs a command in a terminal of its own, as somebody who looks at the screen and types.

usage: in_terminal.py [STEP...] -- COMMAND [ARGUMENT...]

Steps, done in their order:
  see:TEXT      wait until the text is shown, behind what was seen before; TEXT as in a Python string
  type:TEXT     type it
  raw, cooked   wait until the terminal is in that mode
  resize:R,C    make it R rows high and C columns wide
  kill:SIGNAL   send the command a signal
  ended:FILE    wait until the process whose id is in the file has ended; nothing is read meanwhile
  hangup        close the terminal, and wait for the command's end

Then the command is waited for. Printed are all that was shown, and the lines "modes: kept" (or "changed") and
"status: N", which is 128 + n if signal n ended it. Nothing is waited for longer than a minute."""

import fcntl
import os
import pty
import select
import signal
import struct
import sys
import termios
import time

SIZE = (31, 97)
PATIENCE = 60


def has_ended(path):
    """Whether the process whose id is in the file has been there and is gone, or a zombie."""
    try:
        with open(path, encoding="ascii") as file:
            pid = int(file.read())
    except (OSError, ValueError):
        return False
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as file:
            return file.read().rsplit(")", 1)[1].split()[0] == "Z"
    except OSError:
        return True


class Terminal:
    def __init__(self, command):
        self.master, slave = os.openpty()
        self.resize(*SIZE)
        self.modes = termios.tcgetattr(self.master)
        self.shown = b""
        self.seen = 0
        self.pid = os.fork()
        if self.pid == 0:
            os.close(self.master)
            self.log_in(slave)
            signal.signal(signal.SIGPIPE, signal.SIG_DFL)
            os.execvp(command[0], command)
        os.close(slave)
        self.deadline = time.monotonic() + PATIENCE

    @staticmethod
    def log_in(slave):
        os.setsid()
        fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
        for fd in range(3):
            os.dup2(slave, fd)

    def fail(self, what):
        sys.stdout.buffer.write(self.shown)
        print(f"\nin_terminal.py: {what}")
        if self.pid:
            os.kill(self.pid, signal.SIGKILL)
        sys.exit(1)

    def read(self):
        """Takes what comes next. False at the end."""
        if not select.select([self.master], [], [], max(0, self.deadline - time.monotonic()))[0]:
            self.fail("nothing came for too long")
        try:
            data = os.read(self.master, 65536)
        except OSError:
            data = b""
        self.shown += data
        return bool(data)

    def see(self, text):
        wanted = text.encode().decode("unicode_escape").encode()
        while (at := self.shown.find(wanted, self.seen)) < 0:
            if not self.read():
                self.fail(f"never shown: {text}")
        self.seen = at + len(wanted)

    def type(self, text):
        os.write(self.master, text.encode().decode("unicode_escape").encode())

    def wait_mode(self, canonical):
        while bool(termios.tcgetattr(self.master)[3] & termios.ICANON) != canonical:
            if time.monotonic() > self.deadline:
                self.fail("the mode did not change")
            time.sleep(0.01)

    def wait_end(self, path):
        while not has_ended(path):
            if time.monotonic() > self.deadline:
                self.fail("the process did not end")
            time.sleep(0.01)

    def resize(self, rows, columns):
        size = struct.pack("HHHH", int(rows), int(columns), 0, 0)
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, size)

    def step(self, word):
        verb, _, argument = word.partition(":")
        if verb in ("raw", "cooked"):
            self.wait_mode(verb == "cooked")
        elif verb == "resize":
            self.resize(*argument.split(","))
        elif verb == "kill":
            os.kill(self.pid, getattr(signal, argument))
        elif verb == "hangup":
            os.close(self.master)
            self.master = -1
        else:
            {"see": self.see, "type": self.type, "ended": self.wait_end}[verb](argument)

    def finish(self):
        kept = True
        if self.master >= 0:
            while self.read():
                pass
            kept = termios.tcgetattr(self.master) == self.modes
        status = os.waitpid(self.pid, 0)[1]
        sys.stdout.buffer.write(self.shown)
        sys.stdout.flush()
        print("modes:", "kept" if kept else "changed")
        print("status:", os.WTERMSIG(status) + 128 if os.WIFSIGNALED(status) else
              os.WEXITSTATUS(status))


def main():
    split = sys.argv.index("--")
    terminal = Terminal(sys.argv[split + 1:])
    for word in sys.argv[1:split]:
        terminal.step(word)
    terminal.finish()


main()
