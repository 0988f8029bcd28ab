"""Sound systems that do what their telemetry does not show."""

from __future__ import annotations

from dataclasses import replace

from diagnosis.telemetry import BEGIN, SECOND, Telemetry, counted, flow

from .world import honest


def _tried_again_unseen(read: float, failures: int = 1) -> Telemetry:
    """Have what failed be done 18 s later, by an attempt whose span is lost, after metrics were read the last time."""
    made = flow(40, 1, skip={20}, committed=20)
    for turn in range(failures):
        made.billing.process(made.messages[20], 2.01 + turn * 0.1, error="ConnectionError")
    made.billing.commit("orders", 20.1, 40)
    early = [span for span in made.billing.spans if int(span.json["endTimeUnixNano"]) < BEGIN + (read - 1) * SECOND]
    made.world.metrics = False
    made.world.extra += [counted(made.shop), counted(replace(made.billing, spans=early))]
    return made.world


@honest("EDA104")
def a_second_try_when_telemetry_is_away_for_a_while() -> Telemetry:
    return _tried_again_unseen(3.5)


@honest("EDA104")
def a_second_try_after_the_last_span_of_the_topic() -> Telemetry:
    return _tried_again_unseen(5.5)


@honest("EDA402")
def a_fourth_try_when_telemetry_is_away_for_a_while() -> Telemetry:
    return _tried_again_unseen(5.5, 3)
