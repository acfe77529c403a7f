"""How PostgreSQL is connected to and read, without SQLAlchemy."""
