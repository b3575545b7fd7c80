"""What was sold, added up by day, so that reports need not read every order."""
