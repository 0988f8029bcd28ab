"""The shop: reads an order from each line of its input and stores the order together with its event."""

from __future__ import annotations

import argparse
import sys

from outbox import Database


def place(database: Database, topic: str, number: int, item: str) -> None:
    """Store an order and its event: both or none."""
    with database.transaction():
        database.execute("INSERT INTO orders (number, item) VALUES (?, ?)", number, item)
        database.store(topic, {"order": number, "item": item})
    print(f"order {number}: stored", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--database", default="sqlite:///shop.db", metavar="URL")
    parser.add_argument("--orders", default="orders", metavar="TOPIC")
    options = parser.parse_args()

    database = Database(options.database)
    [(last,)] = database.execute("SELECT coalesce(max(number), 0) FROM orders").fetchall()
    for number, line in enumerate(sys.stdin, start=last + 1):
        place(database, options.orders, number, line.strip())


if __name__ == "__main__":
    main()
