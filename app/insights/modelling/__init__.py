"""What a language model adds to the operators' desk: it fills structures that we check, and never speaks to the reader itself."""
