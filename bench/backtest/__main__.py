"""`make backtest`: what was foretold of courses whose end is known, by us and by two baselines."""
