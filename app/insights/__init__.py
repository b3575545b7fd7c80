"""Store operations: metrics, reports and what lies behind them."""
