"""Says what is wrong with an input or an output, from six points of view that never see each other.

It decides how severe each concern is and which doctrine clauses it touches. It never approves, never weighs one critic
against another, never forgets a concern, and never calls a critic that could not answer "clean".
"""
