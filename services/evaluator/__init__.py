"""The evaluator: measures an answer and turns the critics' findings into a verdict, a gate and a review.

It decides the quality scores, the aggregate, the uncertainty, the weight of precedent and what a person must do before
anything is executed. It never alters, drops, lowers or invents a critic's finding, and never gives a number to what it
could not measure.
"""
