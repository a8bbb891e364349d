"""The kinds of attack, by the name that the command knows them by."""

from . import archives, damaged, disks, kills, sessions

KINDS = {
    "sessions": sessions,
    "kills": kills,
    "disks": disks,
    "damaged": damaged,
    "archives": archives,
}
