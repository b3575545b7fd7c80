"""From a question to SQL: `compiler.compile_question` gives the statements, `report.build_report` puts their answers together."""
