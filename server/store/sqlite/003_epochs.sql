-- A change of the root key: how far it is, and the keys that outlast every change, sealed under the newest one.

CREATE TABLE rotation (
	only INTEGER PRIMARY KEY CHECK (only = 1),
	stage INTEGER NOT NULL CHECK (stage BETWEEN 1 AND 4294967295),
	scope TEXT NOT NULL,
	name TEXT NOT NULL,
	run TEXT NOT NULL
) STRICT;

CREATE TABLE lasting (
	only INTEGER PRIMARY KEY CHECK (only = 1),
	sealed BLOB NOT NULL
) STRICT;
