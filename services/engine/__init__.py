"""Run one question through the mesh: the order of the calls, the budget of time, and what to do when a part is missing.

It never judges, never talks to a model vendor, and releases nothing before the evidence is durable.
"""
