"""Programs as teams write them, who know nothing of a diagnosis: faulty ones, and sound ones that look odd.

No program here imports otel-eda, tells the stage how far it is, or waits after what it has sent. Each keeps a diary
(`diary.py`) of what it did with which event, as a program with a good audit log would. The lab adds what the broker
itself knows in the end (`books.py`), and `verdicts.py` concludes from both what a diagnosis must and may say.

A stranger is one file. It names the libraries that it is written for, and plays with each of them twice: with its
fault, and as its sound twin, which has something odd about it but no fault.

    LIBRARIES = ("kafka-python", "aiokafka")

    def play(books: Books, library: str, faulty: bool) -> None:
        orders = books.topic("orders")
        books.run("orders-api", api, orders, library)
        ...

`PYTHONPATH=tests python -m faultlab strangers` plays all of them. With `--mix 5`, five mixes of several programs, drawn
at random by `--seed`, play as one system whose telemetry is diagnosed as a whole.
"""
