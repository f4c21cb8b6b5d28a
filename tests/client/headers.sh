#!/bin/sh
# Goal of this test: every public header compiles alone, as the oldest C that it is written for and as C++.
# usage: headers.sh INCLUDE-FOLDER
set -eu
include=$1
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
for header in "$include"/coffer/*.h; do
	name=coffer/$(basename "$header")
	printf '#include <%s>\n#include <%s>\nint main(void);\nint main(void) { return 0; }\n' \
		"$name" "$name" >"$folder/alone.c"
	cp "$folder/alone.c" "$folder/alone.cc"
	cc -std=c99 -pedantic -Wall -Wextra -Werror -fsyntax-only -I"$include" "$folder/alone.c"
	cc -std=c11 -pedantic -Wall -Wextra -Werror -fsyntax-only -I"$include" "$folder/alone.c"
	g++ -std=c++11 -pedantic -Wall -Wextra -Werror -fsyntax-only -I"$include" "$folder/alone.cc"
done
