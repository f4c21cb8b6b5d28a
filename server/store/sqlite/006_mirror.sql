-- Which objects of a bucket are known here: each is one version of a secret, under a keyed hash of its scope and
-- name. And the batches of them that are whole: a record of another batch is not served.

CREATE TABLE object (
	name BLOB NOT NULL CHECK (length(name) = 32),
	version INTEGER NOT NULL CHECK (version BETWEEN 1 AND 4294967294),
	state INTEGER NOT NULL CHECK (state BETWEEN 1 AND 3),
	batch BLOB NOT NULL CHECK (length(batch) = 16),
	created_ms INTEGER NOT NULL CHECK (created_ms >= 0),
	PRIMARY KEY (name, version DESC)
) STRICT, WITHOUT ROWID;

CREATE TABLE batch (
	id BLOB PRIMARY KEY CHECK (length(id) = 16)
) STRICT, WITHOUT ROWID;
