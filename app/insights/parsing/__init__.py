"""From a sentence, Chinese or English, to what it asks: `reader.read` takes it apart, `merging` adds it to the talk so far."""
