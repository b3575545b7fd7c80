"""How what staff are to be told reaches them: the event stream, Web Push, e-mail, and escalation when nobody acts."""
