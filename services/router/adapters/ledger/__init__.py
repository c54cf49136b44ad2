"""Spend in PostgreSQL: budgets, holds, and one row for each try, never changed."""

from services.router.adapters.ledger.accounts import PostgresAccounts
from services.router.adapters.ledger.postgres import PostgresLedger

__all__ = ["PostgresAccounts", "PostgresLedger"]
