-- The first schema. Rows are found by their keys alone: every statement is a search, never a scan.
-- The checks keep nonsense out that only a defect could write; what comes back is checked again.

CREATE TABLE identity (
	only INTEGER PRIMARY KEY CHECK (only = 1),
	uuid BLOB NOT NULL CHECK (length(uuid) = 16),
	algorithm INTEGER NOT NULL CHECK (algorithm BETWEEN 1 AND 4294967295),
	created_ms INTEGER NOT NULL CHECK (created_ms >= 0)
) STRICT;

-- What nearly every change moves on stands in one row, and so costs one page of the log.
CREATE TABLE head (
	only INTEGER PRIMARY KEY CHECK (only = 1),
	revision INTEGER NOT NULL CHECK (revision >= 0),
	audit_seq INTEGER NOT NULL CHECK (audit_seq >= 0),
	audit_mac BLOB NOT NULL CHECK (length(audit_mac) = 32),
	audit_line BLOB NOT NULL
) STRICT;
INSERT INTO head VALUES (1, 0, 0, zeroblob(32), x'');

CREATE TABLE slot (
	id INTEGER PRIMARY KEY CHECK (id BETWEEN 1 AND 4294967295),
	epoch INTEGER NOT NULL CHECK (epoch BETWEEN 1 AND 4294967295),
	kind INTEGER NOT NULL CHECK (kind BETWEEN 1 AND 4294967295),
	params BLOB NOT NULL,
	nonce BLOB NOT NULL,
	commitment BLOB NOT NULL,
	wrapped BLOB NOT NULL
) STRICT;

-- The newest version comes first, so that the first row at or behind a key is the one that is wanted.
CREATE TABLE secret (
	scope TEXT NOT NULL CHECK (scope <> ''),
	name TEXT NOT NULL CHECK (name <> ''),
	version INTEGER NOT NULL CHECK (version BETWEEN 1 AND 4294967294),
	flags INTEGER NOT NULL CHECK (flags BETWEEN 0 AND 4294967295),
	created_ms INTEGER NOT NULL CHECK (created_ms >= 0),
	sealed BLOB NOT NULL,
	PRIMARY KEY (scope, name, version DESC)
) STRICT, WITHOUT ROWID;

-- ended: 0 for a live one, else why its token no longer works.
CREATE TABLE grant (
	id TEXT PRIMARY KEY CHECK (id <> ''),
	kind INTEGER NOT NULL CHECK (kind IN (1, 2)),
	token_hash BLOB NOT NULL UNIQUE CHECK (length(token_hash) = 32),
	scopes TEXT NOT NULL,
	allow TEXT NOT NULL,
	bind_uid INTEGER NOT NULL CHECK (bind_uid IN (0, 1)),
	uid INTEGER NOT NULL CHECK (uid BETWEEN 0 AND 4294967295),
	created_ms INTEGER NOT NULL CHECK (created_ms >= 0),
	expires_ms INTEGER NOT NULL CHECK (expires_ms >= 0),
	ended INTEGER NOT NULL CHECK (ended BETWEEN 0 AND 4)
) STRICT, WITHOUT ROWID;

CREATE TABLE run (
	id TEXT PRIMARY KEY CHECK (id <> ''),
	pipeline TEXT NOT NULL,
	ref TEXT NOT NULL,
	state INTEGER NOT NULL CHECK (state BETWEEN 1 AND 7),
	created_ms INTEGER NOT NULL CHECK (created_ms >= 0),
	started_ms INTEGER NOT NULL CHECK (started_ms >= 0),
	finished_ms INTEGER NOT NULL CHECK (finished_ms >= 0),
	expires_ms INTEGER NOT NULL CHECK (expires_ms >= 0),
	payload BLOB NOT NULL,
	bootstrap INTEGER NOT NULL CHECK (bootstrap IN (0, 1)),
	nonce BLOB NOT NULL,
	claim_uid INTEGER NOT NULL CHECK (claim_uid BETWEEN 0 AND 4294967295)
) STRICT, WITHOUT ROWID;
CREATE INDEX run_live ON run (pipeline, ref) WHERE state IN (1, 2);
CREATE INDEX run_expiry ON run (expires_ms) WHERE state IN (1, 2);
