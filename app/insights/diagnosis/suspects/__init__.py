"""The usual suspects, each by fixed queries: confirmed or ruled out, with its figure. `all_suspects` runs those that bear on a metric."""
