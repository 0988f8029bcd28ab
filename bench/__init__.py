"""What instrumentation costs: ours, the bare SDK by hand and the official instrumentation, side by side in one run."""
