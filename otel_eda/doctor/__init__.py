"""What is instrumented here, what is not and why, which steps of ours failed, and where telemetry goes.

`inspection` looks at an environment or a program, `endpoint` at where telemetry goes, `report` puts both into words.
"""
