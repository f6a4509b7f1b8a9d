"""The rules of support, one file per group. A test reads like the rule whose number it carries."""
