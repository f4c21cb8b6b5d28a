# Completion: what coffer __complete tells the shells, and what the shells' scripts make of it.
load helper

SCRIPTS="$BATS_TEST_DIRNAME/../../tools/coffer/completion"
SOURCES="$BATS_TEST_DIRNAME/../../tools/coffer"

# offered WORD...: what completes the last word, without explanations, on standard output.
offered() {
	printf '%s\0' "$@" | "$COFFER" __complete 2>"$ERR" 3>&- | cut -f 1
	[[ ! -s $ERR ]] || fail "standard error is not empty"
}

# offers TEXT WORD...: TEXT, with a newline behind each candidate, is all that completes the last word.
offers() {
	local text=$1 got
	shift
	got=$(offered "$@")
	[[ $got == "$text" ]] || fail "'$*' is completed by: $got"
}

# Every verb, and every verb of a verb, on a line.
list_verbs() {
	local verb
	"$COFFER" help 3>&- | sed -n 's/^  \([a-z]*\) .*/\1/p' | while read -r verb; do
		echo "$verb"
		"$COFFER" help "$verb" 3>&- | sed -n "s/^  \([a-z]\+\)  .*/$verb \1/p"
	done
}

# in_bash LINE: what bash would put in the place of the word at the line's end, one candidate a line. It is
# taken apart as readline does it.
in_bash() {
	bash --noprofile --norc -c '
		source "$1"
		COMP_LINE=$2 COMP_POINT=${#2} COMP_WORDBREAKS=$'"' \\t\\n\"\\'><=;|&(:@'"'
		rest=$2 COMP_WORDS=()
		while [[ $rest =~ ^[[:space:]]*([=:@]+|[^[:space:]=:@]+) ]]; do
			COMP_WORDS+=("${BASH_REMATCH[1]}")
			rest=${rest#"${BASH_REMATCH[0]}"}
		done
		if [[ -n $rest ]]; then COMP_WORDS+=(""); fi
		COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
		compopt() { :; }
		_coffer coffer
		printf "%s\n" "${COMPREPLY[@]}"' bash "$SCRIPTS/coffer.bash" "$1" 3>&-
}

# The same of zsh. What its completion system would be asked to do is done here.
in_zsh() {
	zsh -f -c '
		compadd() {
			if (( $@[(I)-a] )); then print -rl -- ${(P)@[-1]}; else print -r -- $@[-1]; fi
		}
		compset() { IPREFIX=${PREFIX[1,$2]} PREFIX=${PREFIX[$2+1,-1]}; }
		_files() {
			local -a paths=(${~:-"$PREFIX*"}(N))
			print -rl -- $IPREFIX${^paths}
		}
		_normal() { print -r -- "command $words[1,CURRENT]"; }
		words=(${=2})
		if [[ $2 == *" " ]]; then words+=(""); fi
		CURRENT=$#words PREFIX=$words[-1]
		source $1' zsh "$SCRIPTS/_coffer" "$1" 3>&-
}

in_fish() {
	HOME="$WORK" fish --no-config -c 'source $argv[1]; complete -C $argv[2]' \
		"$SCRIPTS/coffer.fish" "$1" 3>&- | cut -f 1
}

# each_shell TEXT LINE: in all three shells the word at the line's end becomes one of the lines of TEXT.
each_shell() {
	local shell got
	for shell in in_bash in_zsh in_fish; do
		got=$("$shell" "$2" | LC_ALL=C sort)
		[[ $got == "$1" ]] || fail "$shell '$2': $got"
	done
}

# told NAME...: what completes "coffer get " if a daemon says that these are names. To OUT.
told() {
	mkdir -p "$COFFER_HOME/run"
	rm -f "$COFFER_HOME/run/admin.sock"
	/usr/bin/python3 - "$COFFER" "$COFFER_HOME/run/admin.sock" "$BATS_TEST_DIRNAME/../support" "$@" \
		>"$OUT" 2>"$ERR" 3>&- <<'END'
import socket, subprocess, sys, threading
sys.path.insert(0, sys.argv[3])
import coffer_test as t
def serve(peer):
    with peer.makefile("rwb") as stream:
        size = shift = 0
        while (byte := stream.read(1)[0]) > 127:
            size, shift = size | (byte & 127) << shift, shift + 7
        request = t.pb.Request.FromString(stream.read(size | byte << shift))
        page = t.METHODS[request.method].response()
        for name in sys.argv[4:]:
            page.secrets.add(scope="global", name=name, version=1)
        reply = t.pb.Response(id=request.id, body=page.SerializeToString())
        stream.write(t.delimited(reply.SerializeToString()))
        stream.flush()
with socket.socket(socket.AF_UNIX) as server:
    server.bind(sys.argv[2])
    server.listen()
    thread = threading.Thread(target=lambda: serve(server.accept()[0]))
    thread.start()
    subprocess.run([sys.argv[1], "__complete"], input=b"get\0\0", timeout=60, check=True)
    thread.join(60)
END
}

setup() {
	setup_home
	PATH="$(dirname "$COFFER"):$PATH"
	cd "$WORK" || return
}

# A daemon with secrets of three scopes, a run and a service.
fill() {
	"$COFFER" init >/dev/null 2>&1
	start_daemon
	put DB_PASSWORD sesame-one
	put DB_USER sesame-two
	put DB_PASSWORD sesame-three --scope pipeline/shop/web
	put ONLY_HERE sesame-four --scope pipeline/shop/web
	put DB_ROOT sesame-five --scope system/vault --system
	create_run
	coffer service create nightly --scope global
	done_silently
}

@test "the verb that the shells call is in no list and no guess" {
	coffer help
	lacks "$OUT" complete
	coffer __complet
	refused 2 "unknown verb"
	lacks "$ERR" "did you mean"
}

@test "every verb is offered, with what it does, and every verb of a verb" {
	local verbs verb sub
	verbs=$(list_verbs)
	[[ $(wc -l <<<"$verbs") -gt 25 ]]
	while read -r verb sub; do
		offered ${sub:+"$verb"} "" | grep -qx "${sub:-$verb}" || fail "not offered: $verb $sub"
		offered help ${sub:+"$verb"} "" | grep -qx "${sub:-$verb}" || fail "help: $verb $sub"
	done <<<"$verbs"
	printf 'statu\0' | "$COFFER" __complete >"$OUT" 3>&-
	prints $'status\ttell how the daemon is\n'
}

@test "every flag that a verb's source has is offered" {
	local file flags rows verb
	for file in "$SOURCES"/cmd_*.c; do
		# cmd_run_create.c, cmd_run.c: verbs of run
		verb=$(basename "$file" .c) verb=${verb#cmd_} verb=${verb%%_*}
		rows=$(sed -n 's/.*{ "\([a-z-]*\)", OPTION_.*/--\1/p' "$file" | sed 's/^--\(.\)$/-\1/' | sort -u)
		flags=$(list_verbs | grep -E "^$verb( |\$)" | while read -ra words; do
			offered "${words[@]}" -
		done | sort -u)
		[[ -z $(comm -23 <(echo "$rows") <(printf '\n%s\n' "$flags")) ]] || fail "$verb: $rows; $flags"
	done
}

@test "a flag is offered as one with a value if the verb takes one with it, and only then" {
	local verb flag
	while read -ra verb; do
		for flag in $(offered "${verb[@]}" - | grep '^--'); do
			coffer "${verb[@]}" "$flag=x" </dev/null
			lacks "$ERR" "unknown option"
			if grep -q "takes no value" "$ERR"; then
				[[ $(offered "${verb[@]}" "$flag" --hom) == --home ]] ||
					fail "${verb[*]}: $flag is completed as if it took a value"
			else
				[[ $(offered "${verb[@]}" "$flag" --hom) != --home ]] ||
					fail "${verb[*]}: $flag is completed as if it took no value"
			fi
		done
	done < <(list_verbs | grep -vxE 'run|service|key')
}

@test "flags stand before the verb, end with --, and are not offered for a value or a command" {
	offers $'--home\n--admin-socket\n--help\n--version' -
	offers "status" --home x --admin-socket y stat
	offers "" get -- -
	offers $':files 0' set X --file -
	offers ':command 3' exec --pristine -- make -
	offers ':command 3' exec --timeout 5s make ''
	offers "" nosuch ''
	offers "" run nosuch ''
	offers "" rollback NAME ''
}

@test "choices that the explanation names are offered" {
	offers $'dotenv\njson\nshell' export --format ''
	offers --format=dotenv import --format=d
	offers $'succeeded\nfailed\ncancelled' run finish ID --result ''
	offers $'socket\nfilesystem' run create --transport ''
	offers --transport=filesystem run create --transport=f
	offers $'restart\nsignal:\nignore' exec --watch ''
	offers signal:USR1 exec --watch signal:USR1
	offers --watch=signal:HUP exec --watch=signal:H
}

@test "files and folders are the shell's to complete" {
	offers ":files 0" backup ''
	offers ":files 7" set X --file=a
	offers ":files 3" set A=@
	offers ":files 3" run create --secret A=@b
	offers ":files 5" set X --source file:/etc
	offers ":folders 0" run create --git-dir ''
	offers ":folders 0" --home ''
}

@test "operators are offered names, scopes, runs and services" {
	fill
	offers $'DB_PASSWORD\nDB_USER\nONLY_HERE' get ''
	offers $'DB_PASSWORD\nDB_USER' rm DB
	offers $'DB_PASSWORD\nONLY_HERE' history --scope pipeline/shop/web ''
	offers DB_ROOT get --system DB_R
	offers $'global\npipeline/shop/web' set X --scope ''
	offers --scope=system/vault get X --system --scope=s
	offers $'A,DB_PASSWORD\nA,DB_USER' redact --names A,D
	offers X=DB_USER exec --set X=DB_U
	offers DB_USER audit --name DB_U
	offers "$RUN" run show ''
	offers "$RUN" audit --run ''
	offers nightly service renew ''
	offers nightly why X --service n
	offers "" service create ''
	printf '%s\0' run show '' | "$COFFER" __complete >"$OUT" 3>&-
	prints "$RUN"$'\tapp refs/heads/main, pending\n'
}

@test "a run that has ended is offered where it can be looked at, and not where it can be ended" {
	fill
	offers "$RUN" run finish ''
	offers "$RUN" run revoke ''
	coffer run revoke "$RUN"
	done_silently
	offers "" run finish ''
	offers "" run revoke ''
	offers "$RUN" run show ''
}

@test "--home and --admin-socket say which daemon is asked" {
	fill
	offers "" get --home "$WORK/other" DB_U
	offers "" --admin-socket="$WORK/other" get DB_U
	local home=$COFFER_HOME
	unset COFFER_HOME
	offers DB_USER --home "$home" get DB_U
	offers DB_USER get --admin-socket "$home/run/admin.sock" DB_U
}

@test "a run is offered verbs and flags, and nothing that the daemon knows" {
	fill
	local name words
	for name in COFFER_TOKEN COFFER_TOKEN_FILE SECRETS_API_TOKEN COFFER_TRANSPORT; do
		# A token that is empty is one that got lost.
		local value=
		[[ $name != COFFER_TRANSPORT ]] || value=filesystem
		export "$name=$value"
		for words in "get D" "set X --scope=g" "run show 0" "why X --service n"; do
			offers "" $words
		done
		offers --scope get --sc
		unset "$name"
	done
	offers DB_USER get DB_U
}

@test "without a daemon nothing is offered and nothing said" {
	local words
	for words in "get D" "set X --scope=g" "run show 0" "service revoke n"; do
		offers "" $words
	done
	offers "" --home "/$(printf 'x%.0s' {1..300})" get D
}

@test "a daemon that does not answer is not waited for" {
	mkdir -p "$COFFER_HOME/run"
	# The socket takes connections until coffer has ended, and nothing more.
	/usr/bin/python3 -c '
import socket, subprocess, sys
with socket.socket(socket.AF_UNIX) as silent:
	silent.bind(sys.argv[2])
	silent.listen()
	subprocess.run([sys.argv[1], "__complete"], input=b"get\0D\0", timeout=9, check=True)
' "$COFFER" "$COFFER_HOME/run/admin.sock" >"$OUT" 2>"$ERR" 3>&-
	prints ""
}

@test "the shells complete verbs, flags, names, scopes, choices and files" {
	fill
	mkdir folder
	touch folder/one folder/two
	each_shell $'DB_PASSWORD\nDB_USER' "coffer get DB"
	each_shell $'redact\nresolve\nrestore\nrm\nrollback\nrun' "coffer r"
	each_shell $'--scope\n--system' "coffer get X --s"
	each_shell $'pipeline/shop/web' "coffer get X --scope pi"
	each_shell $'dotenv' "coffer export --format d"
	each_shell "$RUN" "coffer run finish "
	each_shell $'folder/one\nfolder/two' "coffer backup folder/"
	# Where readline takes words apart only what is behind is replaced.
	[[ $(in_bash "coffer get --scope=pi") == pipeline/shop/web ]]
	[[ $(in_zsh "coffer get --scope=pi") == --scope=pipeline/shop/web ]]
	[[ $(in_fish "coffer get --scope=pi") == --scope=pipeline/shop/web ]]
	[[ $(in_bash "coffer set A=@folder/o") == folder/one ]]
	[[ $(in_zsh "coffer set A=@folder/o") == A=@folder/one ]]
	[[ $(in_fish "coffer set A=@folder/o") == A=@folder/one ]]
	[[ $(in_bash "coffer exec --watch=signal:HU") == HUP ]]
	[[ $(in_zsh "coffer exec --watch=signal:HU") == --watch=signal:HUP ]]
	[[ $(in_fish "coffer exec --watch=signal:HU") == --watch=signal:HUP ]]
}

@test "behind exec the shells complete as if the command stood alone" {
	mkdir folder
	touch folder/one
	in_bash "coffer exec -- setpri" | grep -qx setpriv
	[[ $(in_zsh "coffer exec -- setpri") == "command setpri" ]]
	in_fish "coffer exec -- setpri" | grep -qx setpriv
	[[ $(in_bash "coffer exec --pristine cat folder/o") == folder/one ]]
	[[ $(in_zsh "coffer exec --pristine cat folder/o") == "command cat folder/o" ]]
	[[ $(in_fish "coffer exec --pristine cat folder/o") == folder/one ]]
}

@test "no shell evaluates what is offered to it" {
	local shell
	mkdir bin
	printf '%s\n' '#!/bin/sh' 'cat >words' 'cat <<"END"' '$(touch broken)' '`touch broken`' \
		"';touch broken;'" '${x:-$(touch broken)}' $'plain\t$(touch broken)' END >bin/coffer
	chmod 755 bin/coffer
	PATH="$WORK/bin:$PATH"
	for shell in in_bash in_zsh in_fish; do
		rm -f words
		"$shell" "coffer get " >"$WORK/all"
		grep -qx plain "$WORK/all" || fail "$shell: $(cat "$WORK/all")"
		[[ -s words && ! -e broken ]] || fail "$shell evaluates"
	done
	# What would end up on the command line is quoted.
	in_bash "coffer get " | grep -qxF '\$\(touch\ broken\)'
}

@test "what no name is made of is not offered, whatever a daemon says" {
	told FINE '$(touch broken)' 'A`B`' 'A;B' 'A B' "A'B" -A
	prints $'FINE\n'
	told FINE $'A\e[2J'
	prints ""
	told FINE $'A\nB'
	prints ""
}

@test "no value is ever offered, nor passed as an argument" {
	local shell words
	fill
	for words in "get D" "set " "set --scope g" "run show " "why X --service n" "set DB_USER="; do
		offered $words "" >>"$WORK/all"
		offered $words >>"$WORK/all"
	done
	lacks "$WORK/all" sesame
	mkdir bin
	printf '%s\n' '#!/bin/sh' 'echo "$@" >arguments' >bin/coffer
	chmod 755 bin/coffer
	PATH="$WORK/bin:$PATH"
	for shell in in_bash in_zsh in_fish; do
		"$shell" "coffer set DB_USER=sesame-two --sc" >/dev/null
		[[ $(<arguments) == __complete ]] || fail "$shell passes $(<arguments)"
	done
}
