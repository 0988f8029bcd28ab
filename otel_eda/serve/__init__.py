"""The live page: `otel-eda serve` receives telemetry, keeps it, and shows it in a browser; `otel-eda record` keeps it.

`loader` makes a part of what came in the last seconds, `parts` keeps parts in a folder, `board` adds up the last
minute, `found` knows all findings, `questions` ask the parts in SQL, `app` answers a browser as `contract` says.
"""
