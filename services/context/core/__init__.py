"""The pure part of context: cutting, ranking, packing and distrusting text. Values in, values out."""
