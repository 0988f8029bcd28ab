"""What every emitter of events in the process is promised; see `emitters.base` for what one has to bring."""
