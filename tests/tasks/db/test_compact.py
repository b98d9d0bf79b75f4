"""What was deleted is not left in the file of a ledger."""

from sqlalchemy import text

from tasks.db.compact import compact
from tasks.db.engine import connect

MARKER = "quokkamarker"


def test_deleted_text_is_in_the_file_until_it_is_compacted(tmp_path):
    file = tmp_path / "ledger.db"
    engine = connect(f"sqlite:///{file}")
    with engine.begin() as connection:
        # Some builds of SQLite overwrite what they delete, others leave it.
        connection.execute(text("PRAGMA secure_delete = OFF"))
        connection.execute(text("CREATE TABLE person (name TEXT)"))
        connection.execute(text("INSERT INTO person VALUES (:name)"), {"name": MARKER})
    with engine.begin() as connection:
        connection.execute(text("DELETE FROM person"))
    assert holds_marker(tmp_path)
    assert compact(engine) is True
    assert not holds_marker(tmp_path)
    engine.dispose()


def test_a_ledger_that_another_process_reads_is_not_compacted(tmp_path):
    file = tmp_path / "ledger.db"
    engine, other = connect(f"sqlite:///{file}"), connect(f"sqlite:///{file}?timeout=0")
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE person (name TEXT)"))
    with engine.begin() as reader:
        reader.execute(text("SELECT * FROM person"))
        assert compact_at_once(other) is False
    assert compact_at_once(other) is True
    for one in (engine, other):
        one.dispose()


def compact_at_once(engine):
    """Compact without waiting for other processes."""
    with engine.connect() as connection:
        connection.connection.driver_connection.execute("PRAGMA busy_timeout = 0")
    return compact(engine)


def holds_marker(folder):
    return any(MARKER.encode() in file.read_bytes() for file in folder.iterdir())
