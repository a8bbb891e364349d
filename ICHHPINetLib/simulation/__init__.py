"""How users scribble, played by programs: the robot of training and evaluation, and its relatives."""
