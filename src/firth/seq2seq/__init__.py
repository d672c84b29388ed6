"""Encoder-decoders: nets that read one sequence and write another, with attention; search for what to write."""
