"""A store in a SQL database: SQLite, or PostgreSQL and what speaks like it.

Nothing here is imported before a store is opened: SQLAlchemy takes its time.
"""
