"""Separation of a talker from a mixture: rooms, mixtures, network, loss and measures (paper 4)."""
