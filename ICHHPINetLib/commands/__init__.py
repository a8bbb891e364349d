"""The commands of ``ichhpinet``, one file each: ``add_arguments(parser)`` and ``run(arguments)``."""
