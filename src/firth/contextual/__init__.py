"""Words in context: ELMo."""
