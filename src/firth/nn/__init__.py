"""What every neural rung shares: the training loop, schedules and softmaxes. Needs the extra ``[neural]``."""
