"""What may be cached, under which name, for how long, and whether two questions are alike: values in, values out."""
