"""The old desk of the examples: ``old.sqlite3`` with its files in ``old-media``."""

from pathlib import Path

from sqlalchemy import create_engine, insert

from benchmarks import old_desk

TICKETS = 40


def make_old_desk(folder: Path) -> None:
    """Make an old desk as Django would have left it, with one ticket that cannot be taken."""
    engine = create_engine(f"sqlite:///{folder / 'old.sqlite3'}")
    made = list(old_desk.rows(TICKETS))
    company = next(row for table, row in made if table is old_desk.COMPANIES_TABLE)
    odd = old_desk.ticket(company["id"], "T-20230101-999999", company["id"], status="escalated")
    with engine.begin() as connection:
        old_desk.OLD.create_all(connection)
        for table, row in [*made, (old_desk.TICKETS, odd)]:
            connection.execute(insert(table), row)
            if table is old_desk.ATTACHMENTS:
                path = folder / "old-media" / row["file"]
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text("2023-01-01T00:00:00Z heartbeat ok\n")
    engine.dispose()
