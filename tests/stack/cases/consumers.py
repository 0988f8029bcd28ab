"""When alerts on groups and their consumers fire."""

from __future__ import annotations

from .series import GROUP, PLACE, Case, consumed, counted, lag, polled, queued

DAY = 24 * 3600
CASES = [
    Case("EdaConsumerStalled", "there are messages, and none is taken", lag("5x60") | consumed("7x60")),
    Case("EdaConsumerStalled", "none was ever taken", lag("5x60")),
    Case("EdaConsumerStalled", "messages are taken", lag("5x60") | consumed("0+1x60"), fires=False),
    Case("EdaConsumerStalled", "there are no messages", lag("0x60") | consumed("7x60"), fires=False),
    Case(
        "EdaConsumerStalled",
        "a message is at work for long",
        counted("eda_consumer_in_flight_age_seconds", "0+60x60"),
    ),
    Case(
        "EdaConsumerStalled",
        "messages are at work for a while",
        counted("eda_consumer_in_flight_age_seconds", "200x60"),
        fires=False,
    ),
    Case("EdaConsumerStalled", "the group has thrown it out", polled("0+60x60")),
    Case("EdaConsumerStalled", "it polls seldom, as it may", polled("500x60", "900x60"), fires=False),
    Case("EdaPollLimitAhead", "it polls ever more seldom", polled("10+5x60", "400x60")),
    Case("EdaPollLimitAhead", "it polls seldom, and no more so", polled("350x60", "400x60"), fires=False),
    Case("EdaPollLimitAhead", "it polls a little more seldom", polled("10+1x60", "400x60"), fires=False),
    Case("EdaConsumerGone", "its process has gone", counted("eda_consumer_partition_count", "3x40 stale")),
    Case(
        "EdaConsumerGone",
        "another process is there",
        {
            f'eda_consumer_partition_count{{{GROUP},instance="1"}}': "3x40 stale",
            f'eda_consumer_partition_count{{{GROUP},instance="2"}}': "_x41 3x20",
        },
        fires=False,
    ),
    Case(
        "EdaConsumerGone",
        "it has no partitions, for there are more consumers",
        {
            f'eda_consumer_partition_count{{{GROUP},instance="1"}}': "0x60",
        },
        fires=False,
    ),
    Case("EdaLagGrowing", "more come than are taken", lag("0+60x60") | consumed("0+60x60")),
    Case("EdaLagGrowing", "it is far behind, and catches up", lag("9000-60x60") | consumed("0+60x60"), fires=False),
    Case("EdaLagGrowing", "it is a few behind, and more than before", lag("0+1x60") | consumed("0+60x60"), fires=False),
    Case("EdaLagAhead", "it rises fast", lag("0+200x60") | consumed("0+60x60"), also=frozenset({"EdaLagGrowing"})),
    Case("EdaLagAhead", "it has stopped to rise", lag("0+200x40 8000x20") | consumed("0+60x60"), fires=False),
    Case(
        "EdaRetentionAhead",
        "the log's begin comes nearer, from far",
        counted("eda_consumer_retention_margin", "90000-900x60") | lag("60000x60") | consumed("0+60x60"),
    ),
    Case(
        "EdaRetentionAhead",
        "nothing waits",
        counted("eda_consumer_retention_margin", "90000-900x60") | lag("0x60") | consumed("0+60x60"),
        fires=False,
    ),
    Case(
        "EdaRetentionAhead",
        "the member whose log's begin came nearer has read everything, others have not",
        counted("eda_consumer_retention_margin", "45000-900x40 _x20")
        | counted("eda_consumer_retention_margin", "9000000-60x60", f'{PLACE},instance="2"')
        | lag("500x60")
        | consumed("0+60x60"),
        fires=False,
    ),
    Case(
        "EdaRetentionNear", "it reads what is six days old", counted("eda_consumer_lag_time_seconds", f"{6 * DAY}x60")
    ),
    Case(
        "EdaRetentionNear",
        "it reads what is a day old",
        counted("eda_consumer_lag_time_seconds", f"{DAY}x60"),
        fires=False,
    ),
    Case(
        "EdaRetentionNear",
        "the log's begin comes nearer",
        counted("eda_consumer_retention_margin", "6000-100x60") | lag("60000x60") | consumed("0+60x60"),
        also=frozenset({"EdaRetentionAhead"}),
    ),
    Case(
        "EdaRetentionNear",
        "it begins with an old log, and leaves its begin behind",
        counted("eda_consumer_retention_margin", "0+60x60") | lag("60000x60") | consumed("0+60x60"),
        fires=False,
    ),
    Case(
        "EdaRetentionNear",
        "one member is near the log's begin and leaves it, another one comes nearer from far",
        counted("eda_consumer_retention_margin", "1000+60x60")
        | counted("eda_consumer_retention_margin", "9000000-60x60", f'{PLACE},instance="2"')
        | lag("60000x60")
        | consumed("0+60x60"),
        fires=False,
    ),
    Case("EdaQueueTime", "a tenth waits for minutes", queued("0+90x60", "0+100x60")),
    Case("EdaQueueTime", "a hundredth waits for minutes", queued("0+99x60", "0+100x60"), fires=False),
    Case(
        "EdaRebalances",
        "partitions come and go all the time",
        counted("eda_consumer_assignments_total", "0+6x60", f'{GROUP},instance="1"'),
    ),
    Case(
        "EdaRebalances",
        "five members of ten were started anew, one after the other",
        {
            f'eda_consumer_assignments_total{{{GROUP},instance="{number}"}}': "2x40 4 8 12 16 20 20x20"
            for number in range(5)
        },
        fires=False,
    ),
    Case(
        "EdaRebalances",
        "new members come and go, each of them once",
        {
            f'eda_consumer_assignments_total{{{GROUP},instance="{number}"}}': f"_x{30 + number} 2x30"
            for number in range(20)
        },
        fires=False,
    ),
]
