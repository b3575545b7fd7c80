"""It fell, why? The premise verified, the change taken apart, the usual suspects checked, every claim with its source."""
