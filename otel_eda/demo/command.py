"""`otel-eda demo`."""

from otel_eda.diagnosis import CLEAN

from .options import Options

EXAMPLES = (
    "otel-eda demo",
    "otel-eda demo --orders 50 --keep telemetry --no-open",
)


def run(options: Options) -> int:
    """Run the demo and show what its telemetry says; raises `UnusableError` if that cannot be shown."""
    if options.serve:
        from .page import serve

        serve(options)
    else:
        from .runner import show

        show(options)
    return CLEAN
