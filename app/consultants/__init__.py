"""The consultants' desk: who waits for a person, who takes them over, and the talk between them."""
