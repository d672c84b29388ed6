"""Uses of representations: classifiers, taggers, translators."""
