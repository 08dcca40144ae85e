"""Darkroom: pictures in, finished pictures, scores and a report out."""
