#!/bin/sh
# Goal of this test: both libraries need libc alone, show nothing but the functions of the public headers, and
# stay small. usage: library.sh LIBCOFFER.SO LIBCOFFER.A INCLUDE-FOLDER MAX-BYTES(0: any)
set -eu
shared=$1 static=$2 include=$3 max=$4
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

fail() {
	echo "$*" >&2
	exit 1
}

needed=$(readelf -d "$shared" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p')
[ "$max" = 0 ] || [ "$needed" = libc.so.6 ] || fail "it needs: $needed"
readelf -d "$shared" | grep -q 'SONAME.*\[libcoffer\.so\.0\]' || fail "its name is not libcoffer.so.0"

# Declared: each name before a parenthesis in the headers without their comments.
for header in "$include"/coffer/*.h; do
	cc -E -P -I"$include" "$header"
done | grep -o 'coffer_[a-z_]*(' | tr -d '(' | sort -u >"$folder/declared"
nm -D --defined-only "$shared" | awk '$2 != "A" { sub(/@.*/, "", $3); print $3 }' |
	sort -u >"$folder/shared"
nm -g --defined-only "$static" | awk 'NF == 3 { print $3 }' | grep -v '^__' | sort -u >"$folder/static"
[ -s "$folder/declared" ] || fail "no declared function was found"
diff "$folder/declared" "$folder/shared" || fail "the shared library does not export what is declared"
diff "$folder/declared" "$folder/static" || fail "the static library does not export what is declared"

strip -o "$folder/stripped" "$shared"
size=$(stat -c %s "$folder/stripped")
echo "stripped: $size bytes"
[ "$max" = 0 ] || [ "$size" -le "$max" ] || fail "it is larger than $max bytes"
