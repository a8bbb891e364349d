"""How good a method is: a scribbling robot, figures with units, classical baselines, reports."""
