"""Sensitivity methods that only speaker verification has."""
