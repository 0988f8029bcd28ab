"""The screen in the hall, with ZeroMQ and blinker: shows where parcels are."""

from __future__ import annotations

import argparse
from contextlib import suppress
from typing import Any

import blinker
import zmq

moved = blinker.signal("parcel_moved")
places: dict[tuple[str, int], str] = {}


@moved.connect
def keep(screen: str, parcel: dict[str, Any]) -> None:
    places[screen, parcel["order"]] = parcel["place"]


@moved.connect
def show(screen: str, parcel: dict[str, Any]) -> None:
    print(f"{screen}: order {parcel['order']}, {parcel['inside']}, is {parcel['place']}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--screen", default="tcp://127.0.0.1:5599")
    options = parser.parse_args()

    with zmq.Context() as context, context.socket(zmq.PULL) as parcels:
        parcels.bind(options.screen)
        with suppress(KeyboardInterrupt):
            while True:
                moved.send("hall", parcel=parcels.recv_json())


if __name__ == "__main__":
    main()
