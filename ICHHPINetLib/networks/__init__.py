"""The four modules of the paper (VIM, SIM, FCM, MPFFM) and the network that joins them."""
