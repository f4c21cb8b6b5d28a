#!/usr/bin/env bash
# The same as test_with_coffer.py, in a shell: a daemon for as long as the script runs.
set -euo pipefail

folder=$(mktemp -d)
printf %s s3cret >"$folder/DB_PASSWORD"
coproc DAEMON { exec cofferd --ephemeral --log-level warn --secret "DB_PASSWORD=@$folder/DB_PASSWORD"; }
daemon=$DAEMON_PID
trap 'kill "$daemon" || true; wait "$daemon" || true; rm -r "$folder"' EXIT
for _ in COFFER_SOCKET COFFER_ADMIN_SOCKET COFFER_RUN_ID COFFER_TOKEN; do
	IFS= read -r variable <&"${DAEMON[0]}" # it serves before it prints these
	export "${variable?}"
done

# From here on it is the test.
[[ $(coffer get DB_PASSWORD) == s3cret ]]
if coffer get API_KEY 2>/dev/null; then
	echo "there is a secret that nobody set" >&2
	exit 1
fi
