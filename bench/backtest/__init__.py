"""How well the forecasts foretell what is known to have come: `python -m bench.backtest`."""
