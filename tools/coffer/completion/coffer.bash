# shellcheck shell=bash
# Completion of coffer for bash 4.4 or newer. What there is to offer, coffer itself tells; nothing that it
# prints is evaluated.

# Joins what readline takes apart at '=', ':' and '@': words and their indexes in COMP_WORDS, up to the one
# that is being typed. Sets words and starts, which are the caller's.
__coffer_join() {
	local line=$COMP_LINE part i
	words=() starts=()
	for ((i = 0; i <= COMP_CWORD; i++)); do
		part=${COMP_WORDS[i]}
		if ((i > 0)) && [[ -n $part && $line == "$part"* ]]; then
			words[-1]+=$part
		else
			line=${line#"${line%%[![:space:]]*}"}
			words+=("$part")
			starts+=("$i")
		fi
		line=${line#"$part"}
	done
}

# The command from word $1 of COMP_WORDS on, as if it stood alone.
__coffer_command() {
	local index=$1 cur=$2
	if declare -F _comp_command_offset >/dev/null; then
		_comp_command_offset "$index"
	elif declare -F _command_offset >/dev/null; then
		_command_offset "$index"
	elif ((index == COMP_CWORD)); then
		mapfile -t COMPREPLY < <(compgen -c -- "$cur")
	else
		compopt -o filenames
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
	fi
}

_coffer() {
	local words=() starts=() lines=() line kept breaks=${COMP_WORDBREAKS//[^=:@]/}
	COMPREPLY=()
	__coffer_join
	local cur=${words[-1]}
	# The words go through a pipe: as arguments every process could read them.
	mapfile -t lines < <(printf '%s\0' "${words[@]:1}" | command coffer __complete 2>/dev/null)
	for line in "${lines[@]}"; do
		case $line in
		:command\ *)
			__coffer_command "${starts[${line##* } + 1]}" "$cur"
			return
			;;
		:files\ *)
			kept=${line##* }
			compopt -o filenames
			mapfile -t COMPREPLY < <(compgen -P "${cur:0:kept}" -f -- "${cur:kept}")
			;;
		:folders\ *)
			kept=${line##* }
			compopt -o filenames
			mapfile -t COMPREPLY < <(compgen -P "${cur:0:kept}" -d -- "${cur:kept}")
			;;
		*)
			printf -v line %q "${line%%$'\t'*}"
			COMPREPLY+=("$line")
			;;
		esac
	done
	if [[ ${#COMPREPLY[@]} == 1 && ${COMPREPLY[0]} == *: ]]; then
		compopt -o nospace
	fi
	# Readline replaces only what is behind the last character at which it takes words apart.
	if [[ $breaks ]]; then
		kept=${cur%"${cur##*["$breaks"]}"}
		COMPREPLY=("${COMPREPLY[@]#"$kept"}")
	fi
}

complete -F _coffer coffer
