"""Random chaos against a real recorder, its publisher and its PostgreSQL, and the oracle that judges what is left.

``plan`` draws what happens from a seed, ``system`` runs the processes, ``disturb`` does it to them, ``producers`` send,
``history`` remembers, ``oracle`` judges.
"""
