"""Reports that operators keep: run again with fresh dates, shared by link, made by the clock, watched by an alert."""
