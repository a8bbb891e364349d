"""The kinds of attack, by the name that the command knows them by."""

from . import sessions

KINDS = {
    "sessions": sessions,
}
