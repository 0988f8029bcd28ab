"""Answers to the questions that the page asks of a made system."""

from __future__ import annotations

import math
import random
from typing import TYPE_CHECKING, Any

from .made import CHECKS, NOW, STEP, VERDICTS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from .made import Answer, Made

TIMES = [NOW - STEP * (60 - turn) for turn in range(60)]
BOUNDS: list[float | None] = [*(10 ** (-4 + place / 4) for place in range(29)), None]


def findings(made: Made, asked: Mapping[str, str]) -> Answer:
    text, codes = asked.get("text", "").lower(), asked.get("code", "")
    chosen = [
        entry
        for entry in made.entries()
        if text in str(entry["finding"]).lower()
        and entry["finding"]["code"].startswith(codes)
        and asked.get("verdict", "") in {"", entry["finding"]["verdict"]}
    ]
    groups = [
        {
            "id": code, "code": code, "title": title, "cause": cause, "destination": None,
            "worst": min((entry["finding"]["verdict"] for entry in mine), key=VERDICTS.index), "findings": mine,
        }
        for code, title, cause in CHECKS
        if (mine := [entry for entry in chosen if entry["finding"]["code"] == code])
    ]  # fmt: skip
    return {
        "version": 1, "number": made.findings, "matching": len(chosen), "groups": groups, "withheld": made.withheld(),
        "codes": [{"code": code, "title": title} for code, title, _ in CHECKS],
    }  # fmt: skip


def _interval(time: float, lost: int, chance: random.Random) -> Answer:
    recent = max(0.0, 1 - (NOW - time) / 60)
    sent = int(400 + 120 * math.sin(time / 90) + chance.uniform(-30, 30))
    under_way, failed = int(sent * recent * 0.5), int(chance.uniform(0, 9))
    return {
        "time": time, "sent": sent, "unsent": 0, "failed": failed, "under_way": under_way, "lost": lost,
        "processed": sent - failed - under_way - lost,
    }  # fmt: skip


def delivery(made: Made, _: Mapping[str, str]) -> Answer:
    chance = random.Random(made.seed)
    series = []
    for place, (_sender, destination, _reader, group) in enumerate(made.flows):
        lost = [90 if place == 0 and 20 <= turn < 25 else 0 for turn in range(len(TIMES))]
        intervals = [_interval(time, lost[turn], chance) for turn, time in enumerate(TIMES)]
        total = {key: sum(interval[key] for interval in intervals) for key in intervals[0]}
        series.append({
            "destination": destination, "system": "kafka", "group": group, "grace": 30.0, "intervals": intervals,
            "total": total,
        })  # fmt: skip
    return {"since": TIMES[0], "until": NOW, "step": STEP, "series": series, "left_off": 0}


def messages(made: Made, asked: Mapping[str, str]) -> Answer:
    state = asked.get("state") or "processed"
    rows = [
        {
            "state": state, "sent_at": float(asked["since"]) + number / 10, "service": made.flows[0][0],
            "trace_id": f"{number:032x}", "span_id": f"{number:016x}", "message_id": f"m-{number}{made.evil}",
            "correlation_id": None, "partition": "2", "offset": 40 + number, "key": f"customer-{number}{made.evil}",
            "attempts": 1, "processed_at": None, "error": made.evil or None,
        }
        for number in range(90)
    ]  # fmt: skip
    return {"number": len(rows), "messages": rows}


def lag(made: Made, _: Mapping[str, str]) -> Answer:
    series = []
    for flow in made.flows:
        late = flow == made.flows[-1]
        points = [
            [
                time,
                (turn * 300.0 if late else 12 + 8 * math.sin(turn / 4)),
                turn * 1.2 if late else 0.1,
                0.02 + turn / 60,
            ]
            for turn, time in enumerate(TIMES)
        ]
        forecast = made.forecast() if late else None
        series.append(
            {"destination": flow[1], "group": flow[3], "points": points, "forecast": forecast, "unknown_sends": 0}
        )
    return {"since": TIMES[0], "until": NOW, "step": STEP, "series": series, "left_off": 0}


def heat(made: Made, asked: Mapping[str, str]) -> Answer:
    chance = random.Random(made.seed)
    counts = []
    for turn in range(len(TIMES)):
        row = [0] * len(BOUNDS)
        for _ in range(300):
            took = chance.lognormvariate(math.log(0.02 if turn < 40 or chance.random() < 0.5 else 0.2), 0.5)
            row[next(place for place, bound in enumerate(BOUNDS) if bound is None or took <= bound)] += 1
        counts.append(row)
    errors = [3 if turn == 44 else 0 for turn in range(len(TIMES))]
    return {
        "destination": asked.get("destination"), "group": None, "step": STEP, "times": TIMES, "bounds": BOUNDS,
        "counts": counts, "errors": errors,
    }  # fmt: skip


def latency(made: Made, _: Mapping[str, str]) -> Answer:
    wave = [0.08 + 0.02 * math.sin(turn / 5) for turn in range(len(TIMES))]
    points = [[time, value, value * 3] for time, value in zip(TIMES, wave, strict=True)]
    quantiles = {"count": 2400, "p50": 0.08, "p95": 0.24, "p99": 0.5}
    ends = [{"origin": flow[0], "final": flow[2], **quantiles, "points": points} for flow in made.flows]
    hops = []
    for place, (sender, destination, reader, group) in enumerate(made.flows):
        shared = {"count": 2400, "p50": 0.002 * 3**place, "p95": 0.006 * 3**place, "p99": 0.02 * 3**place}
        hops += [
            {"source": sender, "target": destination, "kind": "send", "group": None, **shared},
            {"source": destination, "target": reader, "kind": "queue", "group": group, **shared},
            {"source": destination, "target": reader, "kind": "process", "group": group, **shared},
        ]
    return {"since": TIMES[0], "until": NOW, "ends": ends, "hops": hops, "left_off": {"ends": 0, "hops": 7}}


def trace(made: Made, asked: Mapping[str, str]) -> Answer:
    event = asked["event"]
    if event == "nowhere":
        return {"event": event, "spans": [], "missing": [], "near": [f"orders/0/1{made.evil}"]}
    steps = [
        ("shop", "send orders", "send", None, 0.0, 0.004, "ok"),
        ("billing", "process orders", "process", 0, 0.012, 0.050, "error"),
        ("billing", "process orders", "process", 0, 0.080, 0.044, "ok"),
        ("billing", "send invoices", "send", 2, 0.100, 0.003, "ok"),
        ("mail", "process invoices", "process", 3, 0.115, 0.090, "ok"),
    ]
    spans = [
        {
            "trace_id": "1" * 32, "span_id": f"{number:016x}", "cause": None if cause is None else f"{cause:016x}",
            "service": service, "name": name + made.evil, "type": kind, "destination": name.split()[1],
            "group": None, "partition": "2", "offset": 41, "attempt": 1 + (number == 2), "start": NOW + start,
            "end": NOW + start + took, "outcome": outcome, "error": "KeyError" if outcome == "error" else None,
            "error_text": f"'customer'{made.evil}" if outcome == "error" else None,
            "jaeger": (made.evil and f"javascript:alert('{made.evil}')") or "http://127.0.0.1:16686/trace/" + "1" * 32,
        }
        for number, (service, name, kind, cause, start, took, outcome) in enumerate(steps)
    ]  # fmt: skip
    return {"event": event, "spans": spans, "missing": [f"nobody received from `audit`{made.evil}"], "near": []}


def compare(made: Made, asked: Mapping[str, str]) -> Answer:
    before = {
        "sent_rate": 118.0, "processed_rate": 117.0, "failed_rate": 0.2, "error_share": 0.002, "p50": 0.02,
        "p95": 0.05, "queue_p50": 0.005, "queue_p95": 0.03, "unknown_sends": 0,
    }  # fmt: skip
    after = {**before, "sent_rate": 121.0, "error_share": 0.031, "p95": 0.21, "queue_p95": 0.012}
    rows: list[Answer] = [{"destination": flow[1], "group": flow[3], "a": before, "b": after} for flow in made.flows]
    rows.append({"destination": "refunds", "group": None, "a": None, "b": after})
    entries = made.entries()
    a, b = ([float(asked[f"{side}_since"]), float(asked[f"{side}_until"])] for side in "ab")
    kept = {"a_kept": min(a[1] - a[0], 400.0), "b_kept": b[1] - b[0], "findings_since": a[0]}
    found = {"only_a": entries[:1], "only_b": entries[1:4], "both": entries[4:]}
    return {"a": a, "b": b, **kept, "rows": rows, **found}


def partitions(made: Made, asked: Mapping[str, str]) -> Answer:
    destination, since = asked["destination"], NOW - 900
    owners = [
        {
            "partition": str(number), "instance": f"pod-{(number + turn) % 3}{made.evil}", "service": "billing",
            "since": since + turn * 300, "until": since + turn * 300 + 295,
        }
        for number in range(12)
        for turn in range(3)
    ]  # fmt: skip
    rebalances = [
        {"time": since + at, "kind": kind, "service": "billing", "instance": "pod-1", "partition": None}
        for at, kind in ((292, "revoked"), (299, "assigned"), (593, "revoked"), (600, "assigned"))
    ]
    rows = [
        {
            "partition": str(number), "owner": "billing", "instance": f"pod-{(number + 2) % 3}{made.evil}",
            "rate": 60.0 if number == 3 else 5.0, "share": 0.52 if number == 3 else 0.0436, "lag": number * 3,
            "hot": number == 3,
        }
        for number in range(12)
    ]  # fmt: skip
    groups = [
        {
            "name": flow[3],
            "partitions": rows,
            "owners": owners,
            "rebalances": rebalances,
            "left_off": {"owners": 0, "rebalances": 0},
        }
        for flow in made.flows
        if flow[1] == destination
    ]
    return {"destination": destination, "since": since, "until": NOW, "groups": groups}


ANSWERS: dict[str, Callable[[Made, Mapping[str, str]], Any]] = {
    "state": lambda made, _: made.state(),
    "findings": findings,
    "delivery": delivery,
    "delivery/messages": messages,
    "lag": lag,
    "heat": heat,
    "latency": latency,
    "trace": trace,
    "compare": compare,
    "partitions": partitions,
}
