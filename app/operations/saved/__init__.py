"""The edges of saved reports (app.insights.saved): pages at /ops/reports and the API, with the desk's own way to show a report."""
