#!/bin/sh
# Goal of this test: the libraries need libc alone, show nothing but the functions of their public headers, and
# libcoffer stays small. usage: library.sh LIBCOFFER.SO LIBCOFFER-ADMIN.SO LIBCOFFER.A INCLUDE-FOLDER MAX-BYTES(0: any)
set -eu
shared=$1 admin=$2 static=$3 include=$4 max=$5
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

fail() {
	echo "$*" >&2
	exit 1
}

# Declared: each name before a parenthesis in the headers without their comments. What admin.h includes counts
# as its own, so that is taken off.
declared_in() {
	for header; do
		cc -E -P -I"$include" "$header"
	done | grep -o 'coffer_[a-z_]*(' | tr -d '(' | sort -u
}
set --
for header in "$include"/coffer/*.h; do
	[ "$(basename "$header")" = admin.h ] || set -- "$@" "$header"
done
declared_in "$@" >"$folder/declared"
declared_in "$include/coffer/admin.h" | comm -23 - "$folder/declared" >"$folder/declared-admin"
for list in declared declared-admin; do
	[ -s "$folder/$list" ] || fail "no declared function was found: $list"
done

# check_shared FILE NAME DECLARED
check_shared() {
	needed=$(readelf -d "$1" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p')
	[ "$max" = 0 ] || [ "$needed" = libc.so.6 ] || fail "$2 needs: $needed"
	readelf -d "$1" | grep -q "SONAME.*\[$2\]" || fail "the name of $1 is not $2"
	nm -D --defined-only "$1" | awk '$2 != "A" { sub(/@.*/, "", $3); print $3 }' | sort -u >"$folder/shared"
	diff "$3" "$folder/shared" || fail "$2 does not export what is declared"
}
check_shared "$shared" libcoffer.so.0 "$folder/declared"
check_shared "$admin" libcoffer-admin.so.0 "$folder/declared-admin"

nm -g --defined-only "$static" | awk 'NF == 3 { print $3 }' | grep -v '^__' | sort -u >"$folder/static"
sort -u "$folder/declared" "$folder/declared-admin" | diff - "$folder/static" ||
	fail "the static library does not export what is declared"

strip -o "$folder/stripped" "$shared"
size=$(stat -c %s "$folder/stripped")
echo "stripped: $size bytes"
[ "$max" = 0 ] || [ "$size" -le "$max" ] || fail "it is larger than $max bytes"
