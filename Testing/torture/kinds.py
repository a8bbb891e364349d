"""The kinds of attack, by the name that the command knows them by."""

from . import damaged, sessions

KINDS = {
    "sessions": sessions,
    "damaged": damaged,
}
