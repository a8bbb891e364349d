"""What a round of interaction is: scribbles in, a mask out, and what is remembered in between."""
