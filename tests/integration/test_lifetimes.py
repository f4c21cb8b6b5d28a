"""What happens at the end of a secret's time, and to who edits the database: through the whole daemon. (E3, C8)"""

import contextlib
import sqlite3
import time

import pytest
from coffer_test import Refused, eventually, sentinel

HOUR_MS = 3_600_000


def put(daemon, name, scope="global", **fields):
    daemon.admin("PutSecret", scope=scope, writes=[{"name": name, **fields}])


def soon(ms=1500):
    return int(time.time() * 1000) + ms


def test_who_waits_is_told_of_the_end_of_a_secret(daemon):
    run = daemon.create()
    put(daemon, "A", value=b"of all")
    put(daemon, "A", scope="pipeline/app", value=b"own", expires_at_ms=soon())
    wire = daemon.runner(run)
    revision = wire.ask("WaitForChange").revision
    assert wire.ask("GetSecret", name="A").value == b"own"
    reply = wire.ask("WaitForChange", after_revision=revision, timeout_ms=HOUR_MS)
    assert reply.changed and reply.revision == revision + 1
    assert wire.ask("GetSecret", name="A").value == b"of all"


def test_what_expired_while_the_daemon_was_away_is_ended_at_its_start(daemon):
    end = soon(300)
    put(daemon, "A", value=b"v", expires_at_ms=end)
    daemon.stop()
    eventually(lambda: time.time() * 1000 > end, "the time to pass")
    daemon.start()
    records = eventually(lambda: [r for r in daemon.audit() if r["op"] == "ExpireSecrets"],
                         "the record of the end")
    assert [(s["name"], s["version"]) for s in records[0]["secrets"]] == [("A", 2)]
    assert daemon.verify_audit().problem == ""


def test_a_note_and_a_path_stand_nowhere_in_the_clear(daemon, folder):
    note, name = sentinel(), sentinel()
    path = folder / name
    path.write_bytes(b"of the file")
    put(daemon, "A", source=f"file:{path}", set_note=True, note=note)
    wire = daemon.runner(daemon.create())
    assert wire.ask("GetSecret", name="A").value == b"of the file"
    daemon.assert_forgotten(note, memory=False)
    daemon.assert_forgotten(name, memory=False)


def test_a_value_from_a_file_leaves_no_trace(daemon, folder):
    value = sentinel()
    (folder / "value").write_text(value)
    put(daemon, "A", source=f"file:{folder}/value")
    wire = daemon.runner(daemon.create())
    assert wire.ask("GetSecret", name="A").value.decode() == value
    assert wire.ask("GetEnvironment").secrets[0].value.decode() == value
    wire.close()
    (folder / "value").unlink()
    daemon.assert_forgotten(value)


@pytest.mark.parametrize("edit", ["expires_ms = 0", "expires_ms = expires_ms + 1",
                                  "note = sealed, sealed = note",
                                  "note = sealed, sealed = note, flags = 4",
                                  "flags = 2"])
def test_who_edits_a_row_has_it_open_nowhere(daemon, edit):
    put(daemon, "A", value=b"of all")
    put(daemon, "A", scope="pipeline/app", value=b"file:/etc/passwd", set_note=True, note="note",
        expires_at_ms=soon(HOUR_MS))
    daemon.stop()
    database = sqlite3.connect(daemon.database())
    with database:
        changed = database.execute(f"UPDATE secret SET {edit} WHERE scope = 'pipeline/app'")
        assert changed.rowcount == 1
    database.close()
    daemon.start()
    run = daemon.create()
    with pytest.raises(Refused) as caught:
        daemon.runner(run).ask("GetSecret", name="A")
    assert "the stored record of 'A' is damaged" in str(caught.value)


def test_a_run_is_removed_so_long_after_its_end_and_a_live_one_never(daemon):
    """keep_runs_for: with its grant and what it was about, and a record; its token is unknown from then on."""
    daemon.put("A", b"v")
    old, live = daemon.create(), daemon.create(ref="other")
    daemon.runner(old).ask("Bootstrap")
    daemon.admin("FinishRun", run_id=old.run_id, result="SUCCEEDED")
    daemon.stop()
    with contextlib.closing(sqlite3.connect(daemon.database())) as database:
        database.execute("UPDATE run SET finished_ms = ?", (int(time.time() * 1000) - HOUR_MS,))
        database.commit()
    daemon.start()
    daemon.operator().ask("ListRuns", run_id=old.run_id)
    daemon.stop()
    (daemon.home / "coffer.conf").write_text("keep_runs_for = 59m\n")
    daemon.start()
    eventually(lambda: [run.run_id for run in daemon.admin("ListRuns").runs] == [live.run_id], "it is removed")
    (record,) = [record for record in daemon.audit() if record["op"] == "RemoveEnded"]
    assert record["secrets"] == [{"scope": f"run/{old.run_id}"}]
    assert daemon.runner(live).ask("GetSecret", name="A").value == b"v"
    with pytest.raises(Refused):
        daemon.runner(old)
    assert daemon.audit()[-1]["reason"] == "unknown"
    assert daemon.operator().code("ListRuns", run_id=old.run_id) == "NOT_FOUND"
    assert "RemoveEnded" in "".join(daemon.admin("ReadAudit", run=old.run_id).lines)
    assert daemon.verify_audit().problem == ""
