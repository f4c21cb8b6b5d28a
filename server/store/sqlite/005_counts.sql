-- What an operator asks for often is counted as it changes; and what has ended is found by when that was.
-- No check on the counts: one that is wrong must not keep a change from being made.

ALTER TABLE head ADD COLUMN secrets INTEGER NOT NULL DEFAULT 0;
ALTER TABLE head ADD COLUMN versions INTEGER NOT NULL DEFAULT 0;
UPDATE head SET versions = (SELECT count(*) FROM secret), secrets = (
	SELECT count(*) FROM secret AS s WHERE flags & 1 = 0 AND version = (
		SELECT max(version) FROM secret WHERE scope = s.scope AND name = s.name));

CREATE INDEX run_ended ON run (finished_ms) WHERE state > 2;
CREATE INDEX grant_over ON grant (expires_ms) WHERE kind = 2;
