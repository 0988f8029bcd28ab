"""The fault lab: programs on real brokers that go wrong in known ways, and what `otel-eda diagnose` says of them.

`make faultlab` plays every scenario: its programs run under OpenTelemetry's launcher, their telemetry is kept in files
and diagnosed, and the findings are held against the truth that the programs themselves wrote down.

A scenario is one file, found by where it is: in `faulty/` if something goes wrong in it, in `sound/` if it only looks
so. Its docstring says what happens. It has a function `play(stage)`, which starts programs one after the other or at
once. These are functions of that file, or of those for all scenarios; each runs in a process of its own, with the
arguments that `stage.run` is given (plain values).

    def play(stage: Stage) -> None:
        topic = stage.topic()
        stage.run("shop", send, topic, 20)
        stage.run("billing", billing, topic)

    def billing(topic: str) -> None:
        for message in read(consumer(topic), 20):
            ...
            fault("EDA104", **place(message))

A program says by `fault` (in `truth.py`) what goes wrong at the moment it does, as a diagnosis is to say it: the code,
the least verdict, and where, in the words of the JSON report (`service`, `destination`, `group`, `partition`, `offset`,
`message`, `key`). What is so as well, though it is no fault or a mere consequence of one, it says by `harmless`: that
may be found as LIKELY. Nothing may depend on time: programs tell by lines how far they are (`say`, `wait`, `told`), and
`outlive` shows that what is missing is not merely late. Imports of client libraries belong into the programs.

To play some, and keep what they leave behind: `PYTHONPATH=tests python -m faultlab --keep FOLDER NAME…`; after a change
of the checks, `--keep FOLDER --again` says what they find in it now.
"""
