"""The four modules at the paper's scale: ResidualUNet3D, DeepLabv3, an STCN-like MPFFM and their FCM.

Inputs, outputs and the flow between the modules are those of the compact ones beside this
folder; ``docs/networks.md`` says where they depart from the paper and from the authors' code.
"""
