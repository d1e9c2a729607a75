"""Piccolo's view of this package: where its tables and migrations are."""

from pathlib import Path

from piccolo.conf.apps import AppConfig, table_finder

from persistence.schema_version import APP_NAME

APP_CONFIG = AppConfig(
    app_name=APP_NAME,
    migrations_folder_path=Path(__file__).parent / "migrations",
    table_classes=table_finder(
        modules=[
            "persistence.parties",
            "persistence.companies",
            "persistence.books",
            "persistence.book_state_tables",
            "persistence.journals",
            "persistence.ledger_tables",
            "persistence.payment_instructions",
            "persistence.purse_instructions",
            "persistence.notifications",
            "persistence.loans",
            "persistence.business_time_tables",
        ],
        exclude_imported=True,
    ),
)
