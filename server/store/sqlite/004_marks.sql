-- When something was done that is done once, or that is asked for: one row each, by a number of the program's.

CREATE TABLE mark (
	id INTEGER PRIMARY KEY CHECK (id BETWEEN 1 AND 4294967295),
	at_ms INTEGER NOT NULL CHECK (at_ms > 0)
) STRICT;
