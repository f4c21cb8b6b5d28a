-- Secrets that end by themselves and say what they are for; grants of services, and of one process.

ALTER TABLE secret ADD COLUMN expires_ms INTEGER NOT NULL DEFAULT 0 CHECK (expires_ms >= 0);
ALTER TABLE secret ADD COLUMN note BLOB NOT NULL DEFAULT x'';

-- When the newest version of a secret ends: not of older ones, so that the first row is always due next.
CREATE TABLE expiry (
	scope TEXT NOT NULL CHECK (scope <> ''),
	name TEXT NOT NULL CHECK (name <> ''),
	at_ms INTEGER NOT NULL CHECK (at_ms > 0),
	PRIMARY KEY (scope, name)
) STRICT, WITHOUT ROWID;
CREATE INDEX expiry_at ON expiry (at_ms);

ALTER TABLE grant ADD COLUMN name TEXT NOT NULL DEFAULT '';
ALTER TABLE grant ADD COLUMN process BLOB NOT NULL DEFAULT x'';
CREATE UNIQUE INDEX grant_service_name ON grant (name) WHERE kind = 2 AND ended = 0;
CREATE INDEX grant_of_service ON grant (id) WHERE kind = 2;
CREATE INDEX grant_bound ON grant (id) WHERE process <> x'' AND ended = 0;
