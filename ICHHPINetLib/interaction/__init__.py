"""What a round of interaction is: strokes in, a mask out, and what is remembered in between."""
