"""Language models: n-grams, maximum entropy, and neural ones, under one interface and on one scale."""
