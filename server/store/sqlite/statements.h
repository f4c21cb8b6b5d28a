/* statements.h - every statement that the running store uses. Layer: store.
 *
 * Parameters and columns are bound and read in their order here. Each must be a search by key: a test
 * reads the plan of every row. */
#ifndef STORE_SQLITE_STATEMENTS_H
#define STORE_SQLITE_STATEMENTS_H

#define STATEMENTS_SECRET "SELECT version, flags, created_ms, sealed, expires_ms, note FROM secret "
#define STATEMENTS_OBJECT "SELECT version, state, batch, created_ms FROM object "
#define STATEMENTS_GRANT                                                                      \
	"SELECT id, kind, token_hash, scopes, allow, bind_uid, uid, created_ms, expires_ms, " \
	"ended, name, process FROM grant "
#define STATEMENTS_RUN                                                                       \
	"SELECT id, pipeline, ref, state, created_ms, started_ms, finished_ms, expires_ms, " \
	"payload, bootstrap, nonce, claim_uid FROM run "
#define STATEMENTS_LIVE "state IN (1, 2)"

/* X(name, SQL) */
#define STATEMENTS(X)                                                                            \
	X(READ, "BEGIN")                                                                         \
	X(BEGIN, "BEGIN IMMEDIATE")                                                              \
	X(COMMIT, "COMMIT")                                                                      \
	X(ROLLBACK, "ROLLBACK")                                                                  \
	X(IDENTITY_PUT, "REPLACE INTO identity VALUES (1, ?, ?, ?)")                             \
	X(IDENTITY_GET, "SELECT uuid, algorithm, created_ms FROM identity WHERE only = 1")       \
	X(SLOT_PUT, "INSERT INTO slot VALUES (?, ?, ?, ?, ?, ?, ?)")                             \
	X(SLOT_NEXT, "SELECT id, epoch, kind, params, nonce, commitment, wrapped FROM slot "     \
		     "WHERE id > ? ORDER BY id LIMIT 1")                                         \
	X(SLOT_DELETE, "DELETE FROM slot WHERE id = ?")                                          \
	X(ROTATION_PUT, "REPLACE INTO rotation VALUES (1, ?, ?, ?, ?)")                          \
	X(ROTATION_GET, "SELECT stage, scope, name, run FROM rotation WHERE only = 1")           \
	X(ROTATION_DELETE, "DELETE FROM rotation WHERE only = 1")                                \
	X(LASTING_PUT, "REPLACE INTO lasting VALUES (1, ?)")                                     \
	X(LASTING_GET, "SELECT sealed FROM lasting WHERE only = 1")                              \
	X(SECRET_RESEAL,                                                                         \
	  "UPDATE secret SET sealed = ?, note = ? WHERE scope = ? AND name = ? AND version = ?") \
	X(RUN_RESEAL, "UPDATE run SET payload = ? WHERE id = ?")                                 \
	X(REVISION_GET, "SELECT revision FROM head WHERE only = 1")                              \
	X(REVISION_PUT, "UPDATE head SET revision = ? WHERE only = 1")                           \
	X(COUNTS_GET, "SELECT secrets, versions FROM head WHERE only = 1")                       \
	X(COUNTS_ADD, "UPDATE head SET secrets = secrets + ?, versions = versions + ? "          \
		      "WHERE only = 1")                                                          \
	X(RUNS_LIVE, "SELECT count(*) FROM run WHERE expires_ms > ? AND " STATEMENTS_LIVE)       \
	X(SERVICES_LIVE, "SELECT count(*) FROM grant WHERE name > '' AND kind = 2 "              \
			 "AND ended = 0 AND expires_ms > ?")                                     \
	X(MARK_GET, "SELECT at_ms FROM mark WHERE id = ?")                                       \
	X(MARK_PUT, "REPLACE INTO mark VALUES (?, ?)")                                           \
	X(ANCHOR_GET, "SELECT audit_seq, audit_mac, audit_line FROM head "                       \
		      "WHERE only = 1 AND audit_seq > 0")                                        \
	X(ANCHOR_PUT, "UPDATE head SET audit_seq = ?, audit_mac = ?, audit_line = ? "            \
		      "WHERE only = 1")                                                          \
	X(SECRET_PUT, "INSERT INTO secret VALUES (?, ?, ?, ?, ?, ?, ?, ?)")                      \
	X(SECRET_LATEST,                                                                         \
	  STATEMENTS_SECRET "WHERE scope = ? AND name = ? ORDER BY version DESC LIMIT 1")        \
	X(SECRET_BEFORE, STATEMENTS_SECRET                                                       \
	  "WHERE scope = ? AND name = ? AND version < ? ORDER BY version DESC LIMIT 1")          \
	X(SECRET_NEXT,                                                                           \
	  "SELECT name, version, flags, created_ms, sealed, expires_ms, note FROM secret "       \
	  "WHERE scope = ? AND name > ? ORDER BY name, version DESC LIMIT 1")                    \
	X(SECRET_PRUNE, "DELETE FROM secret WHERE scope = ?1 AND name = ?2 AND version <= "      \
			"(SELECT version FROM secret WHERE scope = ?1 AND name = ?2 "            \
			"ORDER BY version DESC LIMIT 1 OFFSET ?3)")                              \
	X(SECRET_PURGE, "DELETE FROM secret WHERE scope = ? AND name = ?")                       \
	X(SCOPE_NEXT, "SELECT scope FROM secret WHERE scope > ? ORDER BY scope LIMIT 1")         \
	X(SCOPE_PURGE, "DELETE FROM secret WHERE scope = ?")                                     \
	X(EXPIRY_PUT, "REPLACE INTO expiry VALUES (?, ?, ?)")                                    \
	X(EXPIRY_DELETE, "DELETE FROM expiry WHERE scope = ? AND name = ?")                      \
	X(EXPIRY_PURGE, "DELETE FROM expiry WHERE scope = ?")                                    \
	X(EXPIRY_NEXT,                                                                           \
	  "SELECT scope, name, at_ms FROM expiry WHERE at_ms > 0 ORDER BY at_ms LIMIT 1")        \
	X(SECRET_ERASE, "DELETE FROM secret WHERE scope = ? AND name = ? "                       \
			"AND version BETWEEN ? AND ?")                                           \
	X(OBJECT_PUT, "REPLACE INTO object VALUES (?, ?, ?, ?, ?)")                              \
	X(OBJECT_BEFORE,                                                                         \
	  STATEMENTS_OBJECT "WHERE name = ? AND version < ? ORDER BY version DESC LIMIT 1")      \
	X(OBJECT_FIRST, STATEMENTS_OBJECT "WHERE name = ? ORDER BY version LIMIT 1")             \
	X(OBJECT_ERASE, "DELETE FROM object WHERE name = ? AND version < ?")                     \
	X(OBJECT_COUNT, "SELECT count(*) FROM object WHERE name >= x''")                         \
	X(BATCH_PUT, "REPLACE INTO batch VALUES (?)")                                            \
	X(BATCH_GET, "SELECT 1 FROM batch WHERE id = ?")                                         \
	X(GRANT_PUT, "INSERT INTO grant VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")            \
	X(GRANT_BY_HASH, STATEMENTS_GRANT "WHERE token_hash = ?")                                \
	X(GRANT_BY_ID, STATEMENTS_GRANT "WHERE id = ?")                                          \
	X(SERVICE_BY_NAME, STATEMENTS_GRANT "WHERE name = ? AND kind = 2 AND ended = 0")         \
	X(SERVICE_NEXT, STATEMENTS_GRANT "WHERE kind = 2 AND id > ? ORDER BY id LIMIT 1")        \
	X(GRANT_BOUND_NEXT,                                                                      \
	  STATEMENTS_GRANT "WHERE process <> x'' AND ended = 0 AND id > ? ORDER BY id LIMIT 1")  \
	X(GRANT_RENEW, "UPDATE grant SET expires_ms = ? WHERE id = ? AND ended = 0")             \
	X(GRANT_SET_END, "UPDATE grant SET ended = ? WHERE id = ? AND ended = 0")                \
	X(RUN_PUT, "INSERT INTO run VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")                \
	X(RUN_GET, STATEMENTS_RUN "WHERE id = ?")                                                \
	X(RUN_BEFORE, STATEMENTS_RUN "WHERE id < ? ORDER BY id DESC LIMIT 1")                    \
	X(RUN_LIVE, STATEMENTS_RUN "WHERE pipeline = ? AND ref = ? AND " STATEMENTS_LIVE         \
				   " ORDER BY id LIMIT 1")                                       \
	X(RUN_NEXT_EXPIRY, STATEMENTS_RUN "WHERE expires_ms > 0 AND " STATEMENTS_LIVE            \
					  " ORDER BY expires_ms LIMIT 1")                        \
	X(RUN_ENDED_FIRST, STATEMENTS_RUN "WHERE state > 2 AND finished_ms <= ? "                \
					  "ORDER BY finished_ms LIMIT 1")                        \
	X(RUN_DELETE, "DELETE FROM run WHERE id = ? AND state > 2")                              \
	X(SERVICE_EXPIRED_FIRST, STATEMENTS_GRANT "WHERE kind = 2 AND expires_ms <= ? "          \
						  "ORDER BY expires_ms LIMIT 1")                 \
	X(GRANT_DELETE, "DELETE FROM grant WHERE id = ? AND (ended > 0 OR expires_ms <= ?)")     \
	X(RUN_CLAIM, "UPDATE run SET state = 2, started_ms = ?, nonce = ?, claim_uid = ? "       \
		     "WHERE id = ? AND state = 1")                                               \
	X(RUN_END, "UPDATE run SET state = ?, finished_ms = ? WHERE id = ? AND " STATEMENTS_LIVE)

#define STATEMENTS_ENUM(name, sql) STATEMENT_##name,
enum statement { STATEMENTS(STATEMENTS_ENUM) STATEMENTS_LEN };
#undef STATEMENTS_ENUM

#endif
