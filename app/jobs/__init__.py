"""Background work: queues and schedules; the only importer of rq."""
