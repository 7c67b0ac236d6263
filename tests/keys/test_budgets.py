"""Budgets and grants in the database, on both kinds."""

from __future__ import annotations

from headgate.keys import budgets, store
from headgate.keys.budgets import Granted, SetBudget
from headgate.ledger.database import Database
from tests.ledger.conftest import database, server, url

__all__ = ["database", "server", "url"]


def test_a_budget_takes_the_place_of_the_one_before(database: Database) -> None:
    first, second = SetBudget("agent.usd_per_day", {"usd": 5}, 1), SetBudget("agent.usd_per_day", {"usd": 9}, 2)
    with database.writing() as connection:
        budgets.set_budget(connection, database, first)
        budgets.set_budget(connection, database, second)
        assert budgets.all_budgets(connection) == [second]
        assert budgets.unset_budget(connection, database, second.slot)
        assert not budgets.unset_budget(connection, database, second.slot)
        assert budgets.all_budgets(connection) == []
        assert store.change_number(connection) == 3


def test_grants_under_one_id_add_up(database: Database) -> None:
    day_ns = 86_400 * 10**9
    with database.writing() as connection:
        budgets.grant(connection, database, Granted("a", 5, 0))
        budgets.grant(connection, database, Granted("b", 7, day_ns))
        budgets.grant(connection, database, Granted("b", 3, 2 * day_ns))
        assert budgets.all_grants(connection) == [Granted("a", 5, 0), Granted("b", 10, 2 * day_ns)]
        assert store.change_number(connection) == 3
